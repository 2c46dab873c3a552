"""Controls by the command line: what is refused, lost, stuck and preserved, and the gate that rests on it."""

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SMALL = ("--backend", "process", "--operational", "2", "--recovery", "1", "--keys", "8")
ROWS_NEW, PARTLY = "auto/tke@rewrap.1-after", "auto/tke@setimm.1-after"
LOST_MESSAGE = "auto/tke@rewrap.1-after+gone"

# id -> verdict that is expected, outcome, keys that are gone for good
CELLS: dict[str, tuple[str, str, int]] = {
    f"{PARTLY}/rotate-when-partly-promoted": ("RECOVERED", "REFUSED", 0),
    f"{PARTLY}/clear-as-clear-new": ("RECOVERED", "PRESERVED", 0),
    f"{PARTLY}/zeroize-promoted": ("STUCK", "STUCK", 0),
    f"{ROWS_NEW}/clear-new-after-message-1": ("DATA_LOST", "LOST", 8),
    f"{LOST_MESSAGE}/documented": ("DATA_LOST", "LOST", 8),
    f"{LOST_MESSAGE}/state-based": ("RECOVERED", "PRESERVED", 0),
}


@pytest.fixture
def cells(place: "Place") -> dict[str, Any]:
    """The campaign of CELLS."""
    plan = place.plan({name: verdict for name, (verdict, _, _) in CELLS.items()})
    ended = place.hil("run", *SMALL, "--plan", str(plan), "--out", "run", "--jobs", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    place.nothing_left()
    campaign: dict[str, Any] = json.loads((place.runs / "run" / "campaign.json").read_text())
    return campaign


def test_outcomes_of_cells(cells: dict[str, Any], place: "Place") -> None:
    """Each of the four outcomes is seen, with the keys that it costs, and a recheck agrees."""
    seen = {
        scenario["id"]: (scenario["verdict"], scenario["outcome"], scenario["keys"]["gone"])
        for scenario in cells["scenarios"]
    }
    assert seen == CELLS
    assert {outcome for _, outcome, _ in seen.values()} == {"PRESERVED", "LOST", "REFUSED", "STUCK"}
    assert place.hil("recheck", "run").returncode == 0


def test_refused_is_proven_by_the_recovery_that_follows(cells: dict[str, Any]) -> None:
    """After a refusal the operator goes on by the page; what is only out of reach is no lost key."""
    by_name = {scenario["id"].rpartition("/")[2]: scenario for scenario in cells["scenarios"]}
    refused = by_name["rotate-when-partly-promoted"]
    assert refused["recovery"] == [
        "cryptounit-mks",
        "cryptounit-mk-rotate",
        "cryptounit-mks",
        "cryptounit-rm 1",
        "cryptounit-mk-setimm",
    ]
    assert by_name["zeroize-promoted"]["keys"] == {"total": 8, "readable": 0, "gone": 0, "usable": 0}
    assert by_name["state-based"]["standing"]["shown"] == "none"
    assert by_name["state-based"]["standing"]["printed"] == "1"


def test_an_outcome_that_was_not_predicted_fails(place: "Place") -> None:
    """Refused or gone through: the verdict does not tell, so the gate asks for the outcome as well."""
    plan = place.plan({f"{PARTLY}/documented": "RECOVERED"})
    assert place.hil("run", *SMALL, "--plan", str(plan), "--out", "run").returncode == 0
    results = place.runs / "run" / "results.jsonl"
    campaign = place.runs / "run" / "campaign.json"
    for file in (results, campaign):
        text = file.read_text()
        assert '"expected_outcome": "PRESERVED"' in text
        file.write_text(text.replace('"expected_outcome": "PRESERVED"', '"expected_outcome": "REFUSED"'))
    assert place.hil("recheck", "run").returncode == 1
