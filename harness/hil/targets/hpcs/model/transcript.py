"""Reading scroll-back as it comes out of a terminal window: one attempt after the other.

Real scroll-back has colours, prompts, lines broken at the width of the window, other programs in between, and
often neither its beginning nor its end. What cannot be told is left open here, never guessed: text above the
first prompt belongs to an attempt without a name, and an attempt has ended only where a prompt follows it.

Not read: line editing beyond backspaces, full-screen programs. Rejected: undoing the line breaks first. The
width of the window is not known, and a wrong join invents text; so whoever looks for a phrase finds it broken
(``evidence.phrase``).
"""

import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.targets.hpcs.model import prompts
from hil.targets.hpcs.model.folding import Likeness, fold, letters, likeness
from hil.targets.hpcs.model.prompts import Prompt

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\|(?=\n)|$)"  # titles of windows, links; never past their line
    r"|\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"  # colours, cursor
    r"|\x1b[ -/]*[0-~]?"  # the rest
)
_RUBBED_OUT = re.compile(r"[^\n\x08]\x08")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_WRAP_MARKS = re.compile(r"[\\\u21a9\u21b5\u23ce\u21b2]+$", re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]*[>|][ \t]?", re.MULTILINE)
_QUOTED_SHARE_MIN = 0.7

# What stands at the top of a window or of a recording, and is no output of anything.
_BANNER = re.compile(
    r"Last login:|Script started|スクリプトは|Welcome to fish|(?:Windows )?PowerShell|Copyright \(C\)"
)
# What a shell and a recording say in the end.
_FAREWELL = re.compile(
    r"\s*(?:exit|logout|\^D|(?:Shared )?[Cc]onnection to \S+ closed\.?|Script done\b.*|スクリプト.*終了.*"
    r"|Saving session\.\.\.|\.\.\.(?:saving|copying|truncating|completed)\b.*"
    r"|\[(?:Process completed|exited)\]"
    r"|client_loop: send disconnect.*|Session (?:ended|terminated).*)?\s*"
)
_LEAVING = frozenset({"", "exit", "logout", "^D", "exit 0"})
# The line above a prompt of two lines: a place, a host, a frame.
_HEADER = re.compile(r"\s*(?:[\u250c\u256d]|\S+@\S+|[~/]|\S+ (?:on|via|in|took) |[\ue0a0-\ue0d4]).*")
_SHORT_PROMPT = 4
# What a shell says of a job that died or was stopped.
_SHELL_SAYS = re.compile(
    r"\s*(?:\^[CZD\\]\s*)*(?:\[\d+\]\s*[-+]?\s+(?:\d+\s+)?(?!Com|De|KM|MK)[A-Za-z]+\b.*|\[\d+\][-+]?\s.*\btke\b.*"
    r"|(?:\S+: )?(?:line \d+: +\d+ +)?(?:Killed|Terminated|Hangup)\b.*"
    r"|zsh: (?:killed|terminated|hangup|suspended|interrupt)\b.*|fish: (?:Job|Process) .*)?\s*"
)
MESSAGES = (
    "Delaying 30 seconds to allow server to discover new master key values",
    "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm",
)
# Words of a rotation's own lines, as ``letters`` leaves them.
_ROTATES = re.compile(
    "|".join(
        letters(text)
        for text in (
            "Committing the master key", "Transferring the master key", "Generating a random master",
            "Setting the master key value", "replaced by a random value", "Workloads must not use",
            "CRK rewrap", "will be rewrapped", "Error sending rewrap",
        )
    )
)  # fmt: skip
READERS = frozenset({"cat", "echo", "grep", "head", "history", "kill", "less", "man", "pkill", "tail", "vi"})


