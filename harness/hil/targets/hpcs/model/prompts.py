"""Prompts of shells, and what was typed at them.

A prompt is known by its form, or because a command of ``tke`` was typed at one like it. Not read: two
commands on a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hil.targets.hpcs.model.rules import LOOK

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


def _broken(word: str) -> str:
    """Pattern of a word that a narrow window may have broken."""
    return r"\n?".join(map(re.escape, word))


_BEFORE = r"(?:(?:time|sudo|env|nohup|\w+=\S*)[ ]+)*"
_PROGRAM = rf"(?:\S*/)?(?:(?:{_broken('ibmcloud')}|ic|bx)\s+)?{_broken('tke')}\s+"
_NAME = "|".join(_broken(name) for name in sorted(_NAMES, key=len, reverse=True))
_SIGN = r"$#%>\u276f\u00bb\u03bb\u25b6\u27a4"  # with which prompts end
_ARROW = r"\u279c\u2192"  # with which those of oh-my-zsh begin
_TYPED = re.compile(
    rf"^(?P<prompt>(?:[^\n]{{0,150}}?[{_SIGN}]|[{_ARROW}][^\n]{{0,100}}?)[ ]*)?{_BEFORE}"
    rf"(?P<program>{_PROGRAM})?(?P<name>{_NAME})(?P<rest>(?:[ \t][^\n]*)?)$",
    re.MULTILINE,
)
_CLOCK = r"(?:\[?\d{1,2}:\d{2}(?::\d{2})?\]?\s)?"
_PROMPT = re.compile(
    rf"^(?P<prompt>{_CLOCK}(?:\([\w.-]+\)\s?)?(?:"
    r"[\w.-]+@[\w.-]+[^\n$#%]{0,80}[$#%]|[\w.-]+@[\w.-]+ [^\n>]{1,80}>|\[[^\]\n]{1,80}\]\s?[$#%]"
    r"|PS [^\n>]{1,100}>|[A-Z]:\\[^\n>]{0,100}>|(?:ba|z|k|da)?sh-?[\d.]*[$#%]"
    r"|[\u2514\u2570]\u2500+[$#%\u276f\u27a4>]|[$#%\u276f\u03bb]|[~/][^\n$#%]{0,80}[$#%]"
    rf"|[{_ARROW}][ \t]+\S+(?:[ \t]+git:\([^)\n]*\))?(?:[ \t]*[\u2717\u2714])?"
    r"))(?:[ \t]+(?P<rest>[^\n]*))?$",
    re.MULTILINE,
)
_SHOWN = re.compile(r"(?:\s+-\S+)*(?:\s*(?:2>&1\s*)?\|\s*tee\b[^|>]*)?\s*")
_HELP = re.compile(r"\s(?:-h|--help|help)\b")


@dataclass(frozen=True)
class Prompt:
    """A prompt and what was typed behind it: ``text[start:end]``; ``command`` is empty for another program.

    ``sign``: the prompt itself; ``shown``: the output went to the terminal and not elsewhere.
    """

    start: int
    end: int
    command: str = ""
    typed: str = ""
    sign: str = ""
    shown: bool = True


def find(text: str) -> Iterator[Prompt]:
    """Yield everything that was typed at a shell, commands of ``tke`` and others, in order."""
    typed = [match for match in _TYPED.finditer(text) if _is_command(match)]
    learned = {match["prompt"] for match in typed if match["prompt"]}
    known = {match.start(): match for match in typed}
    others = {match.start(): match for match in _PROMPT.finditer(text)}
    for prompt in learned:
        likewise = re.sub(r"\d+", r"\\d+", re.escape(prompt.rstrip()))  # a clock, a count of commands
        blank = "+" if prompt[-1].isspace() else "*"
        pattern = re.compile(rf"^(?P<prompt>{likewise})(?:[ \t]{blank}(?P<rest>[^\n]*))?$", re.MULTILINE)
        others |= {match.start(): match for match in pattern.finditer(text)}
    for start in sorted(known.keys() | others.keys()):
        yield _named(known[start]) if start in known else _other(others[start])


def _is_command(match: re.Match[str]) -> bool:
    """A name alone is a command where only a prompt of a shell stands before it: so the bench writes them."""
    prompt = (match["prompt"] or "").rstrip()
    if match["program"]:
        return prompt != ">" and bool(prompt or not match["rest"].strip())
    return prompt in {"$", "#"}


def _named(match: re.Match[str]) -> Prompt:
    name = match["name"].replace("\n", "")
    rest = match["rest"]
    command = "help" if _HELP.search(rest) else _ALIASES.get(name, name)
    typed = match.string[match.start("program" if match["program"] else "name") : match.end()]
    return Prompt(
        match.start(),
        match.end(),
        command,
        typed.replace("\n", "").strip(),
        (match["prompt"] or "").strip(),
        bool(_SHOWN.fullmatch(rest)),
    )


def _other(match: re.Match[str]) -> Prompt:
    typed = (match["rest"] or "").strip()
    return Prompt(match.start(), match.end(), "", typed, match["prompt"].strip())
