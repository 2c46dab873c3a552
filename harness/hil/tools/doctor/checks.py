"""The checks: one line each, and what each is needed for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from hil.tools.doctor import leftovers, machine
from hil.tools.doctor.machine import GET_PACKAGES, program
from hil.tools.doctor.seen import CheckReading


class NeededFor(StrEnum):
    """What does not work where a check finds something amiss."""

    ALWAYS = "every campaign"
    CONTAINERS = "crypto units in containers"
    SERVERS = "key stores on a PostgreSQL server"
    TESTS = "tests of the project"
    TIDY = "nothing, but it takes room"


class State(StrEnum):
    """What follows from a check."""

    OK = "ok"
    NOTE = "note"  # the bench runs without it
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """A thing to look at; ``look`` changes nothing."""

    name: str
    need: NeededFor
    look: Callable[[], CheckReading]


@dataclass(frozen=True)
class CheckResult:
    """What a check saw, and what follows from it for the backend that was asked for."""

    check: Check
    state: State
    seen: CheckReading


CHECKS = (
    Check("python", NeededFor.ALWAYS, machine.python),
    Check("packages", NeededFor.ALWAYS, machine.packages),
    Check("softhsm2", NeededFor.ALWAYS, machine.softhsm),
    Check("p11-kit", NeededFor.ALWAYS, partial(program, "p11-kit", GET_PACKAGES)),
    Check("setpriv", NeededFor.ALWAYS, partial(program, "setpriv", "install util-linux", "--version")),
    Check("system calls", NeededFor.ALWAYS, machine.system_calls),
    Check("scratch", NeededFor.ALWAYS, machine.scratch),
    Check("disk", NeededFor.ALWAYS, machine.disk),
    Check("postgresql", NeededFor.SERVERS, machine.postgresql),
    Check("engine", NeededFor.CONTAINERS, leftovers.engine),
    Check("image", NeededFor.CONTAINERS, leftovers.unit_image),
    Check("containers", NeededFor.TIDY, leftovers.containers),
    Check("folders", NeededFor.TIDY, leftovers.folders),
    Check("strace", NeededFor.TESTS, machine.strace),
    Check("opensc", NeededFor.TESTS, partial(program, "pkcs11-tool", GET_PACKAGES)),
    Check("compiler", NeededFor.TESTS, partial(program, "cc", "run 'make nss'", "--version")),
    Check("nss", NeededFor.TESTS, partial(program, "certutil", "run 'make nss'")),
    Check("chromium", NeededFor.TESTS, partial(program, "chromium", "run 'make browser'")),
)


def examine(backend: str) -> Iterator[CheckResult]:
    """Make every check; what only containers need is a problem where ``backend`` is docker, else a note."""
    needed = {NeededFor.ALWAYS} | ({NeededFor.CONTAINERS} if backend == "docker" else set())
    for check in CHECKS:
        seen = _looked(check)
        amiss = State.PROBLEM if check.need in needed else State.NOTE
        yield CheckResult(check, amiss if seen.todo else State.OK, seen)


def _looked(check: Check) -> CheckReading:
    """Look; that a check cannot be made is a finding as well, and the others are made all the same."""
    try:
        return check.look()
    except Exception as error:
        return CheckReading(f"{type(error).__name__}: {error}", "mend what this names, and look again")
