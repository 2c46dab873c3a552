"""A frozen plan as a file of tests: one line, one scenario, one test."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from hil.model.scenario import Scenario
from hil.model.verdicts import Exit, Verdict
from hil.plugin.evidence import SessionEvidence
from hil.plugin.ownrig import OwnRig
from hil.targets.hpcs.operator import load
from hil.targets.hpcs.play.attempt import Account, attempt

FINDINGS_SHOWN = 5
LINES_SHOWN = 15
FAULTS = "faults"  # property of a test: how many faults its scenario has
UNTRIED = frozenset({pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED})
UNTRIED_WORDS = "inconclusive: no scenario of --hil-plan that has a fault was played"
NOT_JUDGED = frozenset({Verdict.NOT_FIRED, Verdict.HARNESS_ERROR})


class PlanFile(pytest.File):
    """The plan; ids of its tests are ids of scenarios, in the order of the plan."""

    def __init__(
        self,
        *,
        scenarios: Sequence[Scenario],
        own_rig: OwnRig,
        evidence: SessionEvidence | None,
        **kwargs: Any,  # noqa: ANN401 - pytest's own
    ) -> None:
        super().__init__(**kwargs)
        self._scenarios = scenarios
        self.own_rig = own_rig
        self.evidence = evidence

    def collect(self) -> "Iterator[PlanItem]":
        """Yield a test for every scenario."""
        for number, scenario in enumerate(self._scenarios, start=1):
            item: PlanItem = PlanItem.from_parent(
                self, name=scenario.id, file=self, number=number, scenario=scenario
            )
            yield item


class PlanItem(pytest.Item):
    """A scenario that passes where every fault struck and the verdict is the expected one."""

    def __init__(
        self,
        *,
        file: PlanFile,
        number: int,
        scenario: Scenario,
        **kwargs: Any,  # noqa: ANN401 - pytest's own
    ) -> None:
        super().__init__(**kwargs)
        self._file = file
        self._number = number
        self._scenario = scenario

    def runtest(self) -> None:
        """Play the scenario. A bench that fails, or a fault that misses, is a failure, never a skip."""
        scenario = self._scenario
        try:
            rig, golden = self._file.own_rig.made()
        except Exception as error:
            self._tell(Verdict.HARNESS_ERROR)
            pytest.fail(f"{Verdict.HARNESS_ERROR}, no rig: {type(error).__name__}: {error}", pytrace=False)
        account = attempt(rig, golden, scenario, load.builtin(scenario.procedure))
        self._tell(account.result.verdict)
        if self._file.evidence:
            folder = self._file.evidence.keep(self._number, account)
            self.add_report_section("call", "hil evidence", str(folder))
        if account.result.verdict in NOT_JUDGED or not account.result.as_documented:
            pytest.fail("\n".join([*_reasons(account), f"again: {self._again()}"]), pytrace=False)

    def _tell(self, verdict: Verdict) -> None:
        self.user_properties += [
            ("verdict", str(verdict)),
            ("expected", str(self._scenario.expected)),
            (FAULTS, len(self._scenario.faults)),
        ]

    def _again(self) -> str:
        shape = self._file.own_rig.shape
        failover = f" --failover {shape.failover}" if shape.failover else ""
        wanted = "".join(f" {shlex.quote(word)}" for word in self._file.own_rig.again)
        return (
            f"hil replay {self._scenario.id} --operational {shape.operational} "
            f"--recovery {shape.recovery}{failover} --keys {shape.keys}{wanted}"
        )

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return the line of the plan, from 0, and a title; pytest prints a bare id with :: for its dots."""
        return self.path, self._number - 1, f"scenario {self.name}"


class Tried:
    """Sees to it that a session whose plan has tried nothing is no success."""

    def __init__(self) -> None:
        self._faults = 0
        self._nothing = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the faults of what was played, here or by a worker of xdist."""
        self._faults += sum(int(str(value)) for name, value in report.user_properties if name == FAULTS)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take the success away."""
        played = session.exitstatus in UNTRIED and not session.config.getoption("collectonly")
        self._nothing = played and not self._faults
        if self._nothing:
            session.exitstatus = Exit.INCONCLUSIVE

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why, in a line."""
        if self._nothing:
            terminalreporter.write_line(f"hil: {UNTRIED_WORDS}", red=True)


def _reasons(account: Account) -> Iterator[str]:
    """Yield the lines of a failure: the verdict in words, why, and the end of the transcript."""
    result = account.result
    yield f"{result.verdict}, expected {result.scenario.expected}"
    for fault, fired in zip(result.scenario.faults, result.fired, strict=True):
        if not fired:
            yield f"did not strike: {fault.id}"
    yield from (f"{finding.check}: {finding.text}" for finding in result.findings[:FINDINGS_SHOWN])
    if len(result.findings) > FINDINGS_SHOWN:
        yield f"... and {len(result.findings) - FINDINGS_SHOWN} more findings"
    if account.traceback:
        yield account.traceback.rstrip()
    yield f"recovery: {' -> '.join(result.recovery) or 'none'}"
    yield f"end of the transcript ({len(account.transcript)} lines):"
    yield from (f"  {line}" for line in account.transcript[-LINES_SHOWN:])
