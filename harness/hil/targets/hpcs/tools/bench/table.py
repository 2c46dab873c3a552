"""The report of `hil bench` as text for a terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Rows = Sequence[Sequence[object]]
Write = Callable[[Any], Iterator[str]]


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Return the lines of the whole report."""
    machine = report["machine"]
    yield f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb'] // 1024} GB"
    versions = f"Python {machine['python']}, SoftHSM {machine['softhsm']}"
    yield f"load {machine['load']} before, {machine['kernel']}, {versions}"
    equipment = report["equipment"]
    yield f"crypto units on {equipment['module'] or 'SoftHSM'}, key store: {equipment['keystore']}"
    for part, write in PARTS.items():
        if part in report:
            yield ""
            yield from write(report[part])
    for left_out in report.get("skipped", ()):
        yield f"not measured: {left_out['way']}, {left_out['why']}"


def _table(head: Sequence[str], rows: Rows) -> Iterator[str]:
    """Align columns: the first to the left, the others to the right."""
    cells = [list(head), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    for row in cells:
        first, *others = (f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(row))
        yield "  ".join((first, *others)).rstrip()


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _pick(figures: Iterable[dict[str, Any]], *names: str) -> Rows:
    return [[figure[name] for name in names] for figure in figures]


def _rewrap(figures: Sequence[dict[str, Any]]) -> Iterator[str]:
    names = ("way", "processes", "per_second", "busy_us", "ratio")
    yield from _table(("REWRAP", "processes", "rows/s", "CPU us", "ratio to C"), _pick(figures, *names))


def _keystore(figures: Sequence[dict[str, Any]]) -> Iterator[str]:
    names = (
        "keys",
        "connections",
        "per_second",
        "us_per_key",
        "kms_us",
        "unit_us",
        "kms_peak_mb",
        "unit_peak_mb",
    )
    head = ("KEYS", "connections", "keys/s", "us/key", "CPU kms", "CPU unit", "kms MB", "unit MB")
    yield from _table(head, _pick(figures, *names))


def _growth(figures: Sequence[dict[str, Any]]) -> Iterator[str]:
    for figure in figures:
        yield (
            f"a key of {figure['to']} against one of {figure['from']}, {figure['connections']} connections: "
            f"x{figure['clock']} by the clock, x{figure['busy']} in CPU time"
        )


def _kills(figure: dict[str, Any]) -> Iterator[str]:
    done = ", ".join(f"{kill['victim']} at {kill['rows_done']} rows" for kill in figure["kills"])
    yield f"{figure['keys']} keys rotated with kills ({done}): {figure['lost']} lost, {figure['seconds']} s"
    yield f"peak memory of the kms {figure['kms_peak_mb']} MB"


def _start(figures: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from _table(("START", "cold ms", "warm ms"), _pick(figures, "what", "cold_ms", "warm_ms"))


def _scenarios(figures: Sequence[dict[str, Any]]) -> Iterator[str]:
    played = [figure for figure in figures if "skipped" not in figure]
    names = ("backend", "jobs", "scenarios", "per_second", "whole_per_second")
    yield from _table(("SCENARIOS", "jobs", "played", "per s", "with set-up"), _pick(played, *names))
    for figure in figures:
        if "skipped" in figure:
            yield f"not measured: {figure['backend']}, {figure['skipped']}"


PARTS: dict[str, Write] = {
    "rewrap": _rewrap,
    "keystore": _keystore,
    "growth": _growth,
    "kills": _kills,
    "start": _start,
    "scenarios": _scenarios,
}
