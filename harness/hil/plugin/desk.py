"""Where a test of one's own sits: a restored rig, operators at its terminal, and the oracle."""

from dataclasses import replace

from hil.model.scenario import Finding, Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.boundaries.terminal import Answers, EndedCommand
from hil.targets.hpcs.model import processes
from hil.targets.hpcs.model.observation import OracleJudgement
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.operator.operator import Operator
from hil.targets.hpcs.oracle.judge import Oracle
from hil.targets.hpcs.play.attempt import needs_watch
from hil.targets.hpcs.play.console import mend
from hil.targets.hpcs.rig.golden import Golden
from hil.targets.hpcs.rig.rig import Rig


class OperatorConsole:
    """The console of an operator: after a command that failed, what a fault has killed is started again."""

    def __init__(self, rig: Rig, golden: Golden) -> None:
        self.rig = rig
        self.golden = golden
        self._stage = 0
        self._struck = False
        rig.watch(on=False)
        rig.restore(golden.snapshot)
        rig.terminal.clear()
        rig.conductor.begin(())

    def operator(self, flow: str = "auto", procedure: str = "documented", crash: str = "none") -> Operator:
        """Return an operator and arm the crash; raises BadId or BadProcedure."""
        follow = load.builtin(procedure)
        scenario = processes.check(Scenario.parse(f"{flow}/{crash}/{procedure}", follow.expected))
        if needs_watch(scenario, self.rig):
            self.rig.watch(on=True)  # stops what runs
            self.rig.start()
        self.rig.conductor.begin(scenario.faults)
        self._stage = 0
        return Operator(self, scenario.flow, follow)

    def judge(self) -> OracleJudgement:
        """Look at everything that a verdict rests on; what did not strike makes it NOT_FIRED.

        To be asked once: the oracle uses the instance as its users do, and leaves a key more in it.
        """
        rig = self.rig
        mend(rig)  # also ends the stage: what the oracle does is no part of the recovery
        oracle = Oracle(rig.layout, rig.shape, self.golden.ledger, self.golden.registers, rig.rest())
        judgement = oracle.judge(rig.terminal.printed)
        if all(rig.conductor.fired):
            return judgement
        missed = Finding(
            "crash", f"{rig.conductor.fired.count(False)} of {len(rig.conductor.fired)} did not strike"
        )
        return replace(judgement, verdict=Verdict.NOT_FIRED, findings=(missed, *judgement.findings))

    def tke(self, command: str, answers: Answers = ()) -> EndedCommand:
        """See Console."""
        ended = self.rig.tke(command, answers)
        if self.rig.conductor.error:
            raise self.rig.conductor.error
        self._struck = ended.exit_code != 0 and self.rig.conductor.struck(self._stage)
        if self._struck:
            mend(self.rig)
            self._stage += 1
        return ended

    def lines(self) -> list[str]:
        """See Console."""
        return self.rig.terminal.transcript

    def between(self) -> bool:
        """See Console."""
        return self._struck
