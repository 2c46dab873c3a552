"""``make defects``: every defect of the catalogue has to be convicted by a campaign.

A defect is sown from outside (seed/sower.py) into an ordinary ``hil run`` of the scenario that is to
convict it. After that every check of the oracle is taken away once, the same way, and the defect that it
alone convicts has to get through: so no check is there for show. (The twin, a second opinion on every cell,
sees some of these too; it is left out then.)

Exit codes: 0 all convicted, 1 one of them was not, 64 usage.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hil.model.scenario import Scenario
from hil.model.verdicts import Exit, Verdict
from tests.defects import catalogue
from tests.defects.catalogue import Change, Check, Defect
from tests.defects.seed import sower

SEED = Path(__file__).parent / "seed"
HIL = Path(sys.executable).with_name("hil")
RUN_SECONDS = 300.0
# A check has to bite by itself, so where one is taken away the second opinion is not asked either.
NO_TWIN = Change("hil.targets.hpcs.model.twin.agreement", "found = compare(record)", "found = None")
# Probes are the longer part of a campaign of one scenario: left out where nothing rests on them.
NO_PROBES = Change(
    "hil.targets.hpcs.probes.run",
    "    stages: tuple[",
    "    return (Probe('left out', '', ()),)\n    stages: tuple[",
)
LEFT_OUT = "left out"  # stands for them, as a campaign without any has lost them
EVERYTHING = "*"
EX_HOLE = 1
EX_USAGE = 64


class Outcome(Enum):
    """How a campaign on a defective instance ended."""

    CONVICTED = "convicted"  # as the catalogue says
    SURVIVED = "SURVIVED"  # nothing speaks against the instance
    OTHERWISE = "OTHERWISE"  # the gate does not say pass, but for another reason than the catalogue's
    NOT_SOWN = "NOT SOWN"  # no process ran the changed code, or the text to change is not there


@dataclass(frozen=True)
class Trial:
    """What a campaign said about a defect: the scenario or probe, its verdict, its first finding."""

    defect: Defect
    outcome: Outcome
    verdict: str
    why: str
    seconds: float
    probes: frozenset[str]  # names of those that were run
    failed: frozenset[str]  # and of those that did not hold
    without: str = ""

    def __str__(self) -> str:
        by = f"probe {self.defect.probe}" if self.defect.probe else self.defect.scenario
        without = f"without {self.without}: " if self.without else ""
        return (
            f"{self.outcome.value:<10} {without}{self.defect.name:<32} {by}  {self.verdict}  "
            f"{self.why}  {self.seconds:.1f} s"
        )


def try_defect(defect: Defect, without: Check | None = None) -> Trial:
    """Run a campaign on an instance with ``defect``, and a bench without a check."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hil-defect-") as folder:
        removed = (*without.changes, NO_TWIN) if without else ()
        spared = () if defect.probe else (NO_PROBES,)
        changes = (*defect.changes, *removed, *spared)
        python = _sow(Path(folder), changes)
        code, printed = _campaign(Path(folder), defect, python)
        campaign = _read(Path(folder) / "run" / "campaign.json")
        proven = {proof.name for proof in (Path(folder) / "proofs").iterdir()}
    # Without a check nothing may run the defect any more: only one check restores a key, for example.
    demanded = range(len(defect.changes) if without else 0, len(changes))
    unproven = {str(at) for at in demanded} - proven
    outcome, why = _judge(defect, campaign, code) if campaign else (Outcome.OTHERWISE, "no campaign.json")
    if unproven:
        outcome, why = Outcome.NOT_SOWN, f"nothing has run change {', '.join(sorted(unproven))}"
    verdict = campaign["scenarios"][0]["verdict"] if campaign else "-"
    probes = {probe["name"]: probe["passed"] for probe in campaign.get("probes", ())}
    return Trial(
        defect,
        outcome,
        verdict,
        why if campaign else f"{why}: {printed}",
        time.monotonic() - start,
        frozenset(probes),
        frozenset(name for name, passed in probes.items() if not passed),
        without.name if without else "",
    )


def _sow(folder: Path, changes: Sequence[Change]) -> Path:
    """Make a venv that has the packages of this one, and sows; return its interpreter.

    Not by the environment: the bench hands none of that on to what it starts.
    """
    (folder / "proofs").mkdir()
    made = folder / "venv"
    venv.create(made, symlinks=True)
    (packages,) = made.glob("lib/python*/site-packages")
    theirs = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})"
    (packages / "sower.pth").write_text(f"{theirs}\n{SEED}\nimport {sower.__name__.rpartition('.')[2]}\n")
    records = [change.record() for change in changes]
    (made / sower.SEED).write_text(json.dumps({"proofs": str(folder / "proofs"), "changes": records}))
    return made / "bin" / "python"


