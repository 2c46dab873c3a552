"""Campaigns whose key store is on a PostgreSQL server."""

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.hil.targets.hpcs.rig.keystore.straight import straight

if TYPE_CHECKING:
    from hil.targets.hpcs.rig.keystore.database import KeyStoreDatabase
    from tests.e2e.conftest import Place

pytestmark = pytest.mark.postgresql
SIZE = ("--operational", "1", "--recovery", "1", "--keys", "8", "--backend", "process")
SCENARIOS = {
    "auto/none/documented": "RECOVERED",
    "auto/kms@sql-commit.2-before/documented": "RECOVERED",
    "auto/db@sql-commit.2-after/documented": "RECOVERED",
    "auto/backend@sql-commit.3-before/documented": "RECOVERED",
    "auto/kms@C_WrapKey.6-after/rerun-after-message-1": "DATA_LOST",
}


@pytest.fixture
def open_place(place: "Place") -> "Place":
    """A place that a server may enter, which does not run as root."""
    place.scratch.chmod(0o711)
    return place


@pytest.mark.long
def test_a_campaign_on_servers_of_its_own(open_place: "Place") -> None:
    """The kms, the server and the process that serves the kms die at commits; nothing is left behind."""
    plan = open_place.plan(SCENARIOS)
    done = open_place.hil("run", "--keystore", "postgresql", *SIZE, "--plan", str(plan), "--out", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    campaign = json.loads((open_place.runs / "run" / "campaign.json").read_text())
    assert (campaign["keystore"], campaign["gate"]) == ("postgresql", "pass")
    assert {entry["id"]: entry["verdict"] for entry in campaign["scenarios"]} == SCENARIOS
    open_place.nothing_left()


@pytest.mark.long
def test_a_campaign_on_a_server_that_is_there(open_place: "Place", own_database: "KeyStoreDatabase") -> None:
    """Every rig has a database of its own on it, which is gone afterwards; the server cannot be a victim."""
    with straight(own_database) as database:
        given = f"postgresql://{database.info.user}@/?host={database.info.host}"
    words = ("run", "--keystore", given, *SIZE, "--out", "run", "--jobs", "1", "--plan")
    refused = open_place.hil(
        *words, str(open_place.plan({"auto/db@sql-commit.1-before/documented": "RECOVERED"}))
    )
    assert (refused.returncode, "no database server to kill" in refused.stderr) == (64, True), refused
    point = "auto/kms@sql-commit.2-after/documented"
    done = open_place.hil(*words, str(open_place.plan({point: "RECOVERED"})))
    assert done.returncode == 0, done.stdout + done.stderr
    campaign = json.loads((open_place.runs / "run" / "campaign.json").read_text())
    assert [entry["verdict"] for entry in campaign["scenarios"]] == ["RECOVERED"]
    assert (open_place.runs / "run" / "keystore.txt").read_text() == given
    with straight(own_database) as database:
        names = {name for (name,) in database.execute("SELECT datname FROM pg_database").fetchall()}
    assert not [name for name in names if name.startswith("hil_")]
    open_place.nothing_left()


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root does the server run as somebody else")
def test_a_place_that_only_root_may_enter_is_refused(place: "Place") -> None:
    """One line names the folder and what to set, before anything is started."""
    place.scratch.chmod(0o700)
    done = place.hil("run", "--keystore", "postgresql", *SIZE)
    assert done.returncode == 64
    assert done.stderr.count("\n") == 1
    assert "set HIL_TMP" in done.stderr
