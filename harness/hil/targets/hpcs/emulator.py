"""The system under test as the bench sees it: how it is started, what its events and prompts are called.

The bench knows the emulator through this module, its sockets and its files, and imports nothing of it but
the wire protocols. Another system under test would be another module like this one.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil import inherited

REGION = "us-south"
TOKEN_LABEL = "unit{number}"  # noqa: S105 - the label of a PKCS#11 token
# What a service answers to whoever comes with a token that does not hold.
UNAUTHORIZED = (
    "Your access token is invalid, expired, or does not have the necessary permissions to access this "
    "instance."
)

_REST_EVENTS: Sequence[tuple[str, str, str]] = (
    ("GET", r"/api/v2/instance", "instance"),
    ("POST", r"/identity/token", "login"),
    ("POST", r"/api/v2/rotation/rewrap(\?.*)?", "rewrap"),
    ("GET", r"/api/v2/rotation/rewrap(\?.*)?", "rewrap-wait"),
    ("GET", r"/api/v2/rotation", "rotation"),
)


@dataclass(frozen=True)
class Shape:
    """Size of an instance: crypto units by type, keys in the key store, rows in a rewrap transaction."""

    operational: int = 3
    recovery: int = 2
    failover: int = 0
    keys: int = 24
    batch: int = 4

    @property
    def units(self) -> dict[str, int]:
        """Numbers of crypto units by type, as campaign.json and plans have them."""
        return {"operational": self.operational, "recovery": self.recovery, "failover": self.failover}

    @property
    def unit_types(self) -> tuple[str, ...]:
        """Type of every unit in number order: operational first, as the service lists them."""
        return (
            ("OPERATIONAL",) * self.operational
            + ("RECOVERY",) * self.recovery
            + ("FAILOVER",) * self.failover
        )

    @property
    def numbers(self) -> range:
        """Numbers of all units."""
        return range(1, len(self.unit_types) + 1)

    @property
    def operational_numbers(self) -> range:
        """Numbers of the operational units."""
        return range(1, self.operational + 1)


def admin_event(method: str, target: str) -> str:
    """Name an admin request to a crypto unit: the command, or ``query``."""
    return "query" if method == "GET" else target.rpartition("/")[2]


def rest_event(method: str, target: str) -> str:
    """Name a REST request to the kms."""
    for known, pattern, name in _REST_EVENTS:
        if method == known and re.fullmatch(pattern, target):
            return name
    return "workload"


# Modules with a main(argv), which the bench starts as processes.
UNIT = "hsm_emulator.unit.__main__"
KMS = "hsm_emulator.kms.__main__"
TKE = "hsm_emulator.tke.cli"
PROGRAMS = (UNIT, KMS, TKE)
DATABASE_CLIENT = "hsm_emulator.kms.store.postgresql"


@dataclass(frozen=True)
class Program:
    """A program of the emulator: its module, its arguments, and modules that it imports only with these."""

    module: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def argv(self) -> list[str]:
        """Command line that starts it as a process of its own."""
        return inherited.python(self.module, *self.arguments)


def unit_init(
    directory: Path, number: int, unit_type: str, secret: Path, module: Path | None = None
) -> Program:
    """Make a crypto unit in its factory state; ``module`` is the module.json of a PKCS#11 module."""
    location = f"[{REGION}].[AZ{number}-CS{number}].[{number:02}].[{number:02}]"
    where = ("--dir", str(directory), "--number", str(number), "--type", unit_type)
    behind = ("--module", str(module)) if module else ()
    return Program(UNIT, ("init", *where, "--location", location, "--iam-secret", str(secret), *behind))


def unit_mechanisms(directory: Path, module: Path) -> Program:
    """Print what a PKCS#11 module (module.json) has, as JSON; ``directory`` is empty, for token files."""
    return Program(UNIT, ("mechanisms", "--dir", str(directory), "--module", str(module)))


def unit_trial(directory: Path) -> Program:
    """Try what a crypto unit does with its token, on one in its factory state; print that as JSON."""
    return Program(UNIT, ("trial", "--dir", str(directory)))


def token_label(directory: Path, number: int) -> str:
    """Return the label of the PKCS#11 token of the crypto unit in ``directory``."""
    module = directory / "module.json"
    label: str = json.loads(module.read_text())["label"] if module.exists() else TOKEN_LABEL
    return label.format(number=number)


def token_environment(directory: Path, number: int) -> dict[str, str]:
    """Return the environment in which a program of one's own finds the token of the unit in ``directory``."""
    module = directory / "module.json"
    if not module.exists():
        return {"SOFTHSM2_CONF": str(directory / "softhsm2.conf")}
    folders = {name: directory / name for name in ("tokens", "config")}
    places = {**folders, "label": token_label(directory, number), "number": number}
    environment: dict[str, str] = json.loads(module.read_text())["environment"]
    return {name: text.format(**places) for name, text in environment.items()}


def pin_variables(module: Path | None) -> tuple[str, ...]:
    """Return the environment variable that holds the PIN of a new unit's token; mostly there is none."""
    name = str(json.loads(module.read_text())["pin_variable"]) if module else ""
    return (name,) if name else ()


