"""Tables of text, and links to scenarios."""

from collections.abc import Iterable, Iterator, Sequence

from hil.report.html.markup import Node, node

Cell = Node | str


def plain(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Node:
    """Return a table with a row for each of ``rows``, scrolling where it is too wide."""
    head = node("tr", *(node("th", text, scope="col") for text in heads))
    body = [node("tr", *(_cell(cell) for cell in row)) for row in rows]
    table = node("table", node("thead", head), node("tbody", *body), class_="plain")
    return node("div", table, class_="scroll")


def _cell(cell: Cell) -> Node:
    number = isinstance(cell, str) and cell.replace(".", "", 1).isdigit()
    return node("td", cell, class_="number" if number else None)


def to_scenario(scenario_id: str) -> Node:
    """Return a link that opens the view of a scenario."""
    return node("a", scenario_id, href=f"#s={scenario_id}")


def prose(text: str) -> Iterator[Cell]:
    """Yield a text in which what stands between backticks is code."""
    for at, part in enumerate(text.split("`")):
        yield node("code", part) if at % 2 else part
