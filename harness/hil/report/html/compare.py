"""A campaign against an earlier one: which scenarios end otherwise now."""

from collections.abc import Iterator, Mapping

from hil.report.html.campaign import CampaignView, Record
from hil.report.html.markup import Node, node
from hil.report.html.tables import plain, to_scenario

SHOWN_MAX = 200


def comparison(now: CampaignView, earlier: CampaignView) -> Iterator[Node]:
    """Yield the section."""
    ours, theirs = _by_id(now), _by_id(earlier)
    changed = [name for name in ours if name in theirs and _end(ours[name]) != _end(theirs[name])]
    rows = [(to_scenario(name), _end(theirs[name]), _end(ours[name]), _now(ours[name])) for name in changed]
    more = [node("p", f"… and {len(rows) - SHOWN_MAX} more.")] if len(rows) > SHOWN_MAX else []
    yield node(
        "section",
        node("h2", f"Against {earlier.name}"),
        node(
            "p",
            f"{len(changed)} of {len(ours.keys() & theirs.keys())} scenarios that both have end otherwise; "
            f"{len(ours.keys() - theirs.keys())} are new, {len(theirs.keys() - ours.keys())} are gone.",
        ),
        *([plain(("scenario", "then", "now", ""), rows[:SHOWN_MAX])] if rows else ()),
        *more,
        id="against",
    )


def _by_id(campaign: CampaignView) -> Mapping[str, Record]:
    return {record["id"]: record for record in campaign.records.values()}


def _end(record: Record) -> str:
    keys = record["keys"]
    outcome = f" ({record['outcome']})" if record.get("outcome") else ""
    return f"{record['verdict']}{outcome}, {keys['readable']} of {keys['total']} keys"


def _now(record: Record) -> str:
    return "as documented" if record["as_documented"] else "not as documented"
