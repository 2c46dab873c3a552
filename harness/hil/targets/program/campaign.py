"""A campaign on a system under test: golden state, two equal recordings, plan, scenarios, run directory."""

import json
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hil.engine.errors import LeftRunning
from hil.engine.rundir import PLAN, RunDir
from hil.faults.watch.handover import Unwatched
from hil.model.judging import Judged
from hil.model.verdicts import VOID, Gate, Verdict
from hil.targets.hpcs.play.record import NotRepeatable
from hil.targets.program import play
from hil.targets.program.command import PlayFolders, check_installed, watched
from hil.targets.program.ledger import BadAnswer
from hil.targets.program.outcome import ProgramOutcome, not_judged
from hil.targets.program.point import ObservedCall, ProgramScenario, points
from hil.targets.program.profile import ProgramProfile
from hil.targets.program.running import SutBroken
from hil.targets.program.stored import judge, keep

AUDIT_EVERY = 20  # one scenario of so many is played twice
OnResult = Callable[[int, int, ProgramOutcome], None]


@dataclass(frozen=True)
class ProgramCampaign:
    """All that a campaign showed; ``ungrounded``: why its rotation is no ground to judge by, or empty."""

    profile: ProgramProfile
    outcomes: tuple[ProgramOutcome, ...]
    plan: tuple[ProgramScenario, ...]
    audited: int
    differing: tuple[str, ...]
    seconds: float
    version: str
    ungrounded: str = ""

    @cached_property
    def judged(self) -> Judged:
        """The answer of the whole campaign, and what speaks against any."""
        records = [one.record() for one in self.outcomes]
        return judge(self.plan, records, self.differing, *filter(None, [self.ungrounded]))

    @property
    def gate(self) -> Gate:
        """The answer of the whole campaign."""
        return self.judged.gate

    def head(self) -> dict[str, Any]:
        """Return campaign.json without its scenarios."""
        faulted = [one for one in self.outcomes if one.scenario.point]
        verdicts = Counter(one.verdict for one in self.outcomes)
        return {
            "gate": str(self.gate),
            "profile": self.profile.name,
            "sut": {"victim": self.profile.victim, "version": self.version},
            "backend": "process",
            "keystore": "files",
            "shard": "1/1",
            "planned": len(self.plan),
            "total": len(self.plan),
            "units": {"operational": 0, "recovery": 0, "failover": 0},
            "keys": max((one.keys.total for one in self.outcomes), default=0),
            "seconds": round(self.seconds, 3),
            "scenarios_per_second": round(len(self.outcomes) / self.seconds, 3),
            "verdicts": {str(one): verdicts[one] for one in Verdict},
            "crash_points": {"enumerated": len(faulted), "fired": sum(one.fired for one in faulted)},
            "crash_states": len({one.state for one in self.outcomes if one.state}),
            "untried": list(self.judged.untried),
            "audit": {"every": AUDIT_EVERY, "played": self.audited, "differing": list(self.differing)},
        }


def plan(profile: ProgramProfile, calls: Sequence[ObservedCall]) -> tuple[ProgramScenario, ...]:
    """Return every crash point of a recording with every procedure; first of all the run without a fault."""
    return tuple(
        ProgramScenario(profile.flow, profile.victim, point, procedure.name, procedure.expected)
        for procedure in profile.procedures
        for point in (None, *points(calls))
    )


@dataclass(frozen=True)
class Recording:
    """Calls of a rotation without a fault; ``ungrounded``: why no recovery can be judged by it, or empty."""

    calls: tuple[ObservedCall, ...]
    ungrounded: str = ""


def record(profile: ProgramProfile, golden: play.ProgramGolden, place: PlayFolders) -> Recording:
    """Play the rotation twice without a fault; raises NotRepeatable where the calls differ."""
    recordings = []
    for _ in range(2):
        play.restore(golden, place)
        run = watched(profile, place, profile.rotate)
        why = play.ungrounded(run, play.sight(profile, place))
        if why:
            return Recording(run.calls, golden.say(why))
        recordings.append(run.calls)
    first, second = ([call.text for call in calls] for calls in recordings)
    if first != second:
        differs = next((pair for pair in zip(first, second, strict=False) if pair[0] != pair[1]), ("", ""))
        raise NotRepeatable(
            f"two rotations of {profile.name} made different calls ({len(first)} and {len(second)}; first"
            f" difference: '{differs[0]}', '{differs[1]}'); leave what comes by chance out with 'ignore'"
        )
    return Recording(recordings[0], "" if first else "the rotation makes no durable call in its folder")


