"""Where the rotation of a drill is broken off: one line each, in the order of the rotation.

They are crash points of the campaigns, chosen so that every branch of the page is met, its two traps (the
first message alone tells nothing about rows; a second set immediate stops at a promoted unit) more than once.
All of them exist in an instance of any size.
"""

from dataclasses import dataclass

from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model import processes
from hil.targets.hpcs.model.flow import Flow


@dataclass(frozen=True)
class DrillPoint:
    """A crash point and what happened there, in words for the end of a drill."""

    crash: str
    text: str

    @property
    def scenario(self) -> Scenario:
        """The scenario that a campaign would play of it."""
        return processes.check(Scenario.parse(f"{Flow.AUTO}/{self.crash}/documented", Verdict.RECOVERED))


POINTS = (
    DrillPoint("tke@generate.1-after", "the new key had just been made, in the first recovery unit"),
    DrillPoint("tke@import.1-after", "the new key had been copied to one unit"),
    DrillPoint("unit1@commit.1-after", "unit 1 died when it had committed the new key"),
    DrillPoint("tke@message1.1-after", "in the delay: every unit had committed, no row was rewrapped"),
    DrillPoint("tke@rewrap.1-before", "after the delay: the rewrap was about to be asked for"),
    DrillPoint("kms@C_WrapKey.6-after", "the kms died in the middle of the rewrap"),
    DrillPoint("unit1@C_WrapKey.6-after", "unit 1 died in the middle of the rewrap"),
    DrillPoint("tke@rewrap.1-after", "all rows were rewrapped, and the second message was never shown"),
    DrillPoint("tke@message2.1-after", "all rows were rewrapped, no unit had the new key in CURRENT"),
    DrillPoint("tke@setimm.1-after", "unit 1 had the new key in CURRENT, the others had not"),
    DrillPoint("unit1@setimm.1-after", "unit 1 died when it had the new key in CURRENT"),
    DrillPoint("unit2@setimm.2-before", "unit 1 had the new key in CURRENT, unit 2 died before it had"),
)


def chosen(seed: int) -> DrillPoint:
    """Return the point of a seed; as many seeds in a row as there are points go through all of them."""
    return POINTS[seed % len(POINTS)]
