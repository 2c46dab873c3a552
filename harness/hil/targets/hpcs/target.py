"""The emulated service as a target of the engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from hil.engine.orders import Lost
from hil.engine.phases import OnPhase
from hil.engine.plan import Origin
from hil.engine.results import Results
from hil.engine.room import Room
from hil.engine.rundir import Record, RunDir
from hil.engine.target import Chosen, Prepared, Workers
from hil.model.faults import FaultKind
from hil.model.scenario import BENCH, MACHINE, Result, Scenario, not_judged
from hil.targets.hpcs.model.evidence import MESSAGES
from hil.targets.hpcs.play import setup
from hil.targets.hpcs.play.attempt import Account
from hil.targets.hpcs.play.bench import Bench
from hil.targets.hpcs.play.deepen import Merged, deepen, state_based
from hil.targets.hpcs.play.outcome import CampaignOutcome, judged, tally
from hil.targets.hpcs.play.place import RigPlaces
from hil.targets.hpcs.play.profiles import DOCUMENTED, STATE_BASED, Profile
from hil.targets.hpcs.play.record import Recording
from hil.targets.hpcs.rig.units import docker


@dataclass
class HpcsTarget:
    """Instances as ``bench`` makes them, and what ``profile`` plays on them.

    ``name`` is that of the profile as campaign.json tells it. ``recording`` is what the latest plan was made
    of, ``merged`` how its depth 2 came to be.
    """

    bench: Bench
    name: str
    profile: Profile
    recording: Recording = field(default_factory=dict)
    merged: Merged | None = None

    @property
    def places(self) -> RigPlaces:
        """Rigs."""
        return RigPlaces(self.bench)

    def prepare(self, entered: OnPhase, *, recorded: bool) -> Prepared:
        """Set up an instance, and record both flows on it where that is asked for."""
        golden, recording = setup.prepare(self.bench, recorded=recorded, entered=entered)
        root = self.bench.root
        return Prepared(
            golden, Room(root.parent, self.bench.evidence, root / "golden", root / "snapshot"), recording
        )

    def plan(
        self, recording: object, workers: Workers, chosen: Chosen
    ) -> tuple[tuple[Scenario, ...], Origin]:
        """Return the profile's scenarios, and those of depth 2 that follow from what was chosen."""
        self.recording = cast("Recording", recording)
        whole = tuple(self.profile.plan(self.recording, self.bench.shape))
        first = tuple(chosen(whole))
        plan = first if self.profile.depth == 1 else (*first, *self._deepened(workers, first))
        return plan, Origin(self.name, self.bench.shape, len(plan) if first == whole else 0)

    def _deepened(self, workers: Workers, first: Sequence[Scenario]) -> tuple[Scenario, ...]:
        kills = [scenario for scenario in first if scenario.faults[0].kind is FaultKind.KILL]
        second, merged = deepen(workers, [one for one in kills if one.procedure == DOCUMENTED])
        third = state_based(workers, [one for one in kills if one.procedure == STATE_BASED])
        self.merged = replace(merged, state_based=len(third))
        return (*second, *third)

    def lost(self, lost: Lost) -> Result:
        """Return a result without a verdict, and keep its folder."""
        kind = self.bench.book[lost.scenario.procedure].kind
        check = MACHINE if lost.disturbed else BENCH
        result = not_judged(lost.scenario, kind, lost.why, check=check, messages=MESSAGES)
        result = replace(result, disturbed=lost.disturbed)
        RunDir(self.bench.evidence).write_account(lost.number, Account(result))
        return result

    def judge(self, results: Results) -> CampaignOutcome:
        """Judge a campaign by its results, the twin, the probes and the controls that it promised."""
        return judged(results, self.profile, self.bench.book)

    def head(self, judgement: CampaignOutcome) -> Record:
        """Return the head of campaign.json as far as it follows from the bench and the results."""
        bench, shape = self.bench, self.bench.shape
        image, module = bench.image, bench.module
        return {
            "backend": "docker" if image else "process",
            "image": {"name": image, "digest": docker.image_digest(image)} if image else None,
            "keystore": "postgresql" if bench.server else "sqlite",
            "module": {"name": module.name, "library": str(module.library)} if module else None,
            "units": shape.units,
            "keys": shape.keys,
        } | tally(judgement)
