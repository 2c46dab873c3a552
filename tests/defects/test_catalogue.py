"""The catalogue against the source that it changes."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from tests.defects import catalogue
from tests.defects.catalogue import Change, Check, Defect
from tests.defects.seed import sower

DEFECTS = catalogue.defects()
CHECKS = catalogue.checks()


def _source(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin).read_text()


def _sown(changes: tuple[Change, ...]) -> None:
    """Make the changes of each module, which raises where one is not exactly one place of it."""
    for module in {change.module for change in changes}:
        mine = [(at, change.record()) for at, change in enumerate(changes) if change.module == module]
        tree = sower.sown(_source(module), mine)
        assert ast.unparse(tree).count("sower") == len(mine)


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_every_defect_can_be_sown(defect: Defect) -> None:
    """Each text that a defect replaces stands exactly once in a module of the emulator."""
    assert all(change.module.startswith("hsm_emulator.") for change in defect.changes)
    _sown(defect.changes)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_check_can_be_removed(check: Check) -> None:
    """Each text that removes a check stands exactly once in a module of the bench."""
    assert all(change.module.startswith("hil.") for change in check.changes)
    assert check.alone in DEFECTS
    _sown(check.changes)


def test_what_convicts_is_well_formed() -> None:
    """Scenarios can be parsed, and no scenario convicts by ending as expected."""
    for defect in DEFECTS.values():
        Scenario.parse(defect.scenario, Verdict.RECOVERED)
        assert defect.probe or defect.verdict in {Verdict.DATA_LOST, Verdict.STUCK}, defect.name


def test_a_text_that_is_gone_is_not_sown() -> None:
    """A change whose text is not there, or twice there, is refused and not left out."""
    for text in ("nowhere", "x"):
        change = {"module": "some.module", "old": text, "new": "y"}
        with pytest.raises(sower.NotSown, match="in place of one"):
            sower.sown("x = 1\nx = 2\n", [(0, change)])


def test_the_proof_stands_where_the_change_is() -> None:
    """The proof of a change is the first thing that the innermost function around it does."""
    source = "def outer():\n    def inner():\n        a = 1\n    return inner\n"
    tree = sower.sown(source, [(7, {"module": "m", "old": "a = 1", "new": "a = 2"})])
    inner = ast.unparse(tree).split("def inner")[1].splitlines()
    assert "reached(7)" in inner[1]
    assert inner[2].strip() == "a = 2"
