"""The folder of a drill: that of an instance by hand, with the solution and what the operator is given.

drill.json is not meant for the one who is trained: it says where the rotation was broken off.
"""

import json
import shlex
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.crashstate import RowCounts
from hil.targets.hpcs.model.registers import Register, UnitRegisters
from hil.targets.hpcs.tools.byhand.record import Record
from hil.targets.hpcs.tools.drill.strike import DocumentedRecovery, Struck
from hsm_emulator import durable

FILE = "drill.json"
TRANSCRIPT, TYPED, ENVIRONMENT, PROGRAMS = "transcript.txt", "typed.txt", "env.sh", "bin"
# Notes each command and becomes it: nothing stands between the operator and tke.
_TKE = """#!/bin/sh
printf '%s\\n' "$*" >>{typed}
exec {tke} "$@"
"""


class NoDrill(Exception):
    """The folder holds no drill."""


@dataclass(frozen=True)
class Drill:
    """A drill under way; ``seed`` chose the point, ``delay`` (seconds) is that of tke after message 1."""

    folder: Path
    seed: int
    delay: float
    messages: tuple[bool, bool]
    rows: RowCounts
    before: tuple[UnitRegisters, ...]
    way: DocumentedRecovery

    @property
    def transcript(self) -> Path:
        """What the terminal had shown."""
        return self.folder / TRANSCRIPT

    @property
    def environment(self) -> Path:
        """File to source in a shell."""
        return self.folder / ENVIRONMENT

    def typed(self) -> list[str]:
        """Commands of tke that were typed since."""
        return (self.folder / TYPED).read_text().splitlines()

    def remove(self) -> None:
        """Remove what makes the instance a drill, and nothing else that somebody has put there."""
        shutil.rmtree(self.folder / PROGRAMS)
        for name in (TRANSCRIPT, TYPED, ENVIRONMENT, FILE):
            (self.folder / name).unlink()

    @classmethod
    def make(cls, instance: Record, seed: int, delay: float, struck: Struck) -> Self:
        """Write everything into the folder of an instance."""
        crash = struck.crash
        before = tuple(struck.before)
        drill = cls(instance.folder, seed, delay, crash.messages, crash.rows, before, struck.way)
        drill.transcript.write_text("".join(f"{_typed(line)}\n" for line in struck.transcript))
        (drill.folder / TYPED).touch()
        drill._write_environment(instance)
        durable.replace_json(drill.folder / FILE, asdict(drill) | {"folder": str(drill.folder)})
        return drill

    def _write_environment(self, instance: Record) -> None:
        """Write what puts a shell in front of the instance, with a tke that notes what is typed."""
        programs = self.folder / PROGRAMS
        programs.mkdir(exist_ok=True)
        here = Path(sys.executable).parent
        wrapper = programs / "tke"
        wrapper.write_text(
            _TKE.format(typed=shlex.quote(str(self.folder / TYPED)), tke=shlex.quote(str(here / "tke")))
        )
        wrapper.chmod(0o755)
        layout = instance.layout
        values = sut.tke_environment(
            layout.instance, layout.workstation, sut.TkeTimes(self.delay, call=30, rewrap=3600)
        )
        lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
        lines.append(f'export PATH={shlex.quote(str(programs))}:{shlex.quote(str(here))}:"$PATH"')
        lines.append("PS1='drill$ '")
        self.environment.write_text("".join(f"{line}\n" for line in lines))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the drill of a folder; raises NoDrill."""
        try:
            value = json.loads((folder / FILE).read_text())
            return cls(
                folder,
                value["seed"],
                value["delay"],
                (value["messages"][0], value["messages"][1]),
                RowCounts(**value["rows"]),
                tuple(map(_unit, value["before"])),
                DocumentedRecovery(**value["way"] | {"commands": tuple(value["way"]["commands"])}),
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            told = f"no drill in {folder}; start one: hil drill --dir {shlex.quote(str(folder))}"
            raise NoDrill(told) from error
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise NoDrill(f"{folder / FILE} is damaged ({error}); remove {folder}") from error


def _unit(value: dict[str, Any]) -> UnitRegisters:
    both = (Register(**value["current"]), Register(**value["new"]))
    return UnitRegisters(value["number"], value["type"], *both)


def _typed(line: str) -> str:
    """Return a line of the transcript as it stands on a terminal: the command with its program."""
    return f"$ tke {line.removeprefix('$ ')}" if line.startswith("$ ") else line
