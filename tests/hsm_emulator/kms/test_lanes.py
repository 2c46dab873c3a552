"""A rewrap over several connections: real crypto units, which work off batches side by side."""

import os
import signal
from contextlib import ExitStack

import pytest

from hsm_emulator.kms import config
from hsm_emulator.kms.errors import UnitUnavailable
from hsm_emulator.kms.lanes import Lanes
from hsm_emulator.kms.model import Row
from hsm_emulator.kms.units import UnitLink
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.units import Units

KEYS = 23
BATCH = 3


@pytest.fixture(autouse=True)
def settled(units: Units) -> None:
    """All units start without a new master key."""
    for unit in units:
        unit.command("clrnew")


def locked_keys(kms: Kms) -> dict[str, tuple[str, str]]:
    """Make keys, and return what each has locked."""
    return {key: kms.lock(key) for key in (kms.root_key() for _ in range(KEYS))}


def check_readable(kms: Kms, locked: dict[str, tuple[str, str]]) -> None:
    """Every key opens what it has locked."""
    assert {key: kms.unlock(key, pair[0]) for key, pair in locked.items()} == {
        key: pair[1] for key, pair in locked.items()
    }


@pytest.mark.parametrize("connections", [2, 3, 20])
def test_every_row_whatever_the_connections(make_kms: MakeKms, units: Units, connections: int) -> None:
    """Fewer, more, or far more connections than units: each row is rewrapped and each key works."""
    kms = make_kms(batch=BATCH, connections=connections)
    locked = locked_keys(kms)
    new = units.new_master_key()
    job = kms.rewrap()
    assert (job["state"], job["rewrapped"], job["total"]) == ("done", KEYS, KEYS)
    assert kms.master_keys() == {new}
    units.promote()
    check_readable(kms, locked)


def links_of(kms: Kms, units: Units, stack: ExitStack) -> list[UnitLink]:
    """Connections to the first unit, the second, and the first again."""
    described = {unit.number: unit for unit in config.read(kms.config).units}
    secret = (kms.folder / "iam.secret").read_text()
    links = [UnitLink(described[unit.number], secret, 5.0) for unit in (*units, units.all[0])]
    for link in links:
        stack.callback(link.disconnect)
    return links


def rows_of(kms: Kms) -> list[Row]:
    """The rows of the key store as the service reads them."""
    return [Row(row.key_id, row.version, row.mk_id, row.blob) for row in kms.rows()]


def test_batches_go_round_the_units(make_kms: MakeKms, units: Units) -> None:
    """Batches are dealt out in turn and come back in order; each unit opens what another has wrapped."""
    kms = make_kms()
    locked_keys(kms)
    rows = rows_of(kms)
    units.new_master_key()
    with ExitStack() as stack:
        links = links_of(kms, units, stack)
        registers = [link.registers(0) for link in links[:2]]
        with Lanes(links, registers, BATCH) as lanes:
            assert lanes.rows_ahead > len(links) * BATCH
            first = list(lanes.rewrap(rows))
            assert [link.rows_rewrapped for link in links] == [9, 8, 6]
            again = list(lanes.rewrap(rows[BATCH:] + rows[:BATCH]))  # every row by the next unit in turn
    assert [row for batch, _ in first for row in batch] == rows
    blobs = [blob for _, batch in first for blob in batch]
    others = [blob for _, batch in again for blob in batch]
    assert others[-BATCH:] + others[:-BATCH] == blobs  # RFC 3394 is deterministic


def test_a_connection_is_replaced_before_its_process_grows(make_kms: MakeKms, units: Units) -> None:
    """After its share of rows a connection, and with it the unit's process, makes place for another."""
    kms = make_kms()
    locked_keys(kms)
    units.new_master_key()
    with ExitStack() as stack:
        links = links_of(kms, units, stack)[:1]
        with Lanes(links, [links[0].registers(0)], BATCH, rows_of_a_connection=10) as lanes:
            before = links[0]._module
            assert lanes.rows_ahead == BATCH
            results = list(lanes.rewrap(rows_of(kms)))
            assert links[0]._module is not before
        assert sum(len(blobs) for _, blobs in results) == KEYS
        assert links[0].rows_rewrapped < 12


def test_a_unit_that_hangs_is_named_and_the_next_request_does_the_rest(
    make_kms: MakeKms, units: Units
) -> None:
    """A unit that does not answer fails the job and is named; a new request finishes what is left."""
    kms = make_kms(batch=BATCH, connections=4, call_seconds=1)
    locked = locked_keys(kms)
    units.new_master_key()
    rows = rows_of(kms)
    with ExitStack() as stack:
        links = links_of(kms, units, stack)
        registers = [link.registers(0) for link in links[:2]]
        lanes = stack.enter_context(Lanes(links, registers, BATCH))
        process = units.all[1].process
        assert process is not None
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(UnitUnavailable, match="crypto unit 2"):
                list(lanes.rewrap(rows))
            assert kms.request("POST", "rotation/rewrap", {}).status == 503
        finally:
            os.killpg(process.pid, signal.SIGCONT)
    assert kms.rewrap()["state"] == "done"
    units.promote()
    check_readable(kms, locked)
