"""Start, look at and stop an instance by hand. Its processes run on when the command ends."""

import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.crashstate import RowCounts
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.oracle import reader
from hil.targets.hpcs.oracle.rows import count_rows, read_rows
from hil.targets.hpcs.rig import golden, names
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout, scratch
from hil.targets.hpcs.rig.modules.equipment import Equipment
from hil.targets.hpcs.rig.preflight import NotReadyHere
from hil.targets.hpcs.rig.process import interrupts, owner, ready
from hil.targets.hpcs.rig.process.child import detached
from hil.targets.hpcs.rig.rest import RequestRefused, Rest
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.units import docker
from hil.targets.hpcs.rig.units.containers import DockerHost
from hil.targets.hpcs.rig.units.hosts import START_SECONDS, ProcessHost, UnitHost
from hil.targets.hpcs.tools.byhand import keystore, units
from hil.targets.hpcs.tools.byhand.record import FILE, Record
from hil.targets.hpcs.tools.byhand.units import UnitsDown
from hsm_emulator.wire import unixhttp

KMS = "kms"
MODULE = "module"
Prepare = Callable[[Rig], tuple[Ledger, Sequence[UnitRegisters]]]


class FolderTaken(Exception):
    """The folder exists and holds something else."""


@dataclass(frozen=True)
class Status:
    """What ``hil status`` shows; None is what could not be seen, as kms or database did not answer.

    ``failing``: crypto units that run and answer with an error, and the error.
    """

    running: dict[str, bool]
    registers: Sequence[UnitRegisters]
    rows: RowCounts | None
    keys_total: int
    keys_readable: int | None
    failing: dict[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return it for a script; patterns are cut to eight digits, null is what could not be seen."""
        return {
            "running": self.running,
            "failing": self.failing,
            "units": [unit.brief() for unit in self.registers],
            "rows": self.rows and asdict(self.rows),
            "keys": {"total": self.keys_total, "readable": self.keys_readable},
        }


def make(folder: Path, shape: sut.Shape, equipment: Equipment, prepare: Prepare = golden.prepare) -> Record:
    """Set up a new instance in ``folder``, as ``prepare`` leaves it, and have it running."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderTaken(f"{folder} is not empty; choose another --dir")
    if why := names.too_long(folder):
        raise NotReadyHere(why)
    keystore.check_folder(equipment.server, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotReadyHere(f"{folder} cannot be made: {error.strerror}; choose another --dir") from error
    run = f"hand-{uuid.uuid4().hex[:8]}"
    sockets = scratch("hil-")
    try:
        layout = equipment.layout(folder / "files", sockets, folder / MODULE, run)
        ledger = _prepared(layout, shape, equipment.image, run, prepare)
        layout.write_directory(shape, relayed=False)
        module = equipment.module.name if equipment.module else ""
        on = equipment.server, module
        return _first_start(Record(folder, sockets, run, shape, equipment.image, ledger, {}, *on))
    except BaseException:
        shutil.rmtree(sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _prepared(layout: Layout, shape: sut.Shape, image: str, run: str, prepare: Prepare) -> Ledger:
    """Make the instance with relays, and stop it; where that fails nothing of it is left on a server."""
    host: UnitHost = DockerHost(layout, image, run, "hand") if image else ProcessHost(layout)
    rig = Rig(layout, shape, host, sut.TkeTimes())
    made = False
    try:
        ledger, _ = prepare(rig)
        made = True
    finally:
        rig.close(keep=made)
    return ledger


def _first_start(record: Record) -> Record:
    try:
        return start(record)
    except BaseException as error:
        if isinstance(error, UnitsDown):
            _end(error.record)
        with contextlib.suppress(NotReadyHere):  # why it does not start is what is to be told
            keystore.remove(record.layout)
        raise


def start(record: Record) -> Record:
    """Start whatever does not run; keep and return the record with the new processes.

    Where something does not start, what was started before it is ended again; crypto units that can start are
    left running where others cannot (UnitsDown says which, and why).
    """
    owners = dict(record.owners)
    try:
        troubles = _start_all(record, owners)
        changed = replace(record, owners=owners)
        changed.write()
    except BaseException:
        started = {name: text for name, text in owners.items() if record.owners.get(name) != text}
        _end(replace(record, owners=started))
        raise
    if troubles:
        raise units.not_started(troubles, changed)
    return changed


def _start_all(record: Record, owners: dict[str, str]) -> tuple[str, ...]:
    """Start whatever does not run, and note it in ``owners`` as it comes; say which units do not start."""
    layout = record.layout
    for number in record.shape.numbers:
        layout.unit_sockets(number).mkdir(parents=True, exist_ok=True)
    keystore.start(layout, owners)
    if not _lives(owners.get(KMS)):
        with interrupts.held():
            process = detached(sut.kms("serve", layout.kms_config), layout.logs / "kms.log")
            owners[KMS] = str(owner.of(process.pid))
        ready.until(lambda: ready.kms_answers(layout) or process.poll() is not None, "kms", START_SECONDS)
    return units.start(record, owners[KMS], owners)


def look(record: Record) -> Status:
    """Look at processes, registers, rows and keys; changes nothing. Raises NoDatabase."""
    layout, shape = record.layout, record.shape
    running = {keystore.DB: keystore.answers(layout)} if layout.server == OWN_SERVER else {}
    running |= {KMS: ready.kms_answers(layout)}
    running |= {f"unit:{number}": ready.unit_answers(layout.unit_sockets(number)) for number in shape.numbers}
    total = len(record.ledger.key_ids)
    try:
        rest = Rest.login(layout)
        registers, failing = _registers(rest, [n for n in shape.numbers if running[f"unit:{n}"]])
        stored = running.get(keystore.DB, True)
        rows = count_rows(read_rows(layout.key_store), registers) if stored else None
        readable = _readable(record, rest) if all(running.values()) and not failing else None
    except (RequestRefused, unixhttp.Unreachable):
        return Status(running, (), None, total, None)
    return Status(running, registers, rows, total, readable, failing)


def _registers(rest: Rest, numbers: Sequence[int]) -> tuple[list[UnitRegisters], dict[str, str]]:
    """Return the registers of units, and the errors of those that do not tell theirs."""
    registers, failing = [], {}
    for number in numbers:
        try:
            registers.append(rest.registers_of(number))
        except RequestRefused as error:
            failing[f"unit:{number}"] = str(error)
    return registers, failing


def _readable(record: Record, rest: Rest) -> int:
    """Count the keys of the ledger that every operational unit reads in every version, with CURRENT."""
    rows = {(row.key_id, row.version): row for row in read_rows(record.layout.key_store)}
    known = record.ledger.rows
    lost = {row.key_id for row in known if (row.key_id, row.version) not in rows}
    pairs = [(row, rows[row.key_id, row.version]) for row in known if row.key_id not in lost]
    for number in record.shape.operational_numbers:
        current = rest.unit(number)["registers"]["current"]
        lost |= {place[0] for place, _ in reader.unreadable(record.layout, number, current, pairs)}
    return len(record.ledger.key_ids - lost)


def stop(record: Record, *, keep: bool) -> None:
    """End every process of the instance, by its identity, and remove its folder unless ``keep``.

    Raises NotReadyHere, before anything has changed, where its database on another's server would stay.
    """
    if not keep:
        keystore.remove(record.layout)
    _end(record)
    shutil.rmtree(record.sockets, ignore_errors=True)
    if keep:
        replace(record, owners={}).write()
        return
    for name in (record.layout.files, record.layout.cluster, record.folder / MODULE):
        shutil.rmtree(name, ignore_errors=True)
    (record.folder / FILE).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        record.folder.rmdir()


def _end(record: Record) -> None:
    """End the processes that ``record`` knows, and its containers."""
    if record.image:
        docker.reap(record.run)
    owners = dict(record.owners)
    server = owners.pop(keystore.DB, None)
    for text in owners.values():
        if _lives(text):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(owner.parse(text).pid, signal.SIGKILL)
    ready.until(lambda: not any(map(_lives, owners.values())), "the end of all", START_SECONDS)
    if server:
        keystore.stop(record.layout, server)


def _lives(text: str | None) -> bool:
    return text is not None and owner.parse(text).may_live()
