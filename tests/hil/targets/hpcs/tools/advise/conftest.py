"""Transcripts of a campaign, and what is advised on them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hil.targets.hpcs.model.history import Doubt
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.tools.advise.advice import Advice, advise
from hil.targets.hpcs.tools.advise.reading import scrollback, sight

FOLDER = Path(__file__).parent / "transcripts"
PROMPT = re.compile(r"^\$ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Moment:
    """The screen when a prompt has come back after something went wrong, and what was typed next."""

    screen: str
    typed: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A scenario that ended RECOVERED: its whole transcript, and what the operator typed to recover."""

    id: str
    transcript: str
    recovery: tuple[str, ...]
    state: Mapping[str, Any] = field(
        default_factory=dict, hash=False
    )  # as ``state_at_crash`` of campaign.json

    @property
    def crashed(self) -> str:
        """The screen before the first command of the recovery."""
        return next(self.moments()).screen

    def moments(self) -> Iterator[Moment]:
        """Yield every prompt of the recovery."""
        prompts = list(PROMPT.finditer(self.transcript))[-len(self.recovery) :]
        for number, prompt in enumerate(prompts):
            yield Moment(f"{self.transcript[: prompt.start()]}$ ", self.recovery[number:])


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    listed = tomllib.loads((FOLDER / "corpus.toml").read_text())["case"]
    return tuple(
        Case(one["id"], (FOLDER / one["file"]).read_text(), tuple(one["recovery"]), one["state"])
        for one in listed
    )


def advice(text: str, registers: str = "", flow: str = "") -> Advice:
    """What is advised on a transcript, and on screens where there are any."""
    seen = scrollback(text.encode(), "the transcript", flow)
    screens = (
        sight(registers.encode(), "the screens", seen.history.instance) if registers else seen.history.sight
    )
    return advise(seen.history, screens, load.builtin("documented"), load.builtin("state-based"))


def typed(told: Advice) -> tuple[str, ...]:
    """The commands of an advice, with their crypto units."""
    return tuple(map(str, told.orders))


def decisions(case: Case) -> Iterator[tuple[Moment, Advice]]:
    """Yield each prompt at which the operator had to decide, and the advice there; it is followed."""
    moments = list(case.moments())
    at = 0
    while at < len(moments):
        told = advice(moments[at].screen)
        yield moments[at], told
        at += 1 if Doubt.LAST_COMMIT in told.doubts else max(1, len(told.orders))
