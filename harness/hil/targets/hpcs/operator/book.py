"""Procedures by name: those that come with the bench, and those that files have added."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hil.forms import textfile
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.load import BadProcedure


@dataclass(frozen=True)
class Book:
    """Where the name in a scenario's id is looked up; ``added`` never stand for one of the bench's own."""

    added: tuple[Procedure, ...] = ()

    def __getitem__(self, name: str) -> Procedure:
        """Return a procedure; raises BadProcedure."""
        return next((one for one in self.added if one.name == name), None) or load.builtin(name)

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read the files of a folder, which may be missing; raises BadProcedure."""
        return cls(tuple(read(file)[0] for file in sorted(folder.glob("*.toml"))))


def read(file: Path) -> tuple[Procedure, str]:
    """Return the procedure in a file and the file's text; raises BadProcedure."""
    content = text(file)
    procedure = load.parse(content, str(file))
    if procedure.name in load.names() and procedure != load.builtin(procedure.name):
        raise BadProcedure(f"{file}: '{procedure.name}' comes with the bench; give yours another name")
    return procedure, content


def text(file: Path) -> str:
    """Return the text of a procedure file; raises BadProcedure."""
    try:
        return textfile.read(file)
    except OSError as error:
        raise BadProcedure(f"{file}: {error.strerror}") from error
    except textfile.NotText as error:
        raise BadProcedure(str(error)) from error
