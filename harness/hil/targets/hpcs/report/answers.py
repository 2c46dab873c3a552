"""What the campaign says about the documentation: the decision table that it verified, claim by claim."""

from collections.abc import Iterator, Mapping
from typing import Any

from hil.model.procedure import ProcedureKind
from hil.report.html.campaign import CampaignView
from hil.report.html.markup import Node, node
from hil.report.html.tables import plain, prose, to_scenario
from hil.targets.hpcs.model.decision import SEEN, DecisionRow, Table, table
from hil.targets.hpcs.report.findings import JudgedClaim, Word, findings

TABLES = {
    ProcedureKind.DOCUMENTED: "Decision table of the documentation",
    ProcedureKind.STATE_BASED: "Decision table by state alone",
}
MARKS = {Word.CONTRADICTED: "✗", Word.CONFIRMED: "✓", Word.NOT_EXERCISED: "·"}
IDS_SHOWN = 2


def answers(campaign: CampaignView) -> Iterator[Node]:
    """Yield the sections."""
    records = list(campaign.records.values())
    for kind, title in TABLES.items():
        decided = table(records, kind)
        if decided.played:
            yield node(
                "section", node("h2", title), _verified(decided), _decisions(decided), id=f"decision-{kind}"
            )
    found = findings(records) if records else ()
    if found:
        yield node(
            "section",
            node("h2", "What the page says, and what was found"),
            plain(("", "the page says", "", "what was found"), map(_finding, found)),
            id="findings",
        )


def _verified(decided: Table) -> Node:
    checks = (
        ("total", decided.total, "every crash state that was reached has an action", decided.unanswered),
        ("disjoint", decided.disjoint, "none has two", decided.ambiguous),
        ("safe", decided.safe, "no action lost a key", decided.unsafe),
    )
    entries = [
        node(
            "li",
            node("strong", f"{'✓' if holds else '✗'} {name}"),
            f": {meaning}" if holds else f": does not hold ({meaning}) ",
            *_ids(ids),
        )
        for name, holds, meaning, ids in checks
    ]
    if decided.blinded:
        text = f"left out: {len(decided.blinded)} losses where the operator had lost some of the transcript "
        entries.append(node("li", text, *_ids(decided.blinded)))
    states = f"{decided.played} of {decided.reached} crash states that were reached were decided by it."
    return node("div", node("p", states), node("ul", *entries))


def _ids(ids: tuple[str, ...]) -> Iterator[Node | str]:
    for name in ids[:IDS_SHOWN]:
        yield to_scenario(name)
        yield " "
    if len(ids) > IDS_SHOWN:
        yield f"and {len(ids) - IDS_SHOWN} more"


def _decisions(decided: Table) -> Node:
    return plain((*SEEN, "action", "states", "scenarios", "ended", "e.g."), map(_decision, decided.rows))


def _decision(row: DecisionRow) -> tuple[Node | str, ...]:
    return (
        *row.seen.words,
        node("code", " → ".join(row.action)) if row.action else "nothing" if row.rule else "no rule applies",
        str(row.states),
        str(row.scenarios),
        _counts(row.verdicts),
        to_scenario(row.example),
    )


def _finding(found: JudgedClaim) -> tuple[Node | str, ...]:
    evidence = [
        node("li", *prose(f"{one.shows}: {_counts(one.ended)} "), *_ids(one.ids)) for one in found.evidence
    ]
    return (
        str(found.number),
        node("span", *prose(found.says)),
        node("strong", f"{MARKS[found.word]} {found.word}", class_=f"word {found.word.name.lower()}"),
        node("ul", *evidence),
    )


def _counts(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
