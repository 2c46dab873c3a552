"""All probes, one after the other, on one rig."""

from collections.abc import Callable, Iterable, Iterator

from hil.model.faults import Fault
from hil.model.probe import Probe
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.probes import contract, durable, gate, precheck
from hil.targets.hpcs.probes.administrator import AdminSocket, Unready
from hil.targets.hpcs.probes.desk import ProbedRig
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rest import RequestRefused
from hil.targets.hpcs.rig.rig import Rig
from hsm_emulator.wire.unixhttp import Unreachable

OPEN_ROTATION = "tke@message2.1-after"


def run(rig: Rig, golden: Golden) -> tuple[Probe, ...]:
    """Try every probe; the rig is left in an arbitrary state."""
    stages: tuple[tuple[str, Callable[[Rig, Golden], Iterable[Probe]]], ...] = (
        ("instance at rest", _at_rest),
        ("open rotation", _in_a_rotation),
        ("durable files", _durable),
    )
    return tuple(probe for name, stage in stages for probe in _all_of(name, stage, rig, golden))


def _all_of(
    name: str, stage: Callable[[Rig, Golden], Iterable[Probe]], rig: Rig, golden: Golden
) -> Iterator[Probe]:
    """Yield the probes of a stage; where it cannot be gone on with, one more says so, and why."""
    try:
        rig.restore(golden.snapshot)
        yield from stage(rig, golden)
    except (Unready, Unreachable, RequestRefused) as error:
        yield Probe(name, "", untried=f"could not be tried: {error}")
    except Exception as error:
        yield Probe(name, "", untried=f"could not be tried: {type(error).__name__}: {error}")


def _at_rest(rig: Rig, _golden: Golden) -> Iterator[Probe]:
    desk = ProbedRig(rig, rig.rest())
    recovery = rig.shape.operational + rig.shape.recovery
    unit = AdminSocket(rig.layout.admin(recovery), desk.rest.token)
    yield gate.bearer(rig.layout, unit, desk.rest.token)
    yield gate.rewrap_at_rest(desk)
    yield from precheck.on_the_workstation(desk)
    yield from precheck.on_a_unit(desk, recovery)
    yield from contract.probes(unit)


def _in_a_rotation(rig: Rig, golden: Golden) -> Iterator[Probe]:
    rig.conductor.begin((Fault.parse(OPEN_ROTATION),))
    rig.tke("auto-mk-rotate", sut.answers())
    if not all(rig.conductor.fired):
        raise Unready("a rotation did not come to message 2")
    rig.repair()
    rig.settle()
    rig.conductor.begin(())
    desk = ProbedRig(rig, rig.rest())
    yield gate.during_a_rotation(rig.layout, desk.rest.token, golden.ledger)
    yield from precheck.on_other_keys(desk)


def _durable(rig: Rig, golden: Golden) -> Iterator[Probe]:
    """Watch the system calls of a whole rotation."""
    rig.watch(on=True)
    rig.restore(golden.snapshot)
    rig.conductor.begin(())
    ended = rig.tke("auto-mk-rotate", sut.answers())
    events = tuple(rig.conductor.events)
    rig.watch(on=False)
    if ended.exit_code != 0:
        said = " ".join(ended.lines[-3:])
        raise Unready(f"a rotation without a fault ended with exit code {ended.exit_code}: {said}")
    problems = list(durable.problems(events))
    if durable.units(events) != frozenset(rig.shape.numbers):
        problems.append("not every crypto unit was seen to replace its state")
    yield Probe("durable files", "states and rows are flushed before anything rests on them", tuple(problems))
