"""The matrix: crash points in the order of the rotation, by the procedure that was followed afterwards.

A row is a kind of event in one step of the rotation, a square in it one scenario. Every square is a link to
the scenario's verdict.json, so that the matrix is of use without the script, which opens its own view.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from harness.model.rules import ProcedureKind
from harness.model.scenario import Flow, Scenario
from harness.report.html.campaign import Campaign
from harness.report.html.look import Look
from harness.report.html.markup import Node, node
from harness.report.html.order import Place, places
from harness.sut import MESSAGES, STEPS

FLOWS = {
    Flow.AUTO: "auto: by recovery crypto units (auto-mk-rotate)",
    Flow.PARTS: "parts: by key-part files (mk-load, mk-commit, mk-rotate)",
}
KINDS = (
    ProcedureKind.DOCUMENTED,
    ProcedureKind.STATE_BASED,
    ProcedureKind.MISREAD,
    ProcedureKind.FORBIDDEN,
)
COLUMNS_WIDE = 4  # with more of them their names stand upright
Numbered = tuple[int, Scenario]


def matrix(campaign: Campaign) -> Node:
    """Return the table."""
    columns = _columns(campaign)
    found = places(campaign.plan)
    numbered = sorted(enumerate(campaign.plan, start=1), key=lambda one: (_coarse(found[one[0]]), one[0]))
    bodies = [
        _body(campaign, columns, found, list(ours), flow)
        for flow, ours in groupby(numbered, key=lambda one: one[1].flow)
    ]
    return node("table", _head(campaign, columns), *bodies, class_="matrix", id="matrix")


def _coarse(place: Place) -> tuple[int, int, bool]:
    return place.flow, place.step, place.system


def _columns(campaign: Campaign) -> Mapping[str, ProcedureKind]:
    """Return the procedures of the plan with their kinds, the documented ones first."""
    kinds = {
        campaign.plan[number - 1].procedure: ProcedureKind(record["procedure"])
        for number, record in campaign.records.items()
    }
    for scenario in campaign.plan:
        if scenario.procedure not in kinds:
            procedure = campaign.procedure(scenario.procedure)
            kinds[scenario.procedure] = procedure.kind if procedure else ProcedureKind.FORBIDDEN
    return dict(sorted(kinds.items(), key=lambda item: (KINDS.index(item[1]), item[0])))


def _head(campaign: Campaign, columns: Mapping[str, ProcedureKind]) -> Node:
    kinds = [
        node("th", kind, colspan=len(list(ours)), scope="colgroup", class_="kind")
        for kind, ours in groupby(columns.values())
    ]
    names = []
    for name in columns:
        procedure = campaign.procedure(name)
        title = procedure.title if procedure else None
        upright = "procedure" if len(columns) <= COLUMNS_WIDE else "procedure upright"
        names.append(node("th", node("span", name), scope="col", class_=upright, title=title))
    corner = node("th", "crash point", scope="col", rowspan=2)
    return node("thead", node("tr", corner, *kinds), node("tr", *names))


def _body(
    campaign: Campaign,
    columns: Mapping[str, ProcedureKind],
    found: Mapping[int, Place],
    ours: Sequence[Numbered],
    flow: Flow,
) -> Node:
    wide = len(columns) + 1
    body = node("tbody", node("tr", node("th", FLOWS[flow], colspan=wide, scope="rowgroup"), class_="flow"))
    reached: dict[int, list[Numbered]] = {at: [] for at in range(len(STEPS[flow]))}
    for one in ours:
        reached[found[one[0]].step].append(one)
    for at, step in enumerate(STEPS[flow]):
        if step.message:
            text = f"message {step.message}: “{MESSAGES[step.message]}”"
            body.append(node("tr", node("td", text, colspan=wide), class_="message"))
        if reached[at]:
            body.append(node("tr", node("th", step.title, colspan=wide, scope="rowgroup"), class_="step"))
            body.extend(_rows(campaign, columns, found, reached[at]))
    return body


def _rows(
    campaign: Campaign,
    columns: Mapping[str, ProcedureKind],
    found: Mapping[int, Place],
    ours: Sequence[Numbered],
) -> Iterator[Node]:
    by_label: dict[str, list[Numbered]] = {}
    for number, scenario in ours:
        by_label.setdefault(found[number].label, []).append((number, scenario))
    for label, group in by_label.items():
        cells = [
            node(
                "td",
                *(square(campaign, one) for one in sorted(group, key=_fine) if one[1].procedure == procedure),
            )
            for procedure in columns
        ]
        yield node("tr", node("th", label, scope="row"), *cells)


def _fine(one: Numbered) -> tuple[object, ...]:
    """Order within a row: by ordinal, before and then after, by victim, kills first."""
    number, scenario = one
    if not scenario.faults:
        return (0, "", "", "", number)
    first = scenario.faults[0]
    return (first.ordinal, str(first.when) != "before", str(first.victim), first.kind != "kill", number)


def square(campaign: Campaign, one: Numbered) -> Node:
    """Return the link to one scenario."""
    number, scenario = one
    look = campaign.looks[number]
    return node(
        "a",
        look.glyph,
        href=f"scenarios/{number}/verdict.json" if look is not Look.MISSING else None,
        class_=f"c {look.css}",
        data_n=number,
        title=f"{scenario.id}: {described(campaign, number)}",
    )


def described(campaign: Campaign, number: int) -> str:
    """Return the end of a scenario in words, with the count of keys where some are gone."""
    look = campaign.looks[number]
    record = campaign.records.get(number)
    if record is None:
        return look.words
    keys = record["keys"]
    lost = keys["total"] - keys["readable"]
    verdict = f"{record['verdict']}, expected {record['expected']}, " if look is Look.WRONG else ""
    return f"{verdict}{look.words}" + (f", {lost} of {keys['total']} keys gone" if lost else "")
