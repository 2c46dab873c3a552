"""What key material looks like in text, and what stands in its place.

Evidence leaves the machine, so whatever has the form of a secret is taken out where it is written, and only
there: bearer tokens, private keys, and long runs of hex or base64, which is how key bytes are printed. What
is public has such a form as well (a verification pattern is 64 hex digits), so the redactor is told what it
may leave. The same secret gets the same number each time: a reader still sees that two values were equal.

Rejected: a list of secrets to search for. It would have to travel with the evidence, and what leaked by
accident is just what nobody put on a list. Values that have no form of their own (a PIN) can be added.
"""

import re
from collections.abc import Collection, Iterable

# Name and form, the longest first: a token is base64 as well.
FORMS: tuple[tuple[str, str], ...] = (
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("token", r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    ("hex", r"(?<![0-9A-Za-z])(?<!sha256:)[0-9A-Fa-f]{32,}(?![0-9A-Za-z])"),
    ("base64", r"(?<![\w+/-])(?<!sha256-)[A-Za-z0-9+/]{22,}={1,2}(?!=)"),
)
_ANY = re.compile("|".join(f"({form})" for _, form in FORMS), re.DOTALL)
PATTERN_DIGITS = 64


class Redactor:
    """Takes secrets out of texts; ``public`` are values of a secret's form that may stay."""

    def __init__(self, public: Iterable[str] = (), secrets: Collection[str] = ()) -> None:
        self._public = set()
        for value in public:
            half = len(value) // 2
            # The screens break a pattern into two lines, and rows carry its first half as their id.
            self._public |= {value, value[:half], value[half:]}
        longest = sorted((value for value in secrets if value), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest))) if longest else None
        self._numbers: dict[str, int] = {}
        self.found = 0

    def __call__(self, text: str) -> str:
        """Return ``text`` without secrets; ``found`` counts what was taken out."""
        if self._known:
            text = self._known.sub(lambda match: self._placeholder("secret", match[0]), text)
        return _ANY.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        if match[0] in self._public or set(match[0]) == {"0"}:
            return match[0]
        return self._placeholder(FORMS[(match.lastindex or 1) - 1][0], match[0])

    def _placeholder(self, form: str, value: str) -> str:
        self.found += 1
        number = self._numbers.setdefault(value, len(self._numbers) + 1)
        return f"[redacted {form} {number}]"
