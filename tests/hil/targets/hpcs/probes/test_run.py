"""Probes on a real instance. That each of them can fail is shown by the defects of tests/defects."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hil.model.probe import Probe
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.probes import contract, run
from hil.targets.hpcs.probes.administrator import AdminSocket, Unready
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.layout import scratch
from hil.targets.hpcs.rig.rig import Rig


@dataclass(frozen=True)
class Instance:
    """A rig and its golden state."""

    rig: Rig
    golden: Golden


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """An instance with a failover unit, which has a number behind those of the recovery units."""
    root = scratch("test-")
    rig = Bench("test", root, sut.Shape(1, 1, 1, 8), "", root).rig("golden")
    try:
        yield Instance(rig, golden.make(rig, root / "snapshot"))
    finally:
        rig.close()
        shutil.rmtree(root)


def test_an_instance_without_a_defect(instance: Instance) -> None:
    """Every probe holds, each has a name of its own, and a second time they are the same."""
    probes = run.run(instance.rig, instance.golden)
    assert [probe for probe in probes if not probe.passed] == []
    names = [probe.name for probe in probes]
    assert len(set(names)) == len(names) > 20
    assert run.run(instance.rig, instance.golden) == probes


def test_what_cannot_be_tried_has_failed(instance: Instance) -> None:
    """The contract of a unit that is not in imprint mode cannot be tried, and that is no pass."""
    instance.rig.restore(instance.golden.snapshot)
    unit = AdminSocket(instance.rig.layout.admin(2), instance.rig.rest().token)
    before = unit.state()
    first = next(contract.probes(unit))
    assert not first.passed
    with pytest.raises(Unready):
        list(contract.probes(unit))
    assert unit.state() == before


def test_an_instance_that_does_not_come_up(instance: Instance, tmp_path: Path) -> None:
    """Where no stage of the probes can be begun, none speaks against the instance, and each says why."""
    broken = tmp_path / "broken"
    shutil.copytree(instance.golden.snapshot, broken)
    (broken / "units" / "2" / "state.json").unlink()
    probes = run.run(instance.rig, replace(instance.golden, snapshot=broken))
    assert [probe.name for probe in probes] == ["instance at rest", "open rotation", "durable files"]
    for probe in probes:
        assert (probe.passed, probe.tried, probe.problems) == (False, False, ())
        assert "unit:2" in probe.untried


def test_the_record_of_a_probe() -> None:
    """A probe is the same after it was written and read."""
    for probe in (
        Probe("one", "it holds"),
        Probe("two", "it holds", ("not here", "not there")),
        Probe("three", "it holds", untried="could not be tried"),
    ):
        again = Probe.from_record(probe.record())
        assert again.record() == probe.record()
        assert (again.passed, again.tried) == (probe.passed, probe.tried)
