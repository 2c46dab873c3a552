"""The checks: one line each, and what each is needed for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from hil.tools.doctor import leftovers, machine
from hil.tools.doctor.machine import GET_PACKAGES, program
from hil.tools.doctor.seen import Seen


class Need(StrEnum):
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
    need: Need
    look: Callable[[], Seen]


@dataclass(frozen=True)
class Finding:
    """What a check saw, and what follows from it for the backend that was asked for."""

    check: Check
    state: State
    seen: Seen


CHECKS = (
    Check("python", Need.ALWAYS, machine.python),
    Check("packages", Need.ALWAYS, machine.packages),
    Check("softhsm2", Need.ALWAYS, machine.softhsm),
    Check("p11-kit", Need.ALWAYS, partial(program, "p11-kit", GET_PACKAGES)),
    Check("setpriv", Need.ALWAYS, partial(program, "setpriv", "install util-linux", "--version")),
    Check("system calls", Need.ALWAYS, machine.system_calls),
    Check("scratch", Need.ALWAYS, machine.scratch),
    Check("disk", Need.ALWAYS, machine.disk),
    Check("postgresql", Need.SERVERS, machine.postgresql),
    Check("engine", Need.CONTAINERS, leftovers.engine),
    Check("image", Need.CONTAINERS, leftovers.unit_image),
    Check("containers", Need.TIDY, leftovers.containers),
    Check("folders", Need.TIDY, leftovers.folders),
    Check("strace", Need.TESTS, machine.strace),
    Check("opensc", Need.TESTS, partial(program, "pkcs11-tool", GET_PACKAGES)),
    Check("compiler", Need.TESTS, partial(program, "cc", "run 'make nss'", "--version")),
    Check("nss", Need.TESTS, partial(program, "certutil", "run 'make nss'")),
    Check("chromium", Need.TESTS, partial(program, "chromium", "run 'make browser'")),
)


def examine(backend: str) -> Iterator[Finding]:
    """Make every check; what only containers need is a problem where ``backend`` is docker, else a note."""
    needed = {Need.ALWAYS} | ({Need.CONTAINERS} if backend == "docker" else set())
    for check in CHECKS:
        seen = _looked(check)
        amiss = State.PROBLEM if check.need in needed else State.NOTE
        yield Finding(check, amiss if seen.todo else State.OK, seen)


def _looked(check: Check) -> Seen:
    """Look; that a check cannot be made is a finding as well, and the others are made all the same."""
    try:
        return check.look()
    except Exception as error:
        return Seen(f"{type(error).__name__}: {error}", "mend what this names, and look again")
