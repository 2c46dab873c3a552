"""Details of all scenarios in one page: packed in blocks, opened by the script when one is asked for.

Transcripts and events of one campaign are much alike, so a block of them shrinks to a tenth. What does not
fit into the page is left out, last what a reader has to see: first go events, then whole details.
Rejected: files beside the page, which a report sent by mail would lose.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from hil.report.html.campaign import CampaignView, Record
from hil.report.html.look import VerdictLook

BLOCK = 20
LEVEL = 6
WITH_EVENTS = 0.7  # of the room; the rest is kept for scenarios whose events do not fit
Block = tuple[tuple[int, ...], str]


class Detail(Protocol):
    """Gives what the view of one scenario shows."""

    def __call__(self, number: int, *, with_events: bool) -> Record:
        """Return the detail of a scenario that has a result, as data for JSON."""


@dataclass(frozen=True)
class PackedDetails:
    """``blocks``: numbers of scenarios, and their details as base64 of a zlib stream of JSON.

    ``bare`` scenarios are in them without their events, ``left_out`` are not in them.
    """

    blocks: tuple[Block, ...]
    bare: int
    left_out: int


def pack(campaign: CampaignView, detail: Detail, room: int) -> PackedDetails:
    """Pack the details of every scenario that has a result into ``room`` bytes."""
    numbers = _by_interest(campaign)
    whole = list(_that_fit(_blocks(detail, numbers, with_events=True), int(room * WITH_EVENTS)))
    room -= sum(len(text) for _, text in whole)
    numbers = numbers[sum(len(ours) for ours, _ in whole) :]
    bare = list(_that_fit(_blocks(detail, numbers, with_events=False), room))
    without = sum(len(ours) for ours, _ in bare)
    return PackedDetails((*whole, *bare), without, len(numbers) - without)


def _by_interest(campaign: CampaignView) -> list[int]:
    """Return the numbers of all results, first what a reader has to see."""
    order = list(VerdictLook)
    return sorted(campaign.records, key=lambda number: order.index(campaign.looks[number]))


def _that_fit(blocks: Iterable[Block], room: int) -> Iterator[Block]:
    for block in blocks:
        room -= len(block[1])
        if room < 0:
            return
        yield block


def _blocks(detail: Detail, numbers: list[int], *, with_events: bool) -> Iterator[Block]:
    for at in range(0, len(numbers), BLOCK):
        ours = tuple(numbers[at : at + BLOCK])
        details = {number: detail(number, with_events=with_events) for number in ours}
        text = json.dumps(details, separators=(",", ":"), ensure_ascii=False)
        yield ours, base64.b64encode(zlib.compress(text.encode(errors="replace"), LEVEL)).decode()
