"""The page as a whole: what the document says without a script, and the data that the script shows."""

from collections.abc import Iterator

from harness.campaign.stored import Stored
from harness.report.html import assets, head
from harness.report.html.campaign import Campaign
from harness.report.html.markup import Node, html, node
from harness.report.html.matrix import matrix


def document(stored: Stored, against: Stored | None = None) -> str:
    """Return report.html of a run directory, compared with an earlier one where that is given."""
    campaign = Campaign.of(stored)
    root = node("html", _head(campaign), _body(campaign), lang="en")
    return "<!doctype html>\n" + html(root) + "\n"


def _head(campaign: Campaign) -> Node:
    return node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=assets.policy()),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", f"{head.GATES[campaign.gate]}: {campaign.name}"),
        node("style", assets.style()),
    )


def _body(campaign: Campaign) -> Node:
    return node("body", *_sections(campaign), node("script", assets.script()))


def _sections(campaign: Campaign) -> Iterator[Node]:
    yield head.banner(campaign)
    yield node(
        "main",
        node("section", node("h2", "Crash points and recoveries"), matrix(campaign)),
    )
