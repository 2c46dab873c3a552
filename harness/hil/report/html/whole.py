"""The page as a whole, of any campaign: what the document says without a script, and the script's data."""

from collections.abc import Iterable, Iterator

from hil.report.html import assets, head
from hil.report.html.campaign import CampaignView
from hil.report.html.cases import cases, losses, slowest
from hil.report.html.compare import comparison
from hil.report.html.gantt import gantt
from hil.report.html.markup import Node, html, node
from hil.report.html.matrix import matrix
from hil.report.html.pack import Detail, PackedDetails, pack

MATRIX = (
    "A square is a scenario: something died at this event, in the order of the rotation, and the operator "
    "followed the procedure of the column. Where a field is empty, nothing was planned."
)
BYTES_MAX = 4_800_000
KEYS = (
    ("/", "filter"),
    ("arrows", "from square to square"),
    ("Enter", "open"),
    ("Esc", "back"),
    ("n p", "next, previous"),
    ("j", "jump to the violation"),
    ("c", "copy the replay command"),
    ("t", "light or dark"),
)


def write(
    campaign: CampaignView, detail: Detail, findings: Iterable[Node], earlier: CampaignView | None = None
) -> str:
    """Return report.html of a campaign, compared with an earlier one where that is given.

    ``detail`` gives what the view of one scenario shows; ``findings`` are sections of this sort of campaign.
    """
    overview = node("div", *_overview(campaign, findings, earlier), id="overview")
    told = len(html(overview).encode()) + len(assets.style()) + len(assets.script())
    packed = pack(campaign, detail, max(0, BYTES_MAX - told))
    root = node("html", _head(campaign), _body(overview, packed), lang="en")
    return "<!doctype html>\n" + html(root) + "\n"


def _head(campaign: CampaignView) -> Node:
    return node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", http_equiv="Content-Security-Policy", content=assets.policy()),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", f"{head.GATES[campaign.gate]}: {campaign.name}"),
        node("style", assets.style()),
    )


def _body(overview: Node, packed: PackedDetails) -> Node:
    blocks = [
        node("script", text, type="application/octet-stream", data_block=" ".join(map(str, numbers)))
        for numbers, text in packed.blocks
    ]
    return node(
        "body",
        overview,
        node("footer", *_cut(packed)),
        node("main", id="scenario", hidden=""),
        *blocks,
        node("script", assets.script()),
    )


def _overview(
    campaign: CampaignView, findings: Iterable[Node], earlier: CampaignView | None
) -> Iterator[Node]:
    yield head.banner(campaign)
    yield node(
        "main",
        *cases(campaign),
        *(comparison(campaign, earlier) if earlier else ()),
        _tools(),
        node("section", node("h2", "Crash points and recoveries"), node("p", MATRIX), matrix(campaign)),
        *losses(campaign),
        *findings,
        *gantt(campaign),
        *slowest(campaign),
    )


def _tools() -> Node:
    keys = [part for key, text in KEYS for part in (node("kbd", key), f" {text}  ")]
    return node(
        "div",
        node(
            "p",
            node("label", "filter ", for_="filter"),
            node("input", id="filter", type="search", placeholder="kms C_WrapKey !documented"),
            node("span", id="found", role="status"),
            node("button", "light or dark", id="theme", type="button"),
            class_="tools",
        ),
        node("p", *keys, class_="faint keys"),
        node("ul", id="list"),
        hidden="",
        data_with_script="",
    )


def _cut(packed: PackedDetails) -> Iterator[Node]:
    """Say what of the evidence did not fit into the page."""
    if packed.bare:
        yield node("p", f"To keep this page small, {packed.bare} scenarios are in it without their events.")
    if packed.left_out:
        yield node(
            "p",
            f"To keep this page small, the details of {packed.left_out} scenarios are left out; "
            "they are in the folder scenarios beside it.",
        )
