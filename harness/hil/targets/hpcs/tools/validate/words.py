"""The verified table for a terminal, and as the files validation.md and validation.json."""

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from hil.engine.stored import Stored
from hil.model.verdicts import Gate, Verdict
from hil.report import markdown
from hil.report.console import GATES
from hil.targets.hpcs.model.rules import Procedure
from hil.targets.hpcs.report.evidence import ScenarioEvidence
from hil.targets.hpcs.report.violation import taken
from hil.targets.hpcs.tools.validate.table import COLUMNS, ProcedureResult, TableLine, counts, lines

_IS = dict.fromkeys(
    (ProcedureResult.SILENT, ProcedureResult.AMBIGUOUS, ProcedureResult.UNKNOWN), "is "
)  # the others are verbs

MARKDOWN, JSON = "validation.md", "validation.json"
AGAIN_MAX = 12


def verified(stored: Stored) -> tuple[TableLine, ...]:
    """Return the table of a run directory."""
    return lines((stored.records[number] for number in sorted(stored.records)), dict(_causes(stored)))


def _causes(stored: Stored) -> Iterator[tuple[str, str]]:
    """Yield the ids of losses, and the command that took the master key away, as events tell it."""
    for number, record in stored.records.items():
        if record["verdict"] == Verdict.DATA_LOST:
            left = ScenarioEvidence.read(stored.scenario_folder(number))
            if moment := taken(record, left.after, left.events):
                yield record["id"], moment.text


def write(stored: Stored, procedure: Procedure, gate: Gate) -> tuple[TableLine, ...]:
    """Write both files into the run directory, and return the table."""
    table = verified(stored)
    text = "\n".join(_markdown(table, procedure, gate, stored.path)) + "\n"
    (stored.path / MARKDOWN).write_text(text)
    answers = {str(answer): count for answer, count in counts(table).items()}
    content = {
        "schema_version": 1,
        "procedure": procedure.name,
        "gate": str(gate),
        "answers": answers,
        "lines": [line.record() for line in table],
    }
    (stored.path / JSON).write_text(json.dumps(content, indent=1) + "\n")
    return table


def shown(table: Sequence[TableLine], folder: Path) -> Iterator[str]:
    """Yield the table for a terminal, and how to see again what is not preserved."""
    rows = [("", *COLUMNS, "rule", "crash point"), *map(_cells, table)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    reasons = _reasons(table)
    for line in reasons[:AGAIN_MAX]:
        yield f"{_answer(line)}: {line.why}"
        yield f"  {again(line.scenarios[0], folder)}"
    if len(reasons) > AGAIN_MAX:
        yield f"... and {len(reasons) - AGAIN_MAX} more, see {folder / MARKDOWN}"


def _reasons(table: Sequence[TableLine]) -> list[TableLine]:
    """Return a line for each way in which keys are not preserved; a loss is one by what was typed."""
    ways: dict[tuple[ProcedureResult, object], TableLine] = {}
    for line in table:
        if line.answer is not ProcedureResult.PRESERVES:
            ways.setdefault(
                (line.answer, line.typed if line.answer is ProcedureResult.LOSES else line.why), line
            )
    return list(ways.values())


def conclusion(table: Sequence[TableLine], gate: Gate) -> str:
    """Return the answer of the whole in a line."""
    found = counts(table)
    whole = sum(found.values())
    bad = {answer: count for answer, count in found.items() if answer is not ProcedureResult.PRESERVES}
    if gate is Gate.PASS:
        return f"PRESERVES: every key came back in each of {whole} scenarios"
    if gate is Gate.FAIL and bad:
        told = ", ".join(f"{_IS.get(answer, '')}{answer} in {count}" for answer, count in bad.items())
        return f"DOES NOT PRESERVE: of {whole} scenarios it {told}"
    return GATES[gate]


def again(scenario: str, folder: Path) -> str:
    """Return the command that plays a scenario again."""
    return f"hil replay {scenario} --run {shlex.quote(str(folder))}"


def _answer(line: TableLine) -> str:
    return f"loses {line.lost} keys" if line.answer is ProcedureResult.LOSES else str(line.answer)


def _cells(line: TableLine) -> tuple[str, ...]:
    more = f" and {len(line.scenarios) - 1} more" if len(line.scenarios) > 1 else ""
    point = line.scenarios[0].rpartition("/")[0]
    return (_answer(line), *line.words, next(iter(line.rules), "-"), point + more)


def _markdown(table: Sequence[TableLine], procedure: Procedure, gate: Gate, folder: Path) -> Iterator[str]:
    yield f"# {procedure.name}: {procedure.title}"
    yield ""
    yield conclusion(table, gate)
    yield ""
    head = ("", *COLUMNS, "rules", "typed", "scenarios")
    rows = (
        (
            _answer(line),
            *line.words,
            ", ".join(line.rules),
            markdown.code(line.typed),
            markdown.code(line.scenarios),
        )
        for line in table
    )
    yield from markdown.table(head, rows)
    for line in _reasons(table):
        yield f"- {_answer(line)}: {line.why}"
        yield f"  - `{again(line.scenarios[0], folder)}`"