class _Crew:
    """Plays scenarios side by side, each in a place of its own."""

    def __init__(
        self, profile: ProgramProfile, golden: play.ProgramGolden, places: Sequence[PlayFolders]
    ) -> None:
        self._profile, self._golden = profile, golden
        self._jobs = len(places)
        self._free: queue.SimpleQueue[PlayFolders] = queue.SimpleQueue()
        for place in places:
            self._free.put(place)

    def each(
        self, scenarios: Sequence[ProgramScenario], *, alone: bool = False
    ) -> Iterator[tuple[int, ProgramOutcome]]:
        """Yield the number of each scenario, from 0, and its outcome, as they end."""
        with ThreadPoolExecutor(self._jobs) as pool:
            futures = {
                pool.submit(self._one, scenario, alone=alone): at for at, scenario in enumerate(scenarios)
            }
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, scenario: ProgramScenario, *, alone: bool) -> ProgramOutcome:
        place = self._free.get()
        try:
            return play.play(self._profile, self._golden, place, scenario, alone=alone)
        except LeftRunning as error:
            return not_judged(self._profile, scenario, self._golden.say(str(error)), Verdict.NOT_FIRED)
        except (BadAnswer, OSError, SutBroken, Unwatched) as error:
            why = self._golden.say(f"{type(error).__name__}: {error}")
            return not_judged(self._profile, scenario, why)
        finally:
            self._free.put(place)


def run(
    profile: ProgramProfile,
    rundir: RunDir,
    scratch: Path,
    jobs: int,
    on_result: OnResult,
    chosen: Callable[[Sequence[ProgramScenario]], Sequence[ProgramScenario]],
) -> ProgramCampaign:
    """Run a campaign below ``scratch``, which the caller removes.

    Raises NotInstalled, SutBroken and BadAnswer where there is no golden state, and NotRepeatable.
    """
    began = time.monotonic()
    golden = prepared(profile, scratch)
    places = [_place(scratch / f"job{number}", golden) for number in range(jobs)]
    recording = record(profile, golden, places[0])
    whole = plan(profile, recording.calls)
    if recording.ungrounded:  # a kill would show nothing: the rotation alone is played, as evidence of that
        scenarios = tuple(one for one in whole if one.point is None)
    else:
        scenarios = tuple(chosen(whole))
    _write_plan(rundir, scenarios)
    rundir.point_latest()
    crew = _Crew(profile, golden, places)
    outcomes: dict[int, ProgramOutcome] = {}
    for at, outcome in crew.each(scenarios):
        outcomes[at] = outcome
        keep(rundir, at + 1, outcome)
        on_result(len(outcomes), len(scenarios), outcome)
    ordered = tuple(outcomes[at] for at in range(len(scenarios)))
    audited = ordered[::AUDIT_EVERY]
    again = crew.each([one.scenario for one in audited], alone=True)
    differing = tuple(audited[at].scenario.id for at, other in again if not _same(audited[at], other))
    seconds = time.monotonic() - began
    told_of = len(audited), differing, seconds, golden.version, recording.ungrounded
    campaign = ProgramCampaign(profile, ordered, scenarios, *told_of)
    rundir.write_campaign(campaign.head(), [one.record() for one in ordered])
    return campaign


def prepared(profile: ProgramProfile, scratch: Path) -> play.ProgramGolden:
    """Make the golden state below ``scratch``; raises NotInstalled and SutBroken."""
    place = PlayFolders(scratch / "golden" / "files", scratch / "ledger", scratch / "golden" / "home")
    check_installed(profile, place)
    return play.prepare(profile, place)


def _place(folder: Path, golden: play.ProgramGolden) -> PlayFolders:
    return PlayFolders(folder / "files", golden.place.ledger, folder / "home")


def _same(one: ProgramOutcome, other: ProgramOutcome) -> bool:
    """Whether two plays of a scenario went the same way."""
    if one.verdict in VOID:
        return one.verdict is other.verdict
    seen = [(each.verdict, each.recovery, [call.text for call in each.calls]) for each in (one, other)]
    return seen[0] == seen[1]


def _write_plan(rundir: RunDir, scenarios: Sequence[ProgramScenario]) -> None:
    lines = (
        {"number": number, "id": one.id, "expected": str(one.expected)}
        for number, one in enumerate(scenarios, start=1)
    )
    (rundir.path / PLAN).write_text("".join(json.dumps(line) + "\n" for line in lines))
