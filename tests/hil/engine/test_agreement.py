"""What the twin says of a campaign: a field of campaign.json, and a part of the gate."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from hil.engine.again import merge, recheck
from hil.engine.stored import Stored
from hil.model.verdicts import Gate, Verdict, gate
from tests.hil.engine.conftest import PLAN

if TYPE_CHECKING:
    from tests.hil.engine.conftest import Made

STATE = "auto auto-mk-rotate none messages none | 1:C/- 2:C/N1? | rows 8+0+0 | open | selected 1,2"


def _reached(path: Path, *numbers: int) -> Stored:
    """Give these results a crash state from which the rotation is run again as a whole."""
    results = path / "results.jsonl"
    records = [json.loads(line) for line in results.read_text().splitlines()]
    lines = [
        json.dumps(record | {"state": STATE} if record["number"] in numbers else record) for record in records
    ]
    results.write_text("\n".join(lines) + "\n")
    return Stored.read(path)


def test_as_predicted(made: "Made", tmp_path: Path) -> None:
    """Two results of one cell that are as predicted, and one that reached no state, leave the gate alone."""
    shard = _reached(made("one", head={"shard": "1/1"}), 1, 2)
    assert merge.merge([shard], tmp_path / "whole").gate is Gate.PASS
    model = json.loads((tmp_path / "whole" / "campaign.json").read_text())["model"]
    assert model == {"cells": 1, "agree": 1, "differ": []}


def test_not_as_predicted(made: "Made", tmp_path: Path) -> None:
    """A loss that its author expected and the twin does not fails the campaign, and is named."""
    shard = _reached(made("one", head={"shard": "1/1"}), 1, 2, 3)
    assert merge.merge([shard], tmp_path / "whole").gate is Gate.FAIL
    model = json.loads((tmp_path / "whole" / "campaign.json").read_text())["model"]
    assert model == {"cells": 2, "agree": 1, "differ": [PLAN[2].id]}
    assert recheck.recheck(shard).gate is Gate.FAIL


def test_a_difference_outranks_everything() -> None:
    """Even where each verdict is the expected one, a second opinion that differs is a contradiction."""
    pairs = [(Verdict.RECOVERED, Verdict.RECOVERED), (Verdict.HARNESS_ERROR, Verdict.RECOVERED)]
    assert gate(pairs, 2, agreed=False) is Gate.FAIL
    assert gate(pairs, 2) is Gate.ERROR
