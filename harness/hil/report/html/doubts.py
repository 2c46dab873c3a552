"""What a gate rests on beside the scenarios: second opinion, probes, and controls that were promised."""

from collections.abc import Iterator

from hil.model.merging import Merging
from hil.model.outcome import Outcome
from hil.report.html.campaign import CampaignView
from hil.report.html.markup import Node, node
from hil.report.html.tables import plain, to_scenario
from hil.targets.hpcs.model.twin.agreement import agreement

SHOWN_MAX = 50


def doubts(campaign: CampaignView) -> Iterator[Node]:
    """Yield a section with one line each, and what did not hold in full."""
    lines = [*_model(campaign), *_merging(campaign), *_probes(campaign), *_controls(campaign)]
    if lines:
        yield node("section", node("h2", "Beside the scenarios"), *lines, id="beside")


def _model(campaign: CampaignView) -> Iterator[Node]:
    model = agreement(campaign.records.values())
    if not model.cells:
        return
    mark = "✗" if model.differences else "✓"
    yield node(
        "p",
        f"{mark} Second opinion: a model made from the documents predicted {model.agree} of {model.cells} "
        "cells (a crash state and a procedure).",
    )
    rows = [(to_scenario(one.id), one.predicted, one.seen) for one in model.differences[:SHOWN_MAX]]
    if rows:
        yield plain(("scenario", "predicted", "seen"), rows)


def _merging(campaign: CampaignView) -> Iterator[Node]:
    """Yield how many crash states depth 2 was played from; runs from before this was compared do not say."""
    told = campaign.head.get("merged", {})
    if "differ" not in told:
        return
    merged = Merging.from_record(told)
    yield node("p", f"{'✗' if merged.doubtful else '✓'} {str(merged).capitalize()}.")
    for title, ids in (
        ("not as the crash that stands for it", merged.differ),
        ("its recovery was never struck", merged.spared),
    ):
        if ids:
            yield plain((title,), [(to_scenario(one),) for one in ids])


def _probes(campaign: CampaignView) -> Iterator[Node]:
    probes = campaign.head.get("probes", ())
    if not probes:
        return
    failed = [probe for probe in probes if not probe["passed"]]
    mark = "✗" if failed else "✓"
    held = f"{len(probes) - len(failed)} of {len(probes)}"
    yield node("p", f"{mark} Probes: {held} things held that an instance has to refuse, or to do in order.")
    if failed:
        what = "what did not hold, or why it could not be tried"
        yield plain(("probe", what), [(probe["name"], probe["detail"]) for probe in failed])


def _controls(campaign: CampaignView) -> Iterator[Node]:
    controls = campaign.head.get("controls")
    if controls is None:
        return
    missing = controls["missing"]
    if missing:
        yield node("p", f"✗ Controls that were promised and not played: {', '.join(missing)}.")
    rows = [
        (name, *(str(came.get(each, "")) for each in Outcome)) for name, came in controls["outcomes"].items()
    ]
    if rows:
        yield node("p", "What came of each procedure beside the documented one, in scenarios:")
        yield plain(("procedure", *map(str.lower, Outcome)), rows)
