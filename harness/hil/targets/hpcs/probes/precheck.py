"""Probes of the pre-checks: each condition is broken once, and the commands that want it have to refuse.

Commands leave the instance as it was, so one broken condition serves several of them. Each is told by its own
text, because several conditions can stand in for each other: a unit in imprint mode has no master key either.
"""

import json
from collections.abc import Iterator

from hil.model.probe import Probe
from hil.targets.hpcs.probes.desk import ProbedRig

AUTO, ROTATE, SETIMM = "auto-mk-rotate", "cryptounit-mk-rotate", "cryptounit-mk-setimm"
RECOVER, INIT = "auto-mk-recover", "auto-init"


def on_the_workstation(desk: ProbedRig) -> Iterator[Probe]:
    """What can be broken without a unit: selection, signature keys, directory, an empty NEW."""
    for command in (ROTATE, SETIMM):
        yield desk.refused("new empty", command, "The new master key registers are not all Full Committed")
    with desk.only(*desk.all[1:]):
        yield desk.refused("not all selected", ROTATE, "An invalid set of crypto units is selected")
    desk.type("sigkey-sel", "1")
    yield desk.refused("too few administrators", AUTO, "2 current signature keys are needed")
    desk.type("sigkey-sel", "1 2")
    yield desk.refused("initialised", INIT, "not in imprint mode")
    yield from _without_recovery_units(desk)


def _without_recovery_units(desk: ProbedRig) -> Iterator[Probe]:
    """Take the recovery units out of the directory of the service, as if the instance had none.

    They are deselected as well, because auto-mk-rotate begins with a selection of all that it knows of.
    """
    path = desk.rig.layout.instance
    whole = path.read_text()
    directory = json.loads(whole)
    directory["units"] = [unit for unit in directory["units"] if unit["type"] != "RECOVERY"]
    with desk.only(*(unit["number"] for unit in directory["units"])):
        path.write_text(json.dumps(directory))
        for command in (AUTO, INIT):
            yield desk.refused("no recovery unit", command, "does not contain any recovery crypto units")
        path.write_text(whole)


def on_a_unit(desk: ProbedRig, number: int) -> Iterator[Probe]:
    """Thresholds, CURRENT and mode of one unit, which ends in imprint mode."""
    with desk.only(number):
        desk.type("cryptounit-thrhld-set", "1")
    for command in (AUTO, ROTATE, RECOVER):
        yield desk.refused(
            "thresholds differ", command, "The signature thresholds of the crypto units differ"
        )
    with desk.only(number):
        desk.type("cryptounit-thrhld-set", "2")
        desk.type("cryptounit-mk-clrcur")
    for command in (AUTO, ROTATE):
        yield desk.refused("current empty", command, "The current master key registers are not all Valid")
    with desk.only(number):
        desk.type("cryptounit-zeroize")
    for command in (AUTO, ROTATE, RECOVER):
        yield desk.refused("imprint mode", command, "in imprint mode")


def on_other_keys(desk: ProbedRig) -> Iterator[Probe]:
    """NEW and then CURRENT of the first unit differ; NEW is committed everywhere to begin with."""
    first = desk.all[0]
    with desk.only(first):
        desk.type("cryptounit-mk-clrnew")
        desk.type("cryptounit-mk-load")
        desk.type("cryptounit-mk-commit")
    for command in (ROTATE, SETIMM):
        yield desk.refused("new differs", command, "The new master key registers do not hold the same value")
    with desk.only(first):
        desk.type(SETIMM)
    for command in (AUTO, ROTATE):
        yield desk.refused("current differs", command, "are not set to the same value")
