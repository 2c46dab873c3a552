"""The head of the report: the gate in words, counts, and what was run."""

from collections import Counter
from collections.abc import Iterator

from hil.model.verdicts import Gate
from hil.report.console import nothing
from hil.report.html.campaign import CampaignView
from hil.report.html.look import VerdictLook
from hil.report.html.markup import Node, node

GATES = {Gate.PASS: "PASS", Gate.FAIL: "FAIL", Gate.INCONCLUSIVE: "INCONCLUSIVE", Gate.ERROR: "ERROR"}
WORDS = {
    Gate.PASS: "Every scenario ended as documented.",
    Gate.FAIL: "Data lost, an instance stuck, or the documentation contradicted.",
    Gate.INCONCLUSIVE: (
        "A planned fault did not fire, a scenario does not repeat, results are missing, or nothing was tried."
    ),
    Gate.ERROR: "The bench itself failed.",
}


def banner(campaign: CampaignView) -> Node:
    """Return the head."""
    return node(
        "header",
        node("h1", node("span", GATES[campaign.gate], class_="gate"), " ", _sentence(campaign)),
        *(node("p", nothing(why)) for why in campaign.judged.untried),
        node("p", _coverage(campaign)),
        node("ul", *_counts(campaign), class_="counts"),
        node("dl", *_facts(campaign), class_="facts"),
        class_=f"banner {campaign.gate}",
    )


def _sentence(campaign: CampaignView) -> str:
    if campaign.finished:
        return WORDS[campaign.gate]
    unfinished = f"Unfinished: {len(campaign.records)} of {campaign.planned} scenarios have a result."
    return unfinished if campaign.gate is Gate.INCONCLUSIVE else f"{WORDS[campaign.gate]} {unfinished}"


def _coverage(campaign: CampaignView) -> str:
    """Say what the gate rests on: how much was played, how much struck, and that losses were seen."""
    faults = [fault["fired"] for record in campaign.records.values() for fault in record["faults"]]
    lost = sum(look is VerdictLook.LOSS for look in campaign.looks.values())
    seen = f"{lost} losses that the documentation predicts were seen" if lost else "no loss was predicted"
    return (
        f"{len(campaign.records)} of {campaign.planned} scenarios played, "
        f"{sum(faults)} of {len(faults)} faults struck, {seen}."
    )


def _counts(campaign: CampaignView) -> Iterator[Node]:
    """Yield one entry for each way in which scenarios ended."""
    counted = Counter(campaign.looks.values())
    for look in VerdictLook:
        if counted[look]:
            yield node(
                "li",
                node("span", look.glyph, class_=f"c {look.css}"),
                f" {look.words}: {counted[look]}",
                data_filter=look.css,
            )


def _facts(campaign: CampaignView) -> Iterator[Node]:
    head = campaign.head
    facts = [("run", campaign.name)]
    if head:
        facts += [
            *campaign.facts(),
            ("shard", f"{head.get('shard', '1/1')}, {head['planned']} of {head['total']} scenarios"),
            ("time", f"{head['seconds']:.1f} s, {head['scenarios_per_second']:.1f} scenarios a second"),
            ("played twice", f"one in {head['audit']['every']}, {len(head['audit']['differing'])} differed"),
        ]
    for name, value in facts:
        yield node("div", node("dt", name), node("dd", value))
