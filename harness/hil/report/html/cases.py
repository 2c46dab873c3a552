"""Scenarios that a reader has to see: those that are not as documented, and losses that are."""

from collections.abc import Iterator

from hil.report.html.campaign import CampaignView
from hil.report.html.look import VerdictLook
from hil.report.html.markup import Node, node
from hil.report.html.matrix import described
from hil.report.html.tables import plain, to_scenario

TO_SEE = (VerdictLook.WRONG, VerdictLook.BROKEN, VerdictLook.DIFFERS, VerdictLook.UNREACHED)
CASES_MAX = 50
FINDINGS_MAX = 5
SLOWEST = 10


def cases(campaign: CampaignView) -> Iterator[Node]:
    """Yield a section for what is not as documented, if anything is."""
    wrong = [number for look in TO_SEE for number in campaign.looks if campaign.looks[number] is look]
    if not wrong:
        return
    shown = [_case(campaign, number) for number in wrong[:CASES_MAX]]
    more = len(wrong) - len(shown)
    rest = [node("p", f"… and {more} more, see the matrix.")] if more else []
    yield node("section", node("h2", "Not as documented"), *shown, *rest, id="cases")


def _case(campaign: CampaignView, number: int) -> Node:
    scenario, record = campaign.plan[number - 1], campaign.records[number]
    look = campaign.looks[number]
    findings = [node("li", f"{one['check']}: {one['text']}") for one in record["findings"][:FINDINGS_MAX]]
    return node(
        "article",
        node("h3", node("span", look.glyph, class_=f"c {look.css}"), " ", to_scenario(scenario.id)),
        node("p", node("strong", described(campaign, number))),
        node("p", campaign.claim(number)),
        node("ul", *findings),
        node("div", node("code", campaign.replay(number)), class_="replay"),
        class_="case",
    )


def losses(campaign: CampaignView) -> Iterator[Node]:
    """Yield a section for losses that were predicted and seen."""
    lost = [number for number, look in campaign.looks.items() if look is VerdictLook.LOSS]
    if not lost:
        return
    rows = []
    for number in lost[:CASES_MAX]:
        record = campaign.records[number]
        keys = record["keys"]
        rows.append(
            (
                to_scenario(record["id"]),
                f"{keys['total'] - keys['readable']} of {keys['total']}",
                node("code", " → ".join(record["recovery"])),
            )
        )
    more = [node("p", f"… and {len(lost) - CASES_MAX} more.")] if len(lost) > CASES_MAX else []
    yield node(
        "section",
        node("h2", "Losses confirmed, as documented"),
        node(
            "p",
            "What is forbidden was done on purpose; had no key gone, the bench would be blind.",
        ),
        plain(("scenario", "keys gone", "commands"), rows),
        *more,
        id="losses",
    )


def slowest(campaign: CampaignView) -> Iterator[Node]:
    """Yield a section with the scenarios that took longest."""
    records = sorted(campaign.records.values(), key=lambda record: -float(record["seconds"]))[:SLOWEST]
    if records:
        rows = [(f"{record['seconds']:.2f}", to_scenario(record["id"])) for record in records]
        yield node("section", node("h2", "Slowest"), plain(("seconds", "scenario"), rows), id="slowest")
