"""Profiles: a system under test as its author describes it, read from TOML.

Commands are lists of words. In words and in the environment stand for folders: ``{root}`` the files that are
rotated, where every command runs and all of them are restored for each scenario; ``{ledger}`` what the check
compares with, out of reach of the commands; ``{home}`` scratch, new in every scenario; ``{here}`` the folder
of the profile; ``{cwd}`` the folder that hil was called in; ``{python}`` the interpreter of the bench.
docs/systems-under-test.md has the whole form.
"""

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.model.rules import ProcedureKind
from harness.model.verdicts import Verdict

Words = tuple[str, ...]
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BESIDE = re.compile(r"\{here\}/([\w.-]+)")


class BadProfile(ValueError):
    """A profile that cannot be used; the text names the file and what is wrong in it."""


class Ended(StrEnum):
    """How the operator saw a command end."""

    OK = "ok"  # exit code 0
    FAILED = "failed"  # another exit code
    KILLED = "killed"
    HUNG = "hung"  # not within its seconds; it was ended then


@dataclass(frozen=True)
class Rule:
    """What the operator does next, by what the last command showed: run another, or be done.

    ``after``: which command that was; empty stands for any.
    """

    run: str
    ended: tuple[Ended, ...]
    after: tuple[str, ...]
    shows: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule in a line, as it stands in evidence."""
        ended = "" if set(self.ended) == set(Ended) else f" {' or '.join(self.ended)}"
        seen = [f"{' or '.join(self.after) or 'a command'} has ended{ended}"]
        seen += [f"shows {name}" for name in self.shows]
        seen += [f"does not show {name}" for name in self.lacks]
        return f"{', '.join(seen)}: {self.run or 'done'}"

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.run


@dataclass(frozen=True)
class Procedure:
    """A recovery: the first rule that holds is followed, again and again until one says done."""

    name: str
    kind: ProcedureKind
    expected: Verdict
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Profile:
    """A system under test."""

    path: Path
    name: str
    flow: str
    victim: str
    setup: tuple[Words, ...]
    rotate: str
    commands: Mapping[str, Words]
    check: Words
    messages: Mapping[str, re.Pattern[str]]
    procedures: tuple[Procedure, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    install: str = ""
    files: tuple[str, ...] = ()
    version: Words = ()
    seconds: float = 60.0
    alone: bool = False

    @property
    def parts(self) -> tuple[Path, ...]:
        """The profile and the files beside it that it names: what it takes to play it elsewhere."""
        names = {self.path.name, *self.files, *_BESIDE.findall(self.path.read_text())}
        return tuple(sorted(path for name in names if (path := self.path.parent / name).is_file()))


def load(path: Path) -> Profile:
    """Read a profile; raises BadProfile."""
    try:
        value = tomllib.loads(path.read_text())
        return _profile(path.resolve(), value)
    except OSError as error:
        raise BadProfile(f"{path}: {error.strerror}") from error
    except KeyError as error:
        raise BadProfile(f"{path}: {error} is missing") from error
    except (AttributeError, TypeError, ValueError, re.error) as error:
        raise BadProfile(f"{path}: {error}") from error


def _profile(path: Path, value: dict[str, Any]) -> Profile:
    _known(value, Profile, "the profile")
    for name in ("name", "flow", "victim"):
        if not NAME.fullmatch(value[name]):
            raise ValueError(f"{name} is '{value[name]}': small letters, digits and hyphens only")
    commands = {name: _words(words) for name, words in value["commands"].items()}
    messages = {name: re.compile(pattern) for name, pattern in value.get("messages", {}).items()}
    if value["rotate"] not in commands:
        raise ValueError(f"rotate is '{value['rotate']}', which is none of the commands")
    procedures = tuple(_procedure(one, set(commands), set(messages)) for one in value["procedures"])
    if not procedures:
        raise ValueError("there is no procedure")
    return Profile(
        path=path,
        name=value["name"],
        flow=value["flow"],
        victim=value["victim"],
        setup=tuple(map(_words, value["setup"])),
        rotate=value["rotate"],
        commands=commands,
        check=_words(value["check"]),
        messages=messages,
        procedures=procedures,
        environment={name: str(text) for name, text in value.get("environment", {}).items()},
        ignore=tuple(value.get("ignore", ())),
        needs=tuple(value.get("needs", ())),
        install=value.get("install", ""),
        files=tuple(value.get("files", ())),
        version=_words(value["version"]) if "version" in value else (),
        seconds=float(value.get("seconds", 60)),
        alone=bool(value.get("alone", False)),
    )


def _procedure(value: dict[str, Any], commands: set[str], messages: set[str]) -> Procedure:
    _known(value, Procedure, "a procedure")
    if not NAME.fullmatch(value["name"]):
        raise ValueError(f"procedure '{value['name']}': small letters, digits and hyphens only")
    rules = tuple(_rule(rule, commands, messages) for rule in value["rules"])
    kind = ProcedureKind(value.get("kind", ProcedureKind.DOCUMENTED))
    return Procedure(value["name"], kind, Verdict(value.get("expected", Verdict.RECOVERED)), rules)


def _rule(value: dict[str, Any], commands: set[str], messages: set[str]) -> Rule:
    _known(value, Rule, "a rule")
    run = value.get("run", "")
    shows, lacks = tuple(value.get("shows", ())), tuple(value.get("lacks", ()))
    if run and run not in commands:
        raise ValueError(f"a rule runs '{run}', which is none of the commands")
    if unknown := {*shows, *lacks} - messages:
        raise ValueError(f"a rule looks for '{min(unknown)}', which is none of the messages")
    after = tuple(value.get("after", ()))
    if unknown := set(after) - commands:
        raise ValueError(f"a rule follows '{min(unknown)}', which is none of the commands")
    return Rule(run, tuple(map(Ended, value.get("ended", Ended))), after, shows, lacks)


def _known(value: dict[str, Any], kind: type[Profile | Procedure | Rule], what: str) -> None:
    fields = {one.name for one in dataclasses.fields(kind)} - {"path"}
    if unknown := set(value) - fields:
        raise ValueError(f"{what} has no '{min(unknown)}'; known are {', '.join(sorted(fields))}")


def _words(value: object) -> Words:
    if not (isinstance(value, list) and value and all(isinstance(word, str) for word in value)):
        raise ValueError(f"a command is a list of words, not {value!r}")
    return tuple(value)
