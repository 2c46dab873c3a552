"""A set-up that the emulator refuses: one text that names the command, and what it said."""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from hil.model.faults import Fault
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import GoldenError
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.rig import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    """A rig without an instance."""
    root = scratch("test-")
    rig = Bench("test", root, sut.Shape(1, 1, 0, 8), "", root).rig("golden")
    try:
        yield rig
    finally:
        rig.close()
        shutil.rmtree(root)


def _no_kms(rig: Rig) -> None:
    rig.conductor.begin((Fault.parse("kms@login.1-after"),))


def _a_unit_that_is_there(rig: Rig) -> None:
    rig.layout.unit(1).mkdir(parents=True)
    (rig.layout.unit(1) / "unit.json").write_text("{}")


def _no_key_store(rig: Rig) -> None:
    (rig.layout.kms_config.parent / "keystore.sqlite").mkdir()


@pytest.mark.parametrize(
    ("hinder", "told"),
    [
        (_no_kms, r"^'tke login' ended with exit code 1: FAILED .*Remote end closed connection"),
        (
            _a_unit_that_is_there,
            r"^'unit init' of crypto unit 1 ended with exit code \d+: hsm_emulator\.unit: ",
        ),
        (_no_key_store, r"^while .* were made: 'kms init' ended with exit code \d+: \S"),
    ],
    ids=["a command of the operator", "a crypto unit", "the key store"],
)
def test_what_refuses_is_named(
    hinder: Callable[[Rig], None], told: str, rig: Rig, capfd: pytest.CaptureFixture[str]
) -> None:
    """The text names the command and what it said last, and nothing else is printed."""
    hinder(rig)
    with pytest.raises(GoldenError) as raised:
        golden.prepare(rig)
    assert re.search(told, str(raised.value)), raised.value
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")
