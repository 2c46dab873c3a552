"""summary.md: a campaign on one page, for people, in the Markdown that GitHub and GitLab show.

It is made of the results alone, also of a campaign that was broken off; what nothing speaks of is left out.
"""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hil.engine.stored import Stored
from hil.model.merging import Merging
from hil.model.outcome import Outcome, outcome
from hil.model.procedure import CONTROLS, ProcedureKind
from hil.model.verdicts import Gate, Verdict
from hil.report.console import GATES, nothing
from hil.report.markdown import code, counts, table
from hil.targets.hpcs.model import decision
from hil.targets.hpcs.model.decision import SEEN, YES_NO, DecisionRow, Table
from hil.targets.hpcs.model.rivals import Side, rivals
from hil.targets.hpcs.model.twin.agreement import agreement
from hil.targets.hpcs.report.claims import page
from hil.targets.hpcs.report.findings import ClaimEvidence, JudgedClaim, findings

Record = dict[str, Any]
Records = Sequence[Record]

LISTED_MAX = 20
FOLLOWED = (ProcedureKind.DOCUMENTED, ProcedureKind.STATE_BASED)


def document(stored: Stored) -> str:
    """Return the summary of a run directory."""
    records = [stored.records[number] for number in sorted(stored.records)]
    return summary({**stored.head, "planned": stored.planned, "scenarios": records}, stored.path)


def summary(campaign: Record, folder: Path) -> str:
    """Return the summary of a campaign.json; ``folder`` is what replays are told to look into.

    A campaign without a gate is one that was broken off; ``planned`` and ``scenarios`` have to be there.
    """
    records = campaign["scenarios"]
    found = findings(records)
    sections = (
        _head(campaign),
        _verdicts(records),
        _model(campaign),
        _wrong(records, folder),
        _controls(records),
        _decisions(records),
        _rivals(records),
        *((_page(), _findings(found)) if found else ()),
    )
    return "\n".join(line for section in sections for line in section).rstrip() + "\n"


def _head(campaign: Record) -> Iterator[str]:
    records = campaign["scenarios"]
    if "gate" in campaign:
        yield f"# {GATES[Gate(campaign['gate'])]}"
    else:
        yield f"# UNFINISHED: {len(records)} of {campaign['planned']} scenarios have a result"
    yield from (f"\n- {nothing(why)}" for why in campaign.get("untried", ()))
    yield ""
    faults = [fault["fired"] for record in records for fault in record["faults"]]
    yield f"{len(records)} scenarios, {sum(faults)} of {len(faults)} faults fired{_size(campaign)}."
    yield ""


def _size(campaign: Record) -> str:
    """Return what is known of a finished campaign only."""
    if "gate" not in campaign:
        return ""
    units = ", ".join(f"{number} {kind}" for kind, number in campaign["units"].items() if number)
    return (
        f", in {campaign['seconds']:.0f} s: profile {campaign['profile']} on {campaign['backend']}, "
        f"{units} crypto units, {campaign['keys']} keys"
    )


def _verdicts(records: Records) -> Iterator[str]:
    """Yield counts of each verdict that there is."""
    rows = []
    for verdict in Verdict:
        ours = [record for record in records if record["verdict"] == verdict]
        if ours:
            rows.append((verdict, len(ours), sum(record["as_documented"] for record in ours)))
    yield from table(("verdict", "scenarios", "as documented"), rows)


def _model(campaign: Record) -> Iterator[str]:
    """Yield what the second opinion says, and how depth 2 came to be."""
    records = campaign["scenarios"]
    model = agreement(records)
    yield (
        f"Second opinion: a model made from the documents alone predicted {model.agree} of {model.cells} "
        "cells (a crash state and a procedure)."
    )
    yield ""
    if "differ" in campaign.get("merged", {}):
        yield f"{str(Merging.from_record(campaign['merged'])).capitalize()}."
        yield ""
    rows = [(code([one.id]), one.predicted, one.seen) for one in model.differences[:LISTED_MAX]]
    yield from table(("differs", "predicted", "seen"), rows)


def _wrong(records: Records, folder: Path) -> Iterator[str]:
    """Yield what did not end as documented, with the commands that show it again."""
    wrong = [record for record in records if not record["as_documented"]]
    if not wrong:
        return
    yield "## Not as documented"
    yield ""
    for record in wrong[:LISTED_MAX]:
        yield f"- {record['verdict']}, expected {record['expected']}: `{record['id']}`"
        for finding in record["findings"][:3]:
            yield f"  - {finding['check']}: {' '.join(finding['text'].split())}"
        yield f"  - `hil replay {record['id']} --run {shlex.quote(str(folder))}`"
    if len(wrong) > LISTED_MAX:
        yield f"- and {len(wrong) - LISTED_MAX} more, in results.jsonl"
    yield ""


