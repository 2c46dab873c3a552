"""A campaign in time: a line for each worker, on it what it played."""

from collections.abc import Iterator, Sequence

from hil.report.html.campaign import CampaignView, Record
from hil.report.html.markup import Node, node

WIDTH, LINE, LEFT = 1000.0, 22, 60
DRAWN_MAX = 3000


def gantt(campaign: CampaignView) -> Iterator[Node]:
    """Yield a section; none where the results do not tell when they were played."""
    timed = [(number, record) for number, record in campaign.records.items() if record.get("started")]
    if not timed:
        return
    drawn = sorted(timed, key=lambda one: -float(one[1]["seconds"]))[:DRAWN_MAX]
    texts = [node("p", _summary([record for _, record in timed]))]
    if len(drawn) < len(timed):
        texts.append(node("p", f"Only the {DRAWN_MAX} scenarios that took longest are drawn."))
    picture = node("div", _picture(campaign, drawn), class_="scroll")
    yield node("section", node("h2", "Time"), *texts, picture, id="time")


def _ends(record: Record) -> tuple[float, float]:
    started = float(record["started"])
    return started, started + float(record["seconds"])


def _summary(records: Sequence[Record]) -> str:
    first, last = _span(records)
    busy = sum(float(record["seconds"]) for record in records)
    workers = len({record["worker"] for record in records})
    return (
        f"{len(records)} scenarios in {last - first:.1f} s from the first to the last; "
        f"{workers} workers, {busy / ((last - first) * workers or 1):.0%} of their time in scenarios."
    )


def _span(records: Sequence[Record]) -> tuple[float, float]:
    ends = [_ends(record) for record in records]
    return min(start for start, _ in ends), max(end for _, end in ends)


def _picture(campaign: CampaignView, drawn: Sequence[tuple[int, Record]]) -> Node:
    first, last = _span([record for _, record in drawn])
    scale = WIDTH / ((last - first) or 1)
    workers = sorted({record["worker"] for _, record in drawn})
    height = len(workers) * LINE + 4
    width = WIDTH + LEFT
    picture = node(
        "svg",
        width=f"{width:.0f}",
        height=height,
        viewBox=f"0 0 {width:.0f} {height}",
        class_="gantt",
        role="img",
    )
    for at, worker in enumerate(workers):
        picture.append(node("text", worker, x=0, y=at * LINE + 15))
    for number, record in drawn:
        start, end = _ends(record)
        box = node(
            "rect",
            node("title", f"{record['id']} {record['seconds']} s"),
            x=f"{LEFT + (start - first) * scale:.1f}",
            y=workers.index(record["worker"]) * LINE + 2,
            width=f"{max(0.5, (end - start) * scale - 0.5):.1f}",
            height=LINE - 5,
            class_=f"span {campaign.looks[number].css}",
        )
        picture.append(box)
    return picture
