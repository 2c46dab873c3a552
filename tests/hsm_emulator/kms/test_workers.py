"""A rewrap that several workers share: real crypto units, a real database server."""

from collections.abc import Callable

import pytest

from hsm_emulator.kms.__main__ import main
from hsm_emulator.kms.model import Rotation
from hsm_emulator.kms.policy import IN_PLACE
from hsm_emulator.kms.store import KeyStore
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.units import Units

KEYS = 23
WORKERS = {"batch": 3, "connections": 3, "workers": 3}


@pytest.fixture(autouse=True)
def settled(units: Units) -> None:
    """All units start without a new master key."""
    for unit in units:
        unit.command("clrnew")


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """An empty database."""
    return new_database()


def locked_keys(kms: Kms) -> dict[str, tuple[str, str]]:
    """Make keys, and return what each has locked."""
    return {key: kms.lock(key) for key in (kms.root_key() for _ in range(KEYS))}


@pytest.mark.postgresql
def test_every_row_is_done_once(make_kms: MakeKms, units: Units, url: str) -> None:
    """Three workers rewrap every row, the job counts each once, and each key works after the promotion."""
    kms = make_kms(store=url, **WORKERS)
    locked = locked_keys(kms)
    new = units.new_master_key()
    job = kms.rewrap()
    assert (job["state"], job["rewrapped"], job["total"]) == ("done", KEYS, KEYS)
    with KeyStore(url) as store:
        assert {key.hex(): count for key, count in store.rows_by_master_key().items()} == {new: KEYS}
    units.promote()
    assert {key: kms.unlock(key, pair[0]) for key, pair in locked.items()} == {
        key: pair[1] for key, pair in locked.items()
    }


@pytest.mark.postgresql
def test_rows_that_somebody_else_has_locked_are_waited_for(make_kms: MakeKms, units: Units, url: str) -> None:
    """What all workers left out, because another connection had it, is done before the job ends."""
    kms = make_kms(store=url, **WORKERS)
    locked_keys(kms)
    old, new = (bytes.fromhex(pattern) for pattern in (units.current, units.new_master_key()))
    with KeyStore(url) as other, other.taken(IN_PLACE, Rotation(old, new), 5) as taken:
        assert len(taken) == 5
        kms.post("rotation/rewrap")
        while (job := kms.get("rotation/rewrap?wait=0.1")["job"])["rewrapped"] < KEYS - 5:
            assert job["state"] == "running"
    job = kms.get("rotation/rewrap?wait=30")["job"]
    assert (job["state"], job["rewrapped"]) == ("done", KEYS)
    units.promote()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_has_one_worker(kms: Kms, capsys: pytest.CaptureFixture[str], workers: int) -> None:
    """More workers than a file can have are refused with what would do."""
    text = kms.config.read_text()
    kms.config.write_text(text.replace('"batch"', f'"workers": {workers}, "batch"'))
    assert main(["serve", "--config", str(kms.config)]) == 64
    assert "workers: one, or on a PostgreSQL server" in capsys.readouterr().err
