"""``hil doctor``: whether this machine can run the bench, and what to do where it cannot."""

import json
from collections.abc import Iterator, Sequence

import click

from hil.cli import options
from hil.model.verdicts import Exit
from hil.tools.doctor.checks import CheckResult, NeededFor, State, examine


@click.command(epilog=options.examples("hil doctor", "hil doctor --backend docker", "hil doctor --json"))
@options.backend
@options.as_json
def doctor(*, backend: str, as_json: bool) -> int:
    """Look whether this machine can run the bench; exit code 64 where something is missing.

    A note is something that the bench, or this backend, can do without. Nothing is changed.
    """
    findings = []
    for finding in examine(backend):
        findings.append(finding)
        if not as_json:
            print("\n".join(_lines(finding)), flush=True)
    problems = [finding for finding in findings if finding.state is State.PROBLEM]
    print(json.dumps(_record(findings), indent=1) if as_json else _closing(findings, problems))
    return Exit.USAGE if problems else Exit.AS_DOCUMENTED


def _lines(finding: CheckResult) -> Iterator[str]:
    yield f"{finding.state:<8} {finding.check.name:<13} {finding.seen.text}"
    if finding.seen.todo:
        yield f"{'':8} {'':13} needed for {finding.check.need}: {finding.seen.todo}"


def _closing(findings: Sequence[CheckResult], problems: Sequence[CheckResult]) -> str:
    if problems:
        return f"NOT READY: {', '.join(finding.check.name for finding in problems)}"
    contained = all(
        finding.state is State.OK for finding in findings if finding.check.need is NeededFor.CONTAINERS
    )
    return f"READY: crypto units run as {'processes and containers' if contained else 'processes'}"


def _record(findings: Sequence[CheckResult]) -> dict[str, object]:
    return {
        "ready": not any(finding.state is State.PROBLEM for finding in findings),
        "checks": [
            {
                "check": finding.check.name,
                "state": finding.state,
                "found": finding.seen.text,
                "needed_for": finding.check.need,
                "todo": finding.seen.todo,
            }
            for finding in findings
        ],
    }


COMMANDS = (doctor,)
