"""How long programs take to start: cold, as a user starts them, and forked from the bench's warm parent."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hil import inherited
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import Child, detached
from hil.targets.hpcs.rig.units.hosts import START_SECONDS
from hil.targets.hpcs.rig.zygote.client import ForkedProcess
from hil.targets.hpcs.tools.bench.scenarios import HIL
from hil.targets.hpcs.tools.bench.site import Site

COLD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("python", (sys.executable, "-c", "pass")),
    ("import hil.cli", tuple(inherited.python("hil.cli.commands"))),
    ("hil --help", (*HIL, "--help")),
)
HELP = sut.tke(["help"])
UNIT = 2  # the recovery unit: nothing else needs it meanwhile
SECONDS = 60.0
Start = Callable[[], float]


@dataclass(frozen=True)
class TimedServer:
    """A program that serves until it is ended."""

    program: sut.Program
    log: Path
    answers: Callable[[], bool]

    def cold(self) -> float:
        """Start it as a new interpreter; return the seconds until it answered."""
        began = time.perf_counter()
        process = detached(self.program, self.log)
        try:
            return self._answered(began)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(SECONDS)

    def warm(self) -> float:
        """Fork it from the warm parent; return the seconds until it answered."""
        began = time.perf_counter()
        child = Child("server", self.program, self.log)
        try:
            return self._answered(began)
        finally:
            child.stop()

    def _answered(self, began: float) -> float:
        ready.until(self.answers, self.program.module, START_SECONDS)
        return time.perf_counter() - began


def measure(site: Site, rounds: int) -> list[dict[str, object]]:
    """Return medians of ``rounds`` starts in milliseconds; warm is null where nothing is forked.

    Kms and recovery unit of the site are ended for it.
    """
    layout = site.layout
    site.end_kms()
    site.end_unit(UNIT)
    log, sockets = layout.logs / "start.log", layout.unit_sockets(UNIT)
    kms = TimedServer(site.kms_program, log, partial(ready.kms_answers, layout))
    unit = TimedServer(sut.unit_serve(layout.unit(UNIT), sockets), log, partial(ready.unit_answers, sockets))
    figures = [_figure(what, rounds, partial(_run, argv)) for what, argv in COLD]
    return [
        *figures,
        _figure("tke help", rounds, partial(_run, HELP.argv), partial(_fork, HELP, log)),
        _figure("kms until it answers", rounds, kms.cold, kms.warm),
        _figure("unit until it answers", rounds, unit.cold, unit.warm),
    ]


def _figure(what: str, rounds: int, cold: Start, warm: Start | None = None) -> dict[str, object]:
    """Alternate cold and warm starts."""
    pairs = [(cold(), warm() if warm else None) for _ in range(rounds)]
    warm_seconds = [seconds for _, seconds in pairs if seconds is not None]
    return {
        "what": what,
        "cold_ms": round(statistics.median(seconds for seconds, _ in pairs) * 1000, 1),
        "warm_ms": round(statistics.median(warm_seconds) * 1000, 1) if warm_seconds else None,
    }


def _run(argv: Sequence[str]) -> float:
    """Run a program to its end."""
    began = time.perf_counter()
    environment = inherited.environment()
    subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=SECONDS)
    return time.perf_counter() - began


def _fork(program: sut.Program, log: Path) -> float:
    """Fork a program from the warm parent and wait for its end."""
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        began = time.perf_counter()
        process = ForkedProcess(
            program, inherited.environment(), (nothing.fileno(), output.fileno(), output.fileno())
        )
        process.wait(SECONDS)
        return time.perf_counter() - began
