"""``hil advise`` against a campaign that is played now: what the stored transcripts say still holds."""

import json
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.model.history import Doubt
from tests.hil.targets.hpcs.tools.advise.conftest import Case, cases, decisions, typed

if TYPE_CHECKING:
    from tests.e2e.conftest import Place


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fresh_transcripts(place: "Place") -> None:
    """Played anew, every scenario of the corpus recovers by the stored commands, and the advice is those."""
    stored = {case.id: case for case in cases()}
    plan = str(place.plan(dict.fromkeys(stored, "RECOVERED")))
    size = ("--backend", "process", "--operational", "2", "--recovery", "1", "--keys", "8")
    ended = place.hil("run", *size, "--plan", plan, "--out", "run")
    assert ended.returncode == 0, ended
    for folder in sorted((place.runs / "run" / "scenarios").iterdir()):
        played = json.loads((folder / "scenario.json").read_text())
        file = folder / "transcript.txt"
        fresh = Case(played["id"], file.read_text(), tuple(played["recovery"]))
        assert fresh.recovery == stored[fresh.id].recovery
        for moment, told in decisions(fresh):
            if Doubt.LAST_COMMIT in told.doubts:
                continue  # the page says to run; message 1 would be the next line, so the advice is to look
            assert typed(told) == moment.typed[: len(told.orders)], (fresh.id, moment)
        assert place.hil("advise", str(file)).returncode == 0
