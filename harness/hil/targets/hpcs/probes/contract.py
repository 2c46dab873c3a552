"""Probes of a crypto unit: which signed commands it takes, and which it has to refuse.

They need a unit in imprint mode, as cryptounit-zeroize leaves it, and install administrators of their own.
"""

from collections.abc import Iterator

from hil.model.probe import Probe
from hil.targets.hpcs.probes.administrator import AdministratorKey, AdminSocket, Body, Unready

# Return codes of EP11 (ep11.h in opencryptoki), as the units give them.
COUNTER, IMPRINT, SIGNATURE, TOO_FEW, STRANGER = 163, 179, 192, 208, 257
NEW_MISMATCH, UNCOMMITTED, NEW_FULL = 101, 102, 80
NOBODY = "f" * 64  # a verification pattern that no register holds


def probes(unit: AdminSocket) -> Iterator[Probe]:
    """Try a unit in imprint mode; raises Unready. It makes random master keys, so it is a recovery unit."""
    first, second, stranger = AdministratorKey(), AdministratorKey(), AdministratorKey()
    yield Probe("imprint mode", "a unit in imprint mode takes no master key", _in_imprint_mode(unit))
    yield Probe("administrators", "two can be installed, and sign", _install(unit, first, second))
    yield Probe("signature", "not signed as it has to be: refused", _signatures(unit, first, stranger))
    accepted = unit.takes("generate", unit.body("generate", [first]))  # CURRENT, as both registers are empty
    yield Probe("replay", "sent before: refused", _replay(unit, first, accepted))
    unit.takes("generate", unit.body("generate", [first]))
    yield Probe("threshold", "signed by too few: refused", _threshold(unit, first))
    yield Probe("registers", "a wrong pattern or state: refused", _registers(unit, first, second))


def _install(unit: AdminSocket, *administrators: AdministratorKey) -> tuple[str, ...]:
    """Install two administrators, and leave imprint mode by thresholds of two, which both sign."""
    thresholds = {"signature": 2, "revocation": 2}
    try:
        for number, administrator in enumerate(administrators, start=1):
            parameters = {"name": f"probe{number}", "public_key": administrator.public_key}
            unit.takes("admin-add", unit.body("admin-add", (), parameters))
        unit.takes("threshold-set", unit.body("threshold-set", administrators, thresholds))
    except Unready as error:
        return (str(error),)
    return ()


def _in_imprint_mode(unit: AdminSocket) -> tuple[str, ...]:
    return unit.refuses("generate", "generate", unit.body("generate"), IMPRINT)


def _signatures(unit: AdminSocket, first: AdministratorKey, stranger: AdministratorKey) -> tuple[str, ...]:
    """Everything that is signed is changed once: command, counter, domain, module, parameters."""
    tampered: dict[str, object] = {
        "command": "zeroize",
        "counter": 0,
        "domain": 99,
        "module": "0" * 16,
        "parameters": {"register": "new"},
    }
    problems: list[str] = []
    for member, value in tampered.items():
        body = unit.body("generate", [first], signed={member: value})
        problems += unit.refuses(f"signed for another {member}", "generate", body, SIGNATURE)
    body = unit.body("generate", [stranger])
    problems += unit.refuses("signed by a stranger", "generate", body, STRANGER)
    problems += unit.refuses("not signed", "generate", unit.body("generate"), TOO_FEW)
    return tuple(problems)


def _replay(unit: AdminSocket, first: AdministratorKey, accepted: Body) -> tuple[str, ...]:
    late = unit.body("generate", [first], counter=accepted["counter"])
    return (
        *unit.refuses("sent a second time", "generate", accepted, COUNTER),
        *unit.refuses("signed anew with a used counter", "generate", late, COUNTER),
    )


def _threshold(unit: AdminSocket, first: AdministratorKey) -> tuple[str, ...]:
    parameters = {"pattern": unit.state()["registers"]["new"]["pattern"]}
    return (
        *unit.refuses("one of two signatures", "commit", unit.body("commit", [first], parameters), TOO_FEW),
        *unit.refuses(
            "one signature twice", "commit", unit.body("commit", [first, first], parameters), TOO_FEW
        ),
    )


def _registers(unit: AdminSocket, first: AdministratorKey, second: AdministratorKey) -> tuple[str, ...]:
    """Patterns and states of NEW, which holds an uncommitted key."""
    wrong, right = {"pattern": NOBODY}, {"pattern": unit.state()["registers"]["new"]["pattern"]}
    both = (first, second)
    problems = [
        *unit.refuses("generate over a full NEW", "generate", unit.body("generate", [first]), NEW_FULL),
        *unit.refuses("commit of another key", "commit", unit.body("commit", both, wrong), NEW_MISMATCH),
        *unit.refuses(
            "set immediate of an uncommitted key", "setimm", unit.body("setimm", [first], right), UNCOMMITTED
        ),
    ]
    if problems:
        return tuple(problems)  # NEW may be another now
    unit.takes("commit", unit.body("commit", both, right))
    body = unit.body("setimm", [first], wrong)
    return unit.refuses("set immediate of another key", "setimm", body, NEW_MISMATCH)
