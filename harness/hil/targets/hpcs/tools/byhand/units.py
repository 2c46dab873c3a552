"""Crypto units of an instance by hand as they start: those that come up, and why the others do not."""

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.process import interrupts, owner, ready
from hil.targets.hpcs.rig.process.child import detached
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.hosts import START_SECONDS
from hil.targets.hpcs.rig.units.labels import Labels
from hil.targets.hpcs.tools.byhand.record import Record


class UnitsDown(Exception):
    """Crypto units do not start, and why; what else there is of the instance runs, as ``record`` says."""

    def __init__(self, text: str, record: Record) -> None:
        super().__init__(text)
        self.record = record


@dataclass(frozen=True)
class Starting:
    """A unit that was started; ``said`` is the last line of what it said, ``log`` where that stands."""

    number: int
    socket_dir: Path
    lives: Callable[[], bool]
    said: Callable[[], str]
    log: str
    end: Callable[[], None]

    @property
    def decided(self) -> bool:
        """Whether it answers, or never will."""
        return ready.unit_answers(self.socket_dir) or not self.lives()

    @property
    def trouble(self) -> str:
        """Return why it does not answer, in half a sentence."""
        why = f"still silent after {START_SECONDS:g} s" if self.lives() else self.said() or "it said nothing"
        return f"crypto unit {self.number} does not start: {why} (its log: {self.log})"


def start(record: Record, kms: str, owners: dict[str, str]) -> tuple[str, ...]:
    """Start every unit that does not answer, note it in ``owners``, and say why the others do not.

    ``kms``: identity of the kms, to which containers belong. What does not answer in the end is ended.
    """
    dead = [
        number
        for number in record.shape.numbers
        if not ready.unit_answers(record.layout.unit_sockets(number))
    ]
    begin = _contained if record.image else _process
    started = [begin(record, number, kms, owners) for number in dead]
    with contextlib.suppress(ready.NotReady):  # who is silent is told below
        ready.until(lambda: all(one.decided for one in started), "crypto units", START_SECONDS)
    down = [one for one in started if not ready.unit_answers(one.socket_dir)]
    troubles = tuple(one.trouble for one in down)
    for one in down:
        one.end()
        owners.pop(f"unit:{one.number}", None)
    return troubles


def not_started(troubles: Sequence[str], record: Record) -> UnitsDown:
    """Return the error for units that do not start."""
    others = len(record.shape.numbers) - len(troubles)
    return UnitsDown(f"{'; '.join(troubles)}; {others} other crypto units run", record)


def _process(record: Record, number: int, _kms: str, owners: dict[str, str]) -> Starting:
    layout = record.layout
    log, sockets = layout.logs / f"unit-{number}.log", layout.unit_sockets(number)
    before = log.stat().st_size if log.exists() else 0
    with interrupts.held():
        process = detached(sut.unit_serve(layout.unit(number), sockets), log)
        owners[f"unit:{number}"] = str(owner.of(process.pid))

    def said() -> str:
        with log.open("rb") as stream:
            stream.seek(before)
            return _last_line(stream.read().decode(errors="replace"))

    def end() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    return Starting(number, sockets, lambda: process.poll() is None, said, str(log), end)


def _contained(record: Record, number: int, kms: str, _owners: dict[str, str]) -> Starting:
    """The container belongs to the kms process: it stands for the whole instance, this command ends."""
    layout = record.layout
    folders = layout.unit(number), layout.unit_sockets(number)
    container = docker.create_unit(
        record.image, number, *folders, Labels(record.run, "hand", owner.parse(kms))
    )
    container.start()
    log = f"docker logs {container.id[:12]}"
    return Starting(
        number, folders[1], container.alive, lambda: _last_line(container.logs()), log, lambda: None
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("hsm_emulator.unit: ") if lines else ""