def _controls(records: Records) -> Iterator[str]:
    """Yield the cells of what is forbidden or misread, by what came of them."""
    cells: dict[tuple[str, str], dict[tuple[str, Outcome], str]] = defaultdict(dict)
    for record in records:
        came = _outcome(record)
        if record["procedure"] in CONTROLS and came:
            name = record["id"].rpartition("/")[2]
            cells[record["procedure"], name].setdefault((record["state"], came), record["id"])
    if not cells:
        return
    yield "## Controls"
    yield ""
    yield "Cells (crash states) of procedures that nobody should follow, by what came of them:"
    yield ""
    rows = []
    for (kind, name), ids in sorted(cells.items()):
        total = Counter(each for _, each in ids)
        rows.append((kind, code([name]), *(total[each] or "" for each in Outcome), code([min(ids.values())])))
    yield from table(("kind", "procedure", *map(str.lower, Outcome), "for example"), rows)


def _outcome(record: Record) -> Outcome | None:
    """Return the outcome of a result; of one without the field, what its verdict stands for."""
    told = record.get("outcome")
    return Outcome(told) if told else outcome(Verdict(record["verdict"]), refused=False)


def _decisions(records: Records) -> Iterator[str]:
    """Yield the decision table of each procedure that is meant to be followed, and what is verified."""
    for kind in FOLLOWED:
        verified = decision.table(records, kind)
        if not verified.rows:
            continue
        yield f"## Decision table, {kind}"
        yield ""
        head = (*SEEN, "it ended with", "then", "crash states", "ended", "for example")
        yield from table(head, map(_row, verified.rows))
        yield from _checks(verified)
        yield ""


def _rivals(records: Records) -> Iterator[str]:
    """Yield the crash states in which the two tables say different things."""
    found = rivals(records)
    if not found:
        return
    yield "## Where the two differ"
    yield ""
    rows = [
        (_then(one.documented), _then(one.state_based), one.states, code([one.example]))
        for one in sorted(found, key=lambda one: one.example)
    ]
    yield from table(("documented", "state-based", "crash states", "for example"), rows)


def _then(side: Side) -> str:
    typed, verdict = side
    return f"{code(typed) or 'nothing'}: {verdict}"


def _row(row: DecisionRow) -> tuple[object, ...]:
    then = code(row.action) if row.action else "nothing to do" if row.rule else "no answer"
    ended = counts({str(verdict): number for verdict, number in row.verdicts.items()})
    return (
        *row.seen.words,
        ", ".join(map(_error, row.errors)),
        then,
        row.states,
        ended,
        code([row.example]),
    )


def _error(error: str) -> str:
    return {"none": "a kill", "other": "an error"}.get(error, f"{error} error")


def _checks(verified: Table) -> Iterator[str]:
    """Yield the three things that are verified, with the scenarios that break them."""
    alike = ", and the others look like one of these" if verified.total and verified.untried else ""
    total = "not shown" if verified.unlike and not verified.unanswered else YES_NO[verified.total]
    yield (
        f"- total: **{total}** ({verified.played} of {verified.reached} crash states were tried{alike})"
        f"{_but(verified.unanswered, 'no answer')}{_but(verified.unlike, 'looks like none that was tried')}"
    )
    yield f"- disjoint: **{YES_NO[verified.disjoint]}**{_but(verified.ambiguous, 'two answers')}"
    yield f"- safe: **{YES_NO[verified.safe]}**{_but(verified.unsafe, 'keys lost')}"
    if verified.blinded:
        yield f"- with a part of the transcript lost: **no**{_but(verified.blinded, 'keys lost')}"


def _but(ids: Sequence[str], what: str) -> str:
    if not ids:
        return ""
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"; {what}: {code(ids[:3])}{more}"


def _page() -> Iterator[str]:
    branches, _ = page()
    yield "## The page's own table"
    yield ""
    rows = [(one.seen, one.action, ", ".join(map(str, one.claims))) for one in branches]
    yield from table(("seen", "the page says", "findings"), rows)


def _findings(found: Sequence[JudgedClaim]) -> Iterator[str]:
    yield "## Findings"
    yield ""
    rows = [
        (one.number, one.says, f"**{one.word}**", "; ".join(map(_evidence, one.evidence))) for one in found
    ]
    yield from table(("", "the page says", "this campaign", "evidence"), rows)


def _evidence(evidence: ClaimEvidence) -> str:
    return f"{evidence.shows} ({counts(evidence.ended)}; `{evidence.ids[0]}`)"
