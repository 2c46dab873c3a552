"""The twin against a campaign: does every cell, a crash state and a procedure, end as predicted?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.model.outcome import Outcome
from hil.model.procedure import CONTROLS
from hil.model.scenario import NOT_BACK
from hil.model.verdicts import VOID, Verdict
from hil.targets.hpcs.model.standing import Extent, extent
from hil.targets.hpcs.model.twin.crashes import UnreadableState, read
from hil.targets.hpcs.model.twin.predict import Prediction, predict

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A result that is not as predicted; ``predicted`` in words."""

    id: str
    predicted: str
    seen: str


@dataclass(frozen=True)
class TwinAgreement:
    """``cells``: pairs of crash state and procedure; ``agree``: those whose results are all as predicted."""

    cells: int
    agree: int
    differences: tuple[Difference, ...]

    def record(self) -> dict[str, Any]:
        """Return the field ``model`` of campaign.json."""
        return {
            "cells": self.cells,
            "agree": self.agree,
            "differ": [difference.id for difference in self.differences],
        }


def agreement(records: Iterable[Record]) -> TwinAgreement:
    """Compare every result of a campaign that reached a crash state with the twin's prediction."""
    cells: dict[tuple[str, str], bool] = {}
    differences = []
    for record in records:
        judged = all(finding["check"] != NOT_BACK for finding in record.get("findings", ()))
        if record["verdict"] in VOID or not record.get("state") or not judged:
            continue
        cell = record["state"], record["id"].rpartition("/")[2]
        found = compare(record)
        cells[cell] = cells.get(cell, True) and found is None
        if found:
            differences.append(found)
    return TwinAgreement(len(cells), sum(cells.values()), tuple(differences))


def compare(record: Record) -> Difference | None:
    """Compare one result; None where it is as predicted."""
    try:
        predictions = predict(
            read(record).instance,
            record["recovery"],
            kills=max(0, len(record["faults"]) - 1),
            ended=not record["stuck"],
        )
    except UnreadableState:
        return Difference(record["id"], "a crash state that can be read", record["state"])
    except KeyError as error:
        return Difference(record["id"], f"no command {error}", record["verdict"])
    if any(_fits(prediction, record) for prediction in predictions):
        return None
    return Difference(record["id"], " or ".join(sorted(map(_said, predictions))), _seen(record))


def _fits(prediction: Prediction, record: Record) -> bool:
    """Whether a result is what was predicted: verdict, keys that are readable or gone, refusal of a control.

    An operator whom the procedure leaves without an answer is STUCK also where the instance is whole.
    """
    verdict = prediction.verdict
    if record["stuck"] and verdict is Verdict.RECOVERED:
        verdict = Verdict.STUCK
    keys = record["keys"]
    unreadable = extent(keys["total"] - keys["readable"], keys["total"])
    gone = extent(keys["gone"], keys["total"]) if "gone" in keys else prediction.gone
    return (
        record["verdict"] == verdict
        and _possible(prediction.unreadable, unreadable)
        and _possible(prediction.gone, gone)
        and _refusal_fits(prediction, record)
    )


def _refusal_fits(prediction: Prediction, record: Record) -> bool:
    """Whether a wrong step that did no harm was refused exactly where a refusal is predicted."""
    if record["procedure"] not in CONTROLS or record["verdict"] != Verdict.RECOVERED:
        return True
    return (record.get("outcome") == Outcome.REFUSED) == bool(prediction.refused)


def _possible(rows: Extent, keys: Extent) -> bool:
    """A key is lost with any of its rows, so all keys can be lost with some of the rows."""
    return rows is keys or (rows is Extent.SOME and keys is Extent.ALL)


def _said(prediction: Prediction) -> str:
    rows = f"rows unreadable: {prediction.unreadable}, gone: {prediction.gone}"
    refused = f"; refused: {', '.join(prediction.refused)}" if prediction.refused else ""
    broken = f"; broken off: {', '.join(prediction.broken)}" if prediction.broken else ""
    return f"{prediction.verdict} ({rows}{refused}{broken})"


def _seen(record: Record) -> str:
    keys = record["keys"]
    outcome = f", {record['outcome']}" if record.get("outcome") else ""
    return f"{record['verdict']}{outcome} ({keys['readable']} of {keys['total']} keys readable)"
