"""Crash points in the order of the rotation, from a plan alone."""

from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.report.html.order import places
from hil.targets.hpcs.emulator import STEPS


def _steps(*points: str, flow: str = "auto") -> list[str]:
    plan = [Scenario.parse(f"{flow}/{point}/documented", Verdict.RECOVERED) for point in points]
    return [STEPS[flow][place.step].title for _, place in sorted(places(plan).items())]


def test_named_events() -> None:
    """An event that occurs in one step only is of that step, wherever it stands in the plan."""
    points = (
        "unit1@setimm.1-before",
        "tke@message1.1-after",
        "kms@C_WrapKey.3-after",
        "tke@message2.1-after",
    )
    assert _steps(*points) == ["set immediate", "delay", "rewrap the key store", "set immediate"]


def test_events_of_every_step() -> None:
    """A system call is of the step of the last named event before it in the plan."""
    points = ("tke@query.1-before", "tke@write.1-before", "unit1@commit.1-after", "unit1@write.9-before")
    assert _steps(*points) == ["check", "check", "commit", "commit"]


def test_one_point_is_one_place() -> None:
    """A crash point is at the same place under every procedure, also where the plan lists it once more."""
    first = Scenario.parse("auto/unit1@write.1-before/documented", Verdict.RECOVERED)
    after = Scenario.parse("auto/unit1@setimm.1-after/documented", Verdict.RECOVERED)
    again = Scenario.parse("auto/unit1@write.1-before/rerun-after-message-1", Verdict.DATA_LOST)
    found = places([first, after, again])
    assert found[1] == found[3] != found[2]


def test_steps_of_the_flows() -> None:
    """The key-part flow loads where the other one makes and copies, and neither says the other's message."""
    assert _steps("tke@load.1-after", flow="parts") == ["load NEW"]
    assert [step.message for step in STEPS["auto"] if step.message] == [1, 2]
    assert [step.message for step in STEPS["parts"] if step.message] == [2]
