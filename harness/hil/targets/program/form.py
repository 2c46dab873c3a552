"""The form of a profile of a system under test, one line a key; docs/systems-under-test.md explains it."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hil.forms import form, reading
from hil.forms.form import Form, JsonSchema, Like, OneOf, Words, amiss, meant, said
from hil.forms.places import Path
from hil.forms.reading import Problem
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import VOID, Verdict

DEADLINE_SECONDS = 60.0


class CommandEnd(StrEnum):
    """How the operator saw a command end."""

    OK = "ok"  # exit code 0
    FAILED = "failed"  # another exit code
    KILLED = "killed"
    HUNG = "hung"  # not within its seconds; it was ended then


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise amiss(f"{said(value)} is no regular expression: {error}") from error
    return value


_Name = Annotated[str, Like(r"^[a-z0-9]+(-[a-z0-9]+)*$", "a name of small letters, digits and hyphens")]
_Variable = Annotated[str, Like(r"^[^=\s]+$", "a name of an environment variable")]
_Command = Annotated[list[str], Field(min_length=1)]
_Names = list[Words]


def _names(text: str) -> Any:  # noqa: ANN401 - as Field of pydantic
    return Field(default_factory=list, description=text)


class ProgramRuleForm(Form):
    """What the operator does next."""

    run: str = Field(default="", description="the next command; none means that nothing is left to do")
    ended: list[Annotated[CommandEnd, OneOf(tuple(CommandEnd))]] = Field(
        default_factory=lambda: list(CommandEnd), description="how the last command ended", min_length=1
    )
    after: _Names = _names("which command that was")
    shows: _Names = _names("messages that it showed")
    lacks: _Names = _names("messages that it did not show")


class ProgramProcedureForm(Form):
    """A recovery."""

    name: _Name = Field(description="the name; ids of scenarios end with it")
    kind: Annotated[ProcedureKind, OneOf(tuple(ProcedureKind))] = Field(
        default=ProcedureKind.DOCUMENTED, description="why it is followed"
    )
    expected: Annotated[Verdict, OneOf(tuple(one for one in Verdict if one not in VOID))] = Field(
        default=Verdict.RECOVERED, description="the verdict that its author predicts"
    )
    rules: list[ProgramRuleForm] = Field(
        description="what to do next; the first that holds is followed", min_length=1
    )


class SystemForm(Form):
    """The whole file."""

    name: _Name = Field(description="the name of the profile")
    flow: _Name = Field(description="the rotation; ids of scenarios begin with it")
    victim: _Name = Field(description="the process that dies, as ids name it")
    setup: list[_Command] = Field(
        description="commands that make the golden files and the ledger", min_length=1
    )
    rotate: Words = Field(description="which of the commands is broken off")
    commands: dict[Words, _Command] = Field(
        description="what the operator has, each a list of words", min_length=1
    )
    check: _Command = Field(description="a command that prints what opens each key")
    procedures: list[ProgramProcedureForm] = Field(
        description="recoveries, each with its rules", min_length=1
    )
    messages: dict[Words, Annotated[Words, AfterValidator(_pattern)]] = Field(
        default_factory=dict, description="names for patterns in what a command prints"
    )
    environment: dict[_Variable, str] = Field(default_factory=dict, description="for all commands")
    ignore: _Names = _names("patterns of files whose writes are no crash points")
    needs: _Names = _names("files that have to be there")
    install: str = Field(default="", description="how those get there")
    files: _Names = _names("more files beside the profile that belong to it")
    version: list[str] = Field(default_factory=list, description="a command that says its version")
    seconds: float = Field(default=DEADLINE_SECONDS, description="deadline of each command", gt=0)
    alone: bool = Field(default=False, description="whether two plays at once get in each other's way")


def read(content: str) -> SystemForm:
    """Read the text of a profile; raises Faulty."""
    return reading.parse(content, SystemForm, _problems)


def _problems(read: SystemForm) -> Iterator[Problem]:
    """Yield names that stand for nothing, and names that stand for two things."""
    yield from _strange(("rotate",), [read.rotate], read.commands, "commands")
    names = [one.name for one in read.procedures]
    for number, one in enumerate(read.procedures):
        place: Path = ("procedures", number)
        if one.name in names[:number]:
            yield Problem((*place, "name"), f"there is a procedure {said(one.name)} before, name it apart")
        for at, rule in enumerate(one.rules):
            here = (*place, "rules", at)
            yield from _strange((*here, "run"), [rule.run] if rule.run else [], read.commands, "commands")
            yield from _strange((*here, "after"), rule.after, read.commands, "commands")
            yield from _strange((*here, "shows"), rule.shows, read.messages, "messages")
            yield from _strange((*here, "lacks"), rule.lacks, read.messages, "messages")


def _strange(place: Path, names: Iterable[str], known: Iterable[str], what: str) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(place, f"{said(name)} is none of the {what}{meant(name, tuple(known))}")


def json_schema() -> JsonSchema:
    """Return the form as JSON Schema."""
    return form.json_schema(SystemForm, "System under test of hsm-hil")
