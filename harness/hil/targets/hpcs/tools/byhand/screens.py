"""What ``hil up`` and ``hil status`` print."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.rig.modules import equipment
from hil.targets.hpcs.tools.byhand.instance import Status
from hil.targets.hpcs.tools.byhand.record import Record


def started(record: Record) -> Iterator[str]:
    """Yield the environment of ``tke`` and an example to type."""
    programs = Path(sys.executable).parent
    shape = record.shape
    size = f"{shape.operational} operational, {shape.recovery} recovery, {shape.failover} failover"
    kind = equipment.words(record.image, record.server, record.module)
    yield f"# {size} crypto units as {kind}; {shape.keys} keys. Type this in your shell:"
    yield f"export TKE_INSTANCE={shlex.quote(str(record.layout.instance))}"
    yield f"export CLOUDTKEFILES={shlex.quote(str(record.layout.workstation))}"
    yield f'export PATH={shlex.quote(str(programs))}:"$PATH"'
    yield "tke login"
    yield "tke auto-mk-rotate"
    yield f"# The password of every signature key and key part is: {sut.PASSWORD}"
    quoted = shlex.quote(str(record.folder))
    yield f"# Look: hil status --dir {quoted}"
    yield f"# End: hil down --dir {quoted}"


def status(seen: Status) -> Iterator[str]:
    """Yield processes, registers, rows and keys."""
    for name, running in seen.running.items():
        alive = f"FAILING: {seen.failing[name]}" if name in seen.failing else "running"
        yield f"{name:<8}{alive if running else 'DEAD; hil up starts it again'}"
    yield ""
    yield f"{'UNIT':<6}{'TYPE':<13}{'CURRENT':<18}{'NEW':<18}STATE OF NEW"
    for unit in seen.registers:
        yield (
            f"{unit.number:<6}{unit.type:<13}{_short(unit.current.identity):<18}"
            f"{_short(unit.new.identity):<18}{unit.new.state}"
        )
    yield ""
    if seen.rows:
        rows = seen.rows
        yield f"rows: {rows.current} under CURRENT, {rows.new} under NEW, {rows.unreadable} under neither"
    unknown = seen.keys_readable is None
    told = "unknown, as not everything answers" if unknown else f"{seen.keys_readable} of {seen.keys_total}"
    yield f"keys readable with CURRENT on every operational crypto unit: {told}"


def _short(pattern: str | None) -> str:
    return f"{pattern[:8]}..." if pattern else "-"