@dataclass(frozen=True)
class Attempt:
    """One command and what it printed.

    ``command``: its name, empty for another program, and for what stands above the first prompt;
    ``typed``: what was typed behind the prompt; ``line``: number of its line in the file, from 1;
    ``lines``: all that followed, from line ``first`` on;
    ``ended``: a prompt follows, so this is all that it printed;
    ``shown``: the output went to the terminal and not elsewhere;
    ``back``: what follows is a prompt like the one that it was typed at.
    """

    command: str
    typed: str
    line: int
    first: int
    lines: tuple[str, ...]
    ended: bool
    shown: bool = True
    back: bool = True

    def find(self, pattern: re.Pattern[str]) -> tuple[int, str] | None:
        """Number and text of the line on which ``pattern`` is found first; broken lines are joined."""
        return next(self.find_all(pattern), None)

    def find_all(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line on which ``pattern`` is found."""
        text = "\n".join(self.lines)
        for match in pattern.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            end = text.find("\n", match.end())
            number = self.first + text.count("\n", 0, start)
            yield number, text[start : end if end >= 0 else None].replace("\n", "").strip()

    def after(self, pattern: re.Pattern[str]) -> str:
        """Return what follows the last place of ``pattern``, without what the shell says."""
        text = "\n".join(self.own())
        found = list(pattern.finditer(text))
        return text[found[-1].end() :] if found else ""

    def own(self) -> tuple[str, ...]:
        """Return what the command printed: not what the shell says, no line twice."""
        kept: list[str] = []
        for line in self.lines:
            shell = _SHELL_SAYS.fullmatch(line) and not of_a_rotation(line)
            if not shell and not (kept and line.strip() == kept[-1].strip()):
                kept.append(line)
        return tuple(kept)


def like_a_message(line: str) -> bool:
    """Whether a line may be one of the two messages, cut, broken or misread."""
    return any(likeness(line, message) is not Likeness.NONE for message in MESSAGES)


def of_a_rotation(line: str) -> bool:
    """Whether a line may be one that a rotation prints."""
    return bool(_ROTATES.search(letters(line))) or like_a_message(line)


def clean(raw: str) -> str:
    """Return the text that a reader of the terminal saw."""
    text = _ESCAPES.sub("", raw.replace("\r\n", "\n"))
    while (shorter := _RUBBED_OUT.sub("", text)) != text:
        text = shorter
    text = fold(_CONTROL.sub("", re.sub(r"\r+", "\n", text)))
    return textwrap.dedent(_WRAP_MARKS.sub("", _unquoted(text)))


def _unquoted(text: str) -> str:
    """Take away the marks of a mail, where they stand before nearly every line."""
    lines = [line for line in text.split("\n") if line.strip()]
    quoted = sum(bool(_QUOTED.match(line)) for line in lines)
    if not lines or quoted < _QUOTED_SHARE_MIN * len(lines):
        return text
    return _unquoted(_QUOTED.sub("", text))


def attempts(raw: str) -> tuple[Attempt, ...]:
    """Split scroll-back at its prompts; a banner above the first one, and an idle last one, are left out."""
    text = clean(raw)
    starts = [match.start() for match in re.finditer(r"^", text, re.MULTILINE)]
    places = [Prompt(0, 0), *(prompt for prompt in prompts.find(text) if _is_prompt(prompt, text))]
    ends = [*(prompt.start for prompt in places[1:]), len(text)]
    headers = frozenset(_headers(text, places))
    found = []
    for number, (prompt, end) in enumerate(zip(places, ends, strict=True), start=1):
        below = prompt.end + text[prompt.end : end].startswith("\n") * bool(prompt.end)
        line, first = bisect_right(starts, prompt.start), bisect_right(starts, below)
        lines = text[below:end].split("\n")
        following = places[number] if number < len(places) else None
        if following and len(following.sign) <= _SHORT_PROMPT:
            lines = _without_header(lines, headers)
        ended, back = following is not None, following is None or _alike(prompt.sign, following.sign)
        found.append(
            Attempt(prompt.command, prompt.typed, line, first, tuple(lines), ended, prompt.shown, back)
        )
    if _is_banner(found[0].lines):
        del found[0]
    return _without_farewell(found)


def _is_prompt(prompt: Prompt, text: str) -> bool:
    """Whether it is none of a rotation's lines that somebody has marked, with an arrow or a number sign."""
    if prompt.command or prompt.typed.partition(" ")[0] in READERS:
        return True
    return not of_a_rotation(text[prompt.start : prompt.end])


def _alike(one: str, other: str) -> bool:
    """Whether two prompts are of one shell: they begin or end alike; where one is not shown, nobody knows."""
    return not (one and other) or one[0] == other[0] or one[-1] == other[-1]


def _headers(text: str, places: Sequence[Prompt]) -> Iterator[str]:
    """Yield the first words of the lines that stand above short prompts, and look like a part of them."""
    for prompt in places[1:]:
        above = text[: prompt.start].rstrip("\n").rpartition("\n")[2]
        if prompt.command and len(prompt.sign) <= _SHORT_PROMPT and _is_header(above):
            yield above.split()[0]


def _is_header(line: str) -> bool:
    return bool(_HEADER.fullmatch(line)) and not like_a_message(line)


def _without_header(lines: list[str], headers: frozenset[str]) -> list[str]:
    """Blank the last line where it belongs to the prompt below it."""
    last = next((at for at in reversed(range(len(lines))) if lines[at].strip()), None)
    if last is None or not _is_header(lines[last]) or lines[last].split()[0] not in headers:
        return lines
    return [*lines[:last], "", *lines[last + 1 :]]


def _is_banner(lines: Sequence[str]) -> bool:
    return all(not line.strip() or _BANNER.match(line) for line in lines)


def _without_farewell(found: list[Attempt]) -> tuple[Attempt, ...]:
    """Leave out an idle prompt at the end, and how a shell was left; what stands above it has ended."""
    if not found or found[-1].command or found[-1].typed not in _LEAVING:
        return tuple(found)
    if len(found) > 1 and all(map(_FAREWELL.fullmatch, found[-1].lines)):
        return tuple(found[:-1])
    if not found[-1].typed and not any(map(str.strip, found[-1].lines)):
        return tuple(found[:-1])
    return tuple(found)