def _campaign(folder: Path, defect: Defect, python: Path) -> tuple[int, str]:
    """Run ``hil`` as anybody would, and return its exit code and the last line that it printed."""
    scenario = Scenario.parse(defect.scenario, Verdict.RECOVERED)
    plan = folder / "plan.jsonl"
    plan.write_text(json.dumps({"number": 1, "id": scenario.id, "expected": str(scenario.expected)}) + "\n")
    operational, recovery = defect.units
    size = ("--operational", str(operational), "--recovery", str(recovery), "--keys", str(defect.keys))
    argv = [str(python), "-P", str(HIL), "run", "--plan", str(plan), "--out", str(folder / "run")]
    hil = subprocess.Popen(
        [*argv, "--backend", "process", "--jobs", "1", *size],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        printed, _ = hil.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        printed = f"not finished within {RUN_SECONDS:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(hil.pid, signal.SIGKILL)
        hil.wait()
    return hil.returncode, (printed.strip().splitlines() or [""])[-1]


def _read(path: Path) -> dict[str, Any]:
    """Return campaign.json; empty where the campaign did not come to its end."""
    try:
        campaign: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return campaign


def _judge(defect: Defect, campaign: dict[str, Any], code: int) -> tuple[Outcome, str]:
    """Return the outcome and the reason that the bench gives."""
    reasons = dict(_reasons(campaign))
    # A plan of one rotation that nobody kills proves nothing by itself: its gate is never better.
    tried_nothing_else = code == Exit.INCONCLUSIVE and campaign.get("untried") and not reasons
    if code == Exit.AS_DOCUMENTED or tried_nothing_else:
        return Outcome.SURVIVED, ""
    wanted = f"probe {defect.probe}" if defect.probe else defect.check
    as_told = defect.probe or campaign["scenarios"][0]["verdict"] == defect.verdict
    if code == Exit.CONTRADICTED and wanted in reasons and as_told:
        return Outcome.CONVICTED, f"{wanted}: {reasons[wanted]}"
    return Outcome.OTHERWISE, "; ".join(map(": ".join, reasons.items()))


def _reasons(campaign: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what did not hold, by the name of its check."""
    for probe in campaign.get("probes", ()):
        if not probe["passed"]:
            yield f"probe {probe['name']}", probe["detail"]
    for finding in campaign["scenarios"][0]["findings"]:
        yield finding["check"], finding["text"]


def main(argv: Sequence[str] | None = None) -> int:
    """Try what was asked for and say how it went."""
    arguments = _parser().parse_args(argv)
    chosen = [each for each in catalogue.defects().values() if fnmatchcase(each.name, arguments.only)]
    known = catalogue.checks()
    if not chosen or arguments.without_check not in {None, *known}:
        what = "check" if chosen else "defect"
        print(f"defects: the catalogue has no such {what}; see tests/defects/catalogue", file=sys.stderr)
        return EX_USAGE
    start = time.monotonic()
    without = known.get(arguments.without_check or "")
    trials = _try_all([(defect, without) for defect in chosen], arguments.jobs)
    holes = sum(trial.outcome is not Outcome.CONVICTED for trial in trials)
    print(f"{len(trials) - holes} of {len(trials)} defects convicted in {time.monotonic() - start:.0f} s")
    if not without and arguments.only == EVERYTHING:
        holes += _idle_probes(trials) + _idle_checks(known.values(), arguments.jobs)
        print(f"{len(known)} checks taken away, one at a time; {time.monotonic() - start:.0f} s in all")
    return EX_HOLE if holes else 0


def _try_all(
    orders: Sequence[tuple[Defect, Check | None]], jobs: int, say: Callable[[Trial], str] = str
) -> list[Trial]:
    """Try defects side by side and print what ``say`` says of each."""
    trials = []
    with ThreadPoolExecutor(jobs) as pool:
        for trial in pool.map(lambda order: try_defect(*order), orders):
            print(say(trial), flush=True)
            trials.append(trial)
    return trials


def _idle_probes(trials: Sequence[Trial]) -> int:
    """Say which probes were failed by no defect, and return how many."""
    idle = frozenset[str]().union(*(trial.probes for trial in trials))
    idle -= frozenset[str]().union({LEFT_OUT}, *(trial.failed for trial in trials))
    for name in sorted(idle):
        print(f"IDLE       probe {name}: no defect fails it")
    return len(idle)


def _idle_checks(known: Iterable[Check], jobs: int) -> int:
    """Take every check away; return for how many the defect that it alone convicts did not get through."""
    defects = catalogue.defects()
    trials = _try_all([(defects[check.alone], check) for check in known], jobs, _bite)
    return sum(trial.outcome is not Outcome.SURVIVED for trial in trials)


def _bite(trial: Trial) -> str:
    if trial.outcome is Outcome.SURVIVED:
        return f"bites      check {trial.without}: without it {trial.defect.name} gets through"
    return f"IDLE       check {trial.without}: {trial}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make defects", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", default=EVERYTHING, metavar="PATTERN", help="names of defects")
    parser.add_argument("--without-check", metavar="NAME", help="take a check of the bench away")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="campaigns side by side")
    return parser


if __name__ == "__main__":
    sys.exit(main())
