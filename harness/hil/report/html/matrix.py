"""The matrix: crash points in the order of the rotation, by the procedure that was followed afterwards.

A row is a kind of event in one step of the rotation, a square in it one scenario. Every square is a link to
the scenario's verdict.json, so that the matrix is of use without the script, which opens its own view.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from hil.model.procedure import ProcedureKind
from hil.report.html.campaign import CampaignView
from hil.report.html.lines import Heading, Line
from hil.report.html.look import VerdictLook
from hil.report.html.markup import Node, node

KINDS = (
    ProcedureKind.DOCUMENTED,
    ProcedureKind.STATE_BASED,
    ProcedureKind.MISREAD,
    ProcedureKind.FORBIDDEN,
)
COLUMNS_WIDE = 4  # with more of them their names stand upright


def matrix(campaign: CampaignView) -> Node:
    """Return the table."""
    columns = _columns(campaign)
    bodies = [
        node("tbody", *(_line(campaign, columns, line) for line in lines)) for lines in campaign.bodies()
    ]
    return node("table", _head(campaign, columns), *bodies, class_="matrix", id="matrix")


def _columns(campaign: CampaignView) -> Mapping[str, ProcedureKind]:
    """Return the procedures of the plan with their kinds, the documented ones first."""
    names = dict.fromkeys(scenario.procedure for scenario in campaign.plan)
    kinds = {name: campaign.kind(name) for name in names}
    return dict(sorted(kinds.items(), key=lambda item: (KINDS.index(item[1]), item[0])))


def _head(campaign: CampaignView, columns: Mapping[str, ProcedureKind]) -> Node:
    kinds = [
        node("th", kind, colspan=len(list(ours)), scope="colgroup", class_="kind")
        for kind, ours in groupby(columns.values())
    ]
    upright = "procedure" if len(columns) <= COLUMNS_WIDE else "procedure upright"
    names = [
        node("th", node("span", name), scope="col", class_=upright, title=campaign.title(name))
        for name in columns
    ]
    corner = node("th", "crash point", scope="col", rowspan=2)
    return node("thead", node("tr", corner, *kinds), node("tr", *names))


def _line(campaign: CampaignView, columns: Mapping[str, ProcedureKind], line: Line) -> Node:
    if isinstance(line, Heading):
        wide = len(columns) + 1
        if line.css == "message":
            return node("tr", node("td", line.text, colspan=wide), class_=line.css)
        return node("tr", node("th", line.text, colspan=wide, scope="rowgroup"), class_=line.css)
    return node("tr", node("th", line.label, scope="row"), *_cells(campaign, columns, line.numbers))


def _cells(
    campaign: CampaignView, columns: Mapping[str, ProcedureKind], numbers: tuple[int, ...]
) -> Iterator[Node]:
    for procedure in columns:
        ours = (number for number in numbers if campaign.plan[number - 1].procedure == procedure)
        yield node("td", *(square(campaign, number) for number in ours))


def square(campaign: CampaignView, number: int) -> Node:
    """Return the link to one scenario."""
    scenario = campaign.plan[number - 1]
    look = campaign.looks[number]
    return node(
        "a",
        look.glyph,
        href=f"scenarios/{number}/verdict.json" if look is not VerdictLook.MISSING else None,
        class_=f"c {look.css}",
        data_n=number,
        title=f"{scenario.id}: {described(campaign, number)}",
    )


def described(campaign: CampaignView, number: int) -> str:
    """Return the end of a scenario in words, with the count of keys where some are gone."""
    look = campaign.looks[number]
    record = campaign.records.get(number)
    if record is None:
        return look.words
    keys = record["keys"]
    lost = keys["total"] - keys["readable"]
    verdict = f"{record['verdict']}, expected {record['expected']}, " if look is VerdictLook.WRONG else ""
    return f"{verdict}{look.words}" + (f", {lost} of {keys['total']} keys gone" if lost else "")
