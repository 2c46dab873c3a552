"""Ids of crash points and scenarios: readable, stable, safe in a shell, and read back as written."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.model.faults import BadId, Fault, Process, When
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model import processes
from hil.targets.hpcs.model.flow import Flow
from hil.targets.hpcs.model.processes import KMS, TKE, unit

PROCESSES = st.one_of(st.sampled_from([TKE, KMS]), st.builds(unit, st.integers(1, 99)))
EVENTS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)
FAULTS = st.builds(Fault, PROCESSES, EVENTS, st.integers(1, 10**6), st.sampled_from(When))
SCENARIOS = st.builds(
    Scenario,
    st.sampled_from(Flow),
    st.lists(FAULTS, max_size=3).map(tuple),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    st.sampled_from(Verdict),
)


@given(FAULTS)
def test_crash_point_round_trip(fault: Fault) -> None:
    """A crash point is read back from its id."""
    assert Fault.parse(fault.id) == fault


@given(SCENARIOS)
def test_scenario_round_trip(scenario: Scenario) -> None:
    """A scenario of any depth is read back from its id, which a shell takes for one plain word."""
    assert Scenario.parse(scenario.id, scenario.expected) == scenario
    # A tilde opens a home directory only at the start of a word.
    assert shlex.split(scenario.id) == [scenario.id]
    assert not set(scenario.id) & set(" $`\"'\\*?[]{}()<>|&;!#:")


@given(PROCESSES)
def test_process_round_trip(process: Process) -> None:
    """A process is read back from both of its spellings."""
    assert Process.parse(str(process)) == Process.parse(process.slug) == process


def test_ids_are_those_that_were_published() -> None:
    """Two ids in the form that stored results and other people's scripts hold."""
    first = Fault(KMS, "C_WrapKey", 7, When.BEFORE)
    second = Fault(unit(2), "setimm", 1, When.AFTER)
    both = Scenario(Flow.AUTO, (first, second), "documented", Verdict.RECOVERED)
    assert both.id == "auto/kms@C_WrapKey.7-before~unit2@setimm.1-after/documented"
    assert Scenario(Flow.PARTS, (), "documented", Verdict.RECOVERED).id == "parts/none/documented"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.1", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.0-after", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.01-after", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.1-during", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.1-after ", "VICTIM@EVENT.ORDINAL-before|after"),
        ("tke@commit.1-after\n", "VICTIM@EVENT.ORDINAL-before|after"),
        ("unit@commit.1-after", "tke, kms, db, backend or unit<N>"),
        ("unit0@commit.1-after", "tke, kms, db, backend or unit<N>"),
        ("database@commit.1-after", "tke, kms, db, backend or unit<N>"),
    ],
)
def test_bad_crash_point_is_refused(text: str, part: str) -> None:
    """What is no crash point is refused with the form that it should have."""
    with pytest.raises(BadId) as refused:
        processes.check_fault(Fault.parse(text))
    assert part in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auto",
        "auto/",
        "auto//documented",
        "auto/none",
        "auto/none/",
        "manual/none/documented",
        "auto/tke@commit.1-after~/documented",
        "auto/tke@commit.1-after\n/documented",
    ],
)
def test_bad_scenario_id_is_refused(text: str) -> None:
    """What is no scenario id is refused, and the text repeats what was given."""
    with pytest.raises(BadId, match="is no") as refused:
        processes.check(Scenario.parse(text, Verdict.RECOVERED))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto/unit3@setimm.1-after/documented", "there are 2 crypto units, and none is unit3"),
        ("auto/tke@commit.1-after~unit9@setimm.1-after/documented", "none is unit9"),
        ("auto/db@sql-commit.1-after/documented", "no database server to kill"),
        ("auto/backend@sql-commit.1-after/documented", "no database server to kill"),
    ],
)
def test_a_victim_that_is_not_there(text: str, says: str) -> None:
    """What an instance has not cannot die in it, which is known before anything is played."""
    with pytest.raises(BadId, match=says):
        processes.check_victims(Scenario.parse(text, Verdict.RECOVERED), 2, server=False)
    processes.check_victims(Scenario.parse(text, Verdict.RECOVERED), 9, server=True)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever somebody types is a scenario with that very id, or BadId; nothing else."""
    try:
        scenario = Scenario.parse(text, Verdict.RECOVERED)
    except BadId:
        return
    assert scenario.id == text
