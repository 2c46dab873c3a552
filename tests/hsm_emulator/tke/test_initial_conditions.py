"""What has to hold before a rotation starts: each violation has an error of its own and changes nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hsm_emulator.tke.rig import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
ADMIN1 = ("admin1 (", PASSWORD)
HEADLINE = "An initial condition of the command is not met."
BOTH = ("auto-mk-rotate", "cryptounit-mk-rotate")
AUTO = ("auto-mk-rotate",)
PARTS = ("cryptounit-mk-rotate",)


def _expired(rig: "Rig") -> None:
    (rig.workstation / "token").write_text(rig.token(-1))


def _imprint(rig: "Rig") -> None:
    rig.select(2)
    rig.done("cryptounit-zeroize", YES, ADMIN1)
    rig.select_all()


def _thresholds(rig: "Rig") -> None:
    rig.select(4)
    new = (("new signature threshold", "1"), ("new revocation", "1"))
    rig.done("cryptounit-thrhld-set", *new, ADMIN1, ("admin2 (", PASSWORD))
    rig.select_all()


def _one_common_key(rig: "Rig") -> None:
    """Two current keys as before, but one of them is an administrator in crypto unit 1 only."""
    rig.done("sigkey-add", ("name", "admin3"), ("a password", PASSWORD), ("Re-enter", PASSWORD))
    rig.select(1)
    administrator = (("KEYNUM of the administrator", "3"), ("administrator signature key file", PASSWORD))
    rig.done("cryptounit-admin-add", *administrator, ADMIN1, ("admin2 (", PASSWORD))
    rig.select_all()
    rig.done("sigkey-sel", ("KEYNUM values", "3 2"), ("KEYNUM 3", PASSWORD), ("KEYNUM 2", PASSWORD))


def _current_empty(rig: "Rig") -> None:
    rig.select(3)
    rig.done("cryptounit-mk-clrcur", YES, ADMIN1)
    rig.select_all()


def _current_differs(rig: "Rig") -> None:
    rig.select(3)
    rig.load()
    rig.commit()
    rig.done("cryptounit-mk-setimm", YES, ADMIN1)
    rig.select_all()


def _uncommitted(rig: "Rig") -> None:
    rig.load()
    rig.select(1, 2, 3, 4)
    rig.commit()
    rig.select_all()


def _new_differs(rig: "Rig") -> None:
    rig.select(1, 2, 3, 4)
    rig.load()
    rig.select(5)
    rig.load()
    rig.select_all()
    rig.commit()


def _one_deselected(rig: "Rig") -> None:
    rig.done("cryptounit-rm", ("to remove", "5"))


def _no_recovery(rig: "Rig") -> None:
    path = rig.root / "instance.json"
    directory = json.loads(path.read_text())
    directory["units"] = [unit for unit in directory["units"] if unit["type"] != "RECOVERY"]
    path.write_text(json.dumps(directory))


def _unreachable(rig: "Rig") -> None:
    rig.kill("u2")


@dataclass(frozen=True)
class Violation:
    """How a condition is broken, which commands have to refuse, and what they have to say."""

    name: str
    breaks: Callable[["Rig"], None]
    commands: tuple[str, ...]
    says: tuple[str, ...]


VIOLATIONS = (
    Violation("expired token", _expired, BOTH, ("Error querying service instances.", "Status code: 401")),
    Violation("imprint mode", _imprint, BOTH, (HEADLINE, "Crypto unit 2 is in imprint mode")),
    Violation(
        "different thresholds", _thresholds, BOTH, (HEADLINE, "signature thresholds of the crypto units")
    ),
    Violation(
        "too few administrators", _one_common_key, AUTO, (HEADLINE, "2 current signature keys are needed")
    ),
    Violation("current empty", _current_empty, BOTH, (HEADLINE, "not all Valid: Crypto unit 3 is")),
    Violation("current differs", _current_differs, BOTH, (HEADLINE, "not set to the same value")),
    Violation("new uncommitted", _uncommitted, PARTS, (HEADLINE, "not all Full Committed: Crypto unit 5 is")),
    Violation("new differs", _new_differs, PARTS, (HEADLINE, "registers do not hold the same value")),
    Violation("invalid selection", _one_deselected, PARTS, (HEADLINE, "invalid set of crypto units")),
    Violation(
        "no recovery unit", _no_recovery, AUTO, (HEADLINE, "does not contain any recovery crypto units")
    ),
    Violation(
        "unit unreachable", _unreachable, BOTH, ("Error querying crypto units.", "Crypto unit 2 gave no")
    ),
)


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: violation.name.replace(" ", "-"))
def test_violation_is_named_and_changes_nothing(rig: "Rig", violation: Violation) -> None:
    """A rotation whose initial condition is violated ends with its error, exit code 1, files as before.

    But for the selection: auto-mk-rotate begins with it.
    """
    violation.breaks(rig)
    selection = "workstation/DOMAINS"
    before = rig.digest() | {selection: ""}
    for command in violation.commands:
        answers = (YES,) if command == "cryptounit-mk-rotate" else ()
        ended = rig.tke(command, *answers)
        assert ended.code == 1, ended.text
        assert "FAILED" in ended.lines
        for text in violation.says:
            assert text in ended.text
        assert rig.digest() | {selection: ""} == before


def test_all_units_are_selected_before_the_conditions_are_checked(rig: "Rig") -> None:
    """Whoever runs auto-mk-rotate has all units selected afterwards, also where a condition was not met."""
    _thresholds(rig)
    rig.select(1)
    assert rig.tke("auto-mk-rotate").code == 1
    assert " false " not in rig.done("cryptounits").text
