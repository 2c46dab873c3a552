"""Profiles: a system under test as its author describes it, read from TOML.

Commands are lists of words. In words and in the environment stand for folders: ``{root}`` the files that are
rotated, where every command runs and all of them are restored for each scenario; ``{ledger}`` what the check
compares with, out of reach of the commands; ``{home}`` scratch, new in every scenario; ``{here}`` the folder
of the profile; ``{cwd}`` the folder that hil was called in; ``{python}`` the interpreter of the bench.
docs/systems-under-test.md has the whole form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hil.forms import textfile
from hil.forms.reading import Faulty
from hil.model.procedure import ProcedureKind
from hil.model.verdicts import Verdict
from hil.targets.program import form
from hil.targets.program.form import DEADLINE_SECONDS, CommandEnd

Words = tuple[str, ...]
_BESIDE = re.compile(r"\{here\}/([\w.-]+)")


class BadProfile(ValueError):
    """A profile that cannot be used; the text names the file and what is wrong in it."""


@dataclass(frozen=True)
class ProgramRule:
    """What the operator does next, by what the last command showed: run another, or be done.

    ``after``: which command that was; empty stands for any.
    """

    run: str
    ended: tuple[CommandEnd, ...]
    after: tuple[str, ...]
    shows: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule in a line, as it stands in evidence."""
        ended = "" if set(self.ended) == set(CommandEnd) else f" {' or '.join(self.ended)}"
        seen = [f"{' or '.join(self.after) or 'a command'} has ended{ended}"]
        seen += [f"shows {name}" for name in self.shows]
        seen += [f"does not show {name}" for name in self.lacks]
        return f"{', '.join(seen)}: {self.run or 'done'}"

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.run


@dataclass(frozen=True)
class ProgramProcedure:
    """A recovery: the first rule that holds is followed, again and again until one says done."""

    name: str
    kind: ProcedureKind
    expected: Verdict
    rules: tuple[ProgramRule, ...]


@dataclass(frozen=True)
class ProgramProfile:
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
    procedures: tuple[ProgramProcedure, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    install: str = ""
    files: tuple[str, ...] = ()
    version: Words = ()
    seconds: float = DEADLINE_SECONDS
    alone: bool = False

    @property
    def parts(self) -> tuple[Path, ...]:
        """The profile and the files beside it that it names: what it takes to play it elsewhere."""
        names = {self.path.name, *self.files, *_BESIDE.findall(textfile.read(self.path))}
        return tuple(sorted(path for name in names if (path := self.path.parent / name).is_file()))


def load(path: Path) -> ProgramProfile:
    """Read a profile; raises BadProfile."""
    try:
        read = form.read(textfile.read(path))
    except OSError as error:
        raise BadProfile(f"{path}: {error.strerror}") from error
    except textfile.NotText as error:
        raise BadProfile(str(error)) from error
    except Faulty as error:
        raise BadProfile(error.described(str(path))) from error
    return ProgramProfile(
        path=path.resolve(),
        name=read.name,
        flow=read.flow,
        victim=read.victim,
        setup=tuple(map(tuple, read.setup)),
        rotate=read.rotate,
        commands={name: tuple(words) for name, words in read.commands.items()},
        check=tuple(read.check),
        messages={name: re.compile(pattern) for name, pattern in read.messages.items()},
        procedures=tuple(map(_procedure, read.procedures)),
        environment=read.environment,
        ignore=tuple(read.ignore),
        needs=tuple(read.needs),
        install=read.install,
        files=tuple(read.files),
        version=tuple(read.version),
        seconds=read.seconds,
        alone=read.alone,
    )


def _procedure(read: form.ProgramProcedureForm) -> ProgramProcedure:
    rules = (
        ProgramRule(one.run, tuple(one.ended), tuple(one.after), tuple(one.shows), tuple(one.lacks))
        for one in read.rules
    )
    return ProgramProcedure(read.name, read.kind, read.expected, tuple(rules))