def token_library(directory: Path) -> str | None:
    """Return the PKCS#11 library for that; None: SoftHSM's."""
    module = directory / "module.json"
    return str(json.loads(module.read_text())["library"]) if module.exists() else None


def unit_serve(directory: Path, sockets: Path) -> Program:
    """Run a crypto unit."""
    return Program(UNIT, ("serve", "--dir", str(directory), "--sockets", str(sockets)))


def kms(action: str, config: Path, *, on_server: bool = False) -> Program:
    """Make the empty key store (``init``) or run the kms (``serve``); ``on_server``: not on a file."""
    return Program(KMS, (action, "--config", str(config)), (DATABASE_CLIENT,) if on_server else ())


def tke(words: Sequence[str]) -> Program:
    """Run a command of the operator."""
    return Program(TKE, tuple(words))


@dataclass(frozen=True)
class TkeTimes:
    """What ``tke`` waits for: the delay after message 1, one request, the whole rewrap; in seconds."""

    delay: float = 0.0
    call: float = 10.0
    rewrap: float = 60.0


# What the kms waits for a crypto unit, in seconds.
UNIT_SECONDS = 5.0


@dataclass(frozen=True)
class Patience:
    """How long the clients of an instance wait: ``tke``, and the kms for a crypto unit (seconds)."""

    tke: TkeTimes
    unit: float = UNIT_SECONDS


# Where a process hangs on purpose somebody waits for it to the end; innocent requests have to stay far below.
# Of 37 000 of them the slowest to a unit took 0.5 s and the slowest PKCS#11 call 0.22 s: eight rigs at once,
# load 22 on two cores.
SHORT = Patience(TkeTimes(call=2.0, rewrap=4.0), unit=1.0)


def tke_environment(instance: Path, workstation: Path, times: TkeTimes) -> dict[str, str]:
    """Environment of the operator's shell."""
    return {
        "TKE_INSTANCE": str(instance),
        "CLOUDTKEFILES": str(workstation),
        "TKE_DELAY_SECONDS": f"{times.delay:g}",
        "TKE_CALL_SECONDS": f"{times.call:g}",
        "TKE_REWRAP_SECONDS": f"{times.rewrap:g}",
    }


# The password of every signature key and key part of a bench instance. It protects nothing but made-up keys.
PASSWORD = "bench-password"  # noqa: S105

FLOWS = {
    "auto": ("auto-mk-rotate",),
    "parts": ("cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-rotate"),
}


@dataclass(frozen=True)
class Step:
    """A step of a rotation: patterns of events that occur in no other, and the message that opens it."""

    title: str
    events: tuple[str, ...]
    message: int = 0


_FROM_REWRAP = (
    Step("rewrap the key store", ("rewrap", "rewrap-wait", "sql-commit", "C_*")),
    Step("set immediate", ("message2", "setimm"), message=2),
)
# As they are printed; how they are found in a transcript stands in model/evidence.py.
MESSAGES = {
    1: "Delaying 30 seconds to allow server to discover new master key values",
    2: "KMS CRK rewrap successful, waiting on cryptounit-mk-setimm",
}
# Admin commands that take a master key out of registers of a unit.
CLEARING: Mapping[str, tuple[str, ...]] = {
    "setimm": ("current",),
    "clrnew": ("new",),
    "clrcur": ("current",),
    "zeroize": ("current", "new"),
}
FAILED = "FAILED"  # the line with which tke says that a command has failed
# The steps of each flow in their order. What belongs to no step by its name belongs to where it occurs.
STEPS: Mapping[str, Sequence[Step]] = {
    "auto": (
        Step("check", ()),
        Step("make and copy NEW", ("generate", "importer", "export", "import")),
        Step("commit", ("commit",)),
        Step("delay", ("message1",), message=1),
        *_FROM_REWRAP,
    ),
    "parts": (
        Step("check", ()),
        Step("load NEW", ("importer", "load")),
        Step("commit", ("commit",)),
        *_FROM_REWRAP,
    ),
}

Answer = tuple[re.Pattern[str], str]


def answers(units: str = "", extra: Sequence[tuple[str, str]] = ()) -> tuple[Answer, ...]:
    """What the operator types at which question; ``units`` where crypto unit numbers are asked for."""
    table = (
        (r"Answer \[y/N\]:", "y"),
        (r"nter (a|the) password", PASSWORD),
        (r"Enter the KEYNUM values of the master key parts", "1 2"),
        (r"Enter (a list of|the) CRYPTO UNIT NUM", units),
        *extra,
    )
    return tuple((re.compile(pattern), answer) for pattern, answer in table)


def selected(workstation: Path) -> tuple[int, ...]:
    """Domains of the units that commands work on: client-side state, in a file of the workstation."""
    try:
        entries = json.loads((workstation / "DOMAINS").read_text())
    except FileNotFoundError:
        return ()
    return tuple(sorted(entry["domain_num"] for entry in entries if entry["selected"]))
