"""Reading scroll-back as it comes out of a terminal window: one attempt after the other.

Real scroll-back has colours, prompts, lines broken at the width of the window, other programs in between, and
often neither its beginning nor its end. What cannot be told is left open here, never guessed: text above the
first prompt belongs to an attempt without a name, and an attempt has ended only where a prompt follows it.

Not read: line editing beyond backspaces, full-screen programs, two commands on a line. Rejected: undoing the
line breaks first. The width of the window is not known, and a wrong join invents text; so whoever looks for
a phrase finds it broken (``evidence.phrase``).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from harness.model.rules import LOOK

# Names that stand in the page and its command reference; aliases beside the name that rules use.
_ALIASES = {"cryptounit-mk": LOOK, "auto-recover": "auto-mk-recover", "h": "help"}
_NAMES = (
    "help", "login", "auto-init", "auto-mk-rotate", "auto-mk-recover", "failover-enable", "cryptounits",
    "cryptounit-add", "cryptounit-rm", "cryptounit-compare", "cryptounit-admins", "cryptounit-admin-add",
    "cryptounit-admin-rm", "cryptounit-thrhlds", "cryptounit-thrhld-set", "cryptounit-exit-impr",
    "cryptounit-mks", "cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-setimm",
    "cryptounit-mk-rotate", "cryptounit-mk-clrnew", "cryptounit-mk-clrcur", "cryptounit-zeroize", "sigkeys",
    "sigkey-add", "sigkey-sel", "sigkey-rm", "mks", "mk-add", "mk-rm", "rotation-status", *_ALIASES,
)  # fmt: skip

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # titles of windows, links
    r"|\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"  # colours, cursor
    r"|\x1b[ -/]*[0-~]?"  # the rest
)
_RUBBED_OUT = re.compile(r"[^\n\x08]\x08")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")


def _broken(word: str) -> str:
    """Pattern of a word that a narrow window may have broken."""
    return r"\n?".join(map(re.escape, word))


_BEFORE = r"(?:(?:time|sudo|env|nohup|\w+=\S*)[ ]+)*"
_PROGRAM = rf"(?:\S*/)?(?:(?:{_broken('ibmcloud')}|ic|bx)\s+)?{_broken('tke')}\s+"
_NAME = "|".join(_broken(name) for name in sorted(_NAMES, key=len, reverse=True))
_TYPED = re.compile(
    rf"^(?P<prompt>[^\n]{{0,150}}?[$#%>\u276f»][ ]*)?{_BEFORE}(?P<program>{_PROGRAM})?"
    rf"(?P<name>{_NAME})(?P<rest>(?:[ \t][^\n]*)?)$",
    re.MULTILINE,
)
_PROMPT = re.compile(
    r"^(?P<prompt>[\w.-]+@[\w.-]+[^\n$#%]{0,80}[$#%]|(?:\([\w.-]+\)\s?)?\[[^\]\n]{1,80}\]\s?[$#%]"
    r"|PS [^\n>]{1,100}>"
    r"|[A-Z]:\\[^\n>]{0,100}>|[$#%\u276f]|[~/][^\n$#%]{0,80}[$#%])(?:[ \t]+(?P<rest>[^\n]*))?$",
    re.MULTILINE,
)
# What stands at the top of a window or of a recording, and is no output of anything.
_BANNER = re.compile(r"Last login:|Script started|スクリプトは")
_SHOWN = re.compile(r"(?:\s+-\S+)*(?:\s*(?:2>&1\s*)?\|\s*tee\b[^|>]*)?\s*")
_HELP = re.compile(r"\s(?:-h|--help|help)\b")


@dataclass(frozen=True)
class Attempt:
    """One command and what it printed.

    ``command``: its name, empty for another program, and for what stands above the first prompt;
    ``typed``: what was typed behind the prompt; ``line``: number of its line in the file, from 1;
    ``lines``: all that followed, from line ``first`` on;
    ``ended``: a prompt follows, so this is all that it printed;
    ``shown``: the output went to the terminal and not elsewhere.
    """

    command: str
    typed: str
    line: int
    first: int
    lines: tuple[str, ...]
    ended: bool
    shown: bool = True

    def find(self, pattern: re.Pattern[str]) -> tuple[int, str] | None:
        """Number and text of the line on which ``pattern`` is found first; broken lines are joined."""
        text = "\n".join(self.lines)
        match = pattern.search(text)
        if match is None:
            return None
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        number = self.first + text.count("\n", 0, start)
        return number, text[start : end if end >= 0 else None].replace("\n", "").strip()


@dataclass(frozen=True)
class _Prompt:
    start: int
    end: int
    command: str
    typed: str
    shown: bool


def clean(raw: str) -> str:
    """Return the text that a reader of the terminal saw."""
    text = _ESCAPES.sub("", raw.replace("\r\n", "\n"))
    while (shorter := _RUBBED_OUT.sub("", text)) != text:
        text = shorter
    return _CONTROL.sub("", re.sub(r"\r+", "\n", text))


def attempts(raw: str) -> tuple[Attempt, ...]:
    """Split scroll-back at its prompts; a banner above the first one, and an idle last one, are left out."""
    text = clean(raw)
    starts = [match.start() for match in re.finditer(r"^", text, re.MULTILINE)]
    prompts = [_Prompt(0, 0, "", "", shown=True), *_prompts(text)]
    ends = [*(prompt.start for prompt in prompts[1:]), len(text)]
    found = []
    for number, (prompt, end) in enumerate(zip(prompts, ends, strict=True), start=1):
        below = prompt.end + text[prompt.end : end].startswith("\n") * bool(prompt.end)
        line, first = bisect_right(starts, prompt.start), bisect_right(starts, below)
        lines = tuple(text[below:end].splitlines())
        found.append(
            Attempt(prompt.command, prompt.typed, line, first, lines, number < len(prompts), prompt.shown)
        )
    if all(not line.strip() or _BANNER.match(line) for line in found[0].lines):
        del found[0]
    if found and not (found[-1].command or found[-1].typed or any(map(str.strip, found[-1].lines))):
        del found[-1]
    return tuple(found)


def _prompts(text: str) -> Iterator[_Prompt]:
    """Everything that was typed at a shell, commands of ``tke`` and others, in order."""
    typed = [match for match in _TYPED.finditer(text) if _is_command(match)]
    learned = {match["prompt"].rstrip() for match in typed if match["prompt"]}
    known = {match.start(): match for match in typed}
    others = {match.start(): match for match in _PROMPT.finditer(text)}
    for prompt in learned:
        pattern = re.compile(rf"^{re.escape(prompt)}(?:[ \t]+(?P<rest>[^\n]*))?$", re.MULTILINE)
        others |= {match.start(): match for match in pattern.finditer(text)}
    for start in sorted(known.keys() | others.keys()):
        yield _named(known[start]) if start in known else _other(others[start])


def _is_command(match: re.Match[str]) -> bool:
    """A name alone is a command where only a prompt of a shell stands before it: so the bench writes them."""
    prompt = (match["prompt"] or "").rstrip()
    if match["program"]:
        return prompt != ">" and bool(prompt or not match["rest"].strip())
    return prompt in {"$", "#"}


def _named(match: re.Match[str]) -> _Prompt:
    name = match["name"].replace("\n", "")
    rest = match["rest"]
    command = "help" if _HELP.search(rest) else _ALIASES.get(name, name)
    typed = match.string[match.start("program" if match["program"] else "name") : match.end()]
    return _Prompt(
        match.start(), match.end(), command, typed.replace("\n", "").strip(), bool(_SHOWN.fullmatch(rest))
    )


def _other(match: re.Match[str]) -> _Prompt:
    return _Prompt(match.start(), match.end(), "", (match["rest"] or "").strip(), shown=True)
