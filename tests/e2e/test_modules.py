"""A campaign on another PKCS#11 module than SoftHSM."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SIZE = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1")
CRASH = "auto/kms@C_WrapKey.7-after/documented"
PLAN = {CRASH: "RECOVERED", "auto/kms@C_WrapKey.7-after/rerun-after-message-1": "DATA_LOST"}
LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libsoftokn3.so")
LIKE_SOFTHSM = (
    '[module]\nname = "none"\nlibrary = "/usr/lib/softhsm/libsofthsm2.so"\n[token]\nmake = [["false"]]\n'
)


@pytest.mark.long
def test_same_verdicts(place: "Place", nss: Path) -> None:
    """On NSS softokn keys come back and are lost where they do on SoftHSM, and a replay uses it again."""
    words = ("--plan", str(place.plan(PLAN)), "--module-profile", str(nss), "--out", "run")
    ended = place.hil("run", *SIZE, *words)
    assert ended.returncode == 0, ended
    campaign = json.loads((place.runs / "run" / "campaign.json").read_text())
    assert {one["id"]: one["verdict"] for one in campaign["scenarios"]} == PLAN
    assert campaign["module"] == {"name": "NSS softokn", "library": str(LIBRARY)}
    replayed = place.hil("replay", CRASH, "--run", "run")
    assert replayed.returncode == 0, replayed
    assert "(processes with NSS softokn), 8 keys" in replayed.stdout.splitlines()[0]
    place.nothing_left()


def test_unfit_module(place: "Place") -> None:
    """A module on which no unit can be made is refused before anything is begun, and nothing is left."""
    profile = place.runs / "hil.toml"
    profile.write_text(LIKE_SOFTHSM)
    ended = place.hil("run", "--module-profile", str(profile), "--out", "run")
    assert ended.returncode == 64
    assert ended.stderr.splitlines()[0].startswith("hil: none (/usr/lib/softhsm/libsofthsm2.so) cannot stand")
    assert ended.stderr.splitlines()[-1] == "  TokenError: no token: false ended with exit code 1"
    assert not (place.runs / "run").exists()
    place.nothing_left()
