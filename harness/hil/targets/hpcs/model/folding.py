"""Text as readers see it: signs that look alike are one sign, and signs that nobody sees are none.

A transcript comes through windows, mails, tickets and scanners before it gets here. What they do to single
signs is undone by ``fold``; what they do to lines, cut or misread, is only recognised (``likeness``): such a
line may be one of the two messages, and nobody may act as if it had not been shown.
"""

import re
import unicodedata
from difflib import SequenceMatcher
from enum import IntEnum

_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0405\u0408"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u2018\u2019\u201a\u201b\u2032\u201c\u201d\u201e\u2033\u2010\u2011\u2012\u2013\u2014\u2212",
    "aeopcyxisjhdqwABEKMHOPCTXISJovABEZHIKMNOPTYX'''''\"\"\"\"------",
)
_BREAKS = re.compile(r"[\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = frozenset({"Cf", "Mn", "Me", "Cs"})
_OCR = str.maketrans("0134568|!i", "oleas6blll")
_NO_LETTER = re.compile(r"[^a-z]")
PREFIX_LETTERS_MIN = 12
_CLEAR_LETTERS_MIN = 20
_CLEAR_RATIO, _MAYBE_RATIO = 0.85, 0.6


class Likeness(IntEnum):
    """How much a line is like a message."""

    NONE = 0
    MAYBE = 1  # its beginning, its end, or something like it
    CLEAR = 2  # most of it, and nothing else begins so


def fold(text: str) -> str:
    """Return ``text`` without signs that nobody sees, look-alikes as ASCII; lines stay lines."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", _BREAKS.sub(" ", text).translate(_LOOKALIKES))
    return "".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN)


def letters(text: str) -> str:
    """Return the letters of ``text`` alone, as a scanner may have mixed them up."""
    return _NO_LETTER.sub("", text.lower().translate(_OCR)).replace("rn", "m")


def likeness(line: str, message: str) -> Likeness:
    """Compare a line with a message that may have been cut, broken or misread."""
    seen, whole = letters(line), letters(message)
    if len(seen) < PREFIX_LETTERS_MIN:
        return Likeness.NONE
    start = seen.find(whole[:PREFIX_LETTERS_MIN])
    if start >= 0 and seen[start:].startswith(whole[:_CLEAR_LETTERS_MIN]):
        return Likeness.CLEAR
    ratio = _ratio(seen, whole)
    if ratio >= _CLEAR_RATIO:
        return Likeness.CLEAR
    cut = start >= 0 or whole.endswith(seen) or seen in whole or whole[-_CLEAR_LETTERS_MIN:] in seen
    return Likeness.MAYBE if cut or ratio >= _MAYBE_RATIO else Likeness.NONE


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _MAYBE_RATIO <= matcher.quick_ratio() else 0.0
