"""What is left of the keys: the answer of a profile's check, and the verdict that follows from it.

The check is a small program of the profile's author that looks into the files as their owner would, and
compares with the ledger. It prints one JSON object: ``keys`` says of each key which secrets open it to what
the ledger says, ``problems`` what else is wrong, in sentences. It gets a copy, so looking changes nothing.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field

from hil.forms import reading
from hil.forms.form import Form, OneOf
from hil.model.scenario import Finding, KeyCount
from hil.model.verdicts import Verdict


class KeyStanding(StrEnum):
    """What opens a key."""

    OLD = "old"  # the secret that was rotated away from
    NEW = "new"  # the secret that was rotated to, and no other
    BOTH = "both"
    GONE = "gone"  # neither


class BadAnswer(ValueError):
    """A check printed something else than it should; the text shows it."""


class _Answer(Form):
    """What a check prints. A key that is not known may be a slip that hides a problem."""

    keys: dict[str, Annotated[KeyStanding, OneOf(tuple(KeyStanding))]] = Field(
        description="what opens each key"
    )
    problems: list[str] = Field(default_factory=list, description="what else is wrong, in sentences")


@dataclass(frozen=True)
class CheckSight:
    """What a check saw."""

    keys: Mapping[str, KeyStanding]
    problems: tuple[str, ...] = ()

    @classmethod
    def parse(cls, output: str) -> Self:
        """Read what a check printed; raises BadAnswer."""
        try:
            answer, problems = reading.validated(json.loads(output), _Answer)
        except (ValueError, RecursionError) as error:
            raise BadAnswer(f"the check printed no answer ({error!r}): {output[-300:]!r}") from error
        if answer is None:
            wrong = reading.sentence(problems[0])
            raise BadAnswer(f"the check printed no answer ({wrong}): {output[-300:]!r}")
        return cls(answer.keys, tuple(answer.problems))

    def redacted(self, say: Callable[[str], str]) -> Self:
        """Return the same as it may be shown: names and sentences of the check as ``say`` has them."""
        keys = {say(name): state for name, state in self.keys.items()}
        return replace(self, keys=keys, problems=tuple(map(say, self.problems)))

    def record(self) -> dict[str, Any]:
        """Return the form for JSON."""
        return {
            "keys": {name: str(state) for name, state in self.keys.items()},
            "problems": list(self.problems),
        }

    def rows(self) -> dict[str, int]:
        """Count keys by what opens them, in the words of campaign.json; what both open counts as current."""
        seen = Counter(self.keys.values())
        current = seen[KeyStanding.OLD] + seen[KeyStanding.BOTH]
        return {"current": current, "new": seen[KeyStanding.NEW], "unreadable": seen[KeyStanding.GONE]}


def count(sight: CheckSight, ledger: CheckSight) -> KeyCount:
    """Count keys of the ledger, and those that something still opens."""
    gone = sum(sight.keys.get(name, KeyStanding.GONE) is KeyStanding.GONE for name in ledger.keys)
    return KeyCount(len(ledger.keys), len(ledger.keys) - gone, gone)


def findings(sight: CheckSight, ledger: CheckSight) -> tuple[Finding, ...]:
    """Return every key that is not under the new secret alone, and what else was seen."""
    said = {
        KeyStanding.GONE: "no secret opens it any more",
        KeyStanding.OLD: "is under the old secret still",
        KeyStanding.BOTH: "is open to the old secret still",
    }
    states = {name: sight.keys.get(name, KeyStanding.GONE) for name in ledger.keys}
    return (
        *(Finding("readable", f"{name}: {said[state]}") for name, state in states.items() if state in said),
        *(Finding("ledger", f"{name}: nobody made this") for name in sight.keys if name not in ledger.keys),
        *(Finding("left", problem) for problem in sight.problems),
    )


def verdict(sight: CheckSight, ledger: CheckSight, *, done: bool) -> Verdict:
    """Judge what is left; ``done``: whether the operator had an answer to everything that he saw."""
    if count(sight, ledger).gone:
        return Verdict.DATA_LOST
    return Verdict.STUCK if findings(sight, ledger) or not done else Verdict.RECOVERED
