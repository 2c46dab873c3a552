"""The processes of this target, each of which can die alone, and which ids can be meant by that."""

from enum import StrEnum

from hil.model.faults import ERRORS, NUMBERED, BadId, Fault, Process
from hil.model.scenario import Scenario
from hil.targets.hpcs.model.flow import Flow


class Role(StrEnum):
    """Kind of process that can die."""

    TKE = "tke"
    KMS = "kms"
    DB = "db"  # the database server with all of its processes, where there is one
    BACKEND = "backend"  # the process of it that serves the kms
    UNIT = NUMBERED


SERVER = frozenset({Role.DB, Role.BACKEND})  # of the key store

TKE = Process(Role.TKE)
KMS = Process(Role.KMS)
DB = Process(Role.DB)
BACKEND = Process(Role.BACKEND)


def unit(number: int) -> Process:
    """The crypto unit with this number."""
    return Process(Role.UNIT, number)


def check(scenario: Scenario) -> Scenario:
    """Return a scenario that this target can play; raises BadId."""
    if scenario.flow not in list(Flow):
        raise BadId(f"{scenario.id!r} is no scenario id: auto|parts/CRASH-POINT[~CRASH-POINT]/PROCEDURE")
    for fault in scenario.faults:
        check_fault(fault)
    return scenario


def check_fault(fault: Fault) -> None:
    """Raise BadId where this target has no such victim, or no such error reply."""
    victim = fault.victim
    if victim.role not in list(Role) or (victim.role == Role.UNIT) != bool(victim.number):
        raise BadId(f"{victim.slug!r} is no process: tke, kms, db, backend or unit<N>")
    known = {detail for details in ERRORS.values() for detail in details}
    if fault.detail and fault.detail not in known:
        raise BadId(f"{fault.id!r}: {fault.detail} is no error reply; these are: {', '.join(sorted(known))}")


def check_victims(scenario: Scenario, units: int, *, server: bool) -> None:
    """Raise BadId where a victim is none of ``units`` crypto units, or there is no ``server`` to die."""
    for victim in (fault.victim for fault in scenario.faults):
        if victim.number > units:
            raise BadId(
                f"{scenario.id}: there are {units} crypto units, and none is {victim.slug}; "
                "give the numbers of units that it was planned for"
            )
        if victim.role in SERVER and not server:
            raise BadId(f"{scenario.id}: there is no database server to kill; add --keystore postgresql")
