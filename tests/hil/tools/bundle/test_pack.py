"""What goes into a bundle beside the run directory itself."""

import json
import os
import re
import zipfile
from pathlib import Path

from hil.engine.rundir import RunDir
from hil.engine.stored import Stored
from hil.model.scenario import Scenario
from hil.model.verdicts import Verdict
from hil.targets.hpcs.operator import load
from hil.tools.bundle import rotation
from hil.tools.bundle.pack import pack
from tests.hil.engine.conftest import HEAD, account

MINE = load.text("documented").replace('"documented"\nkind', '"mine"\nkind')


def _members(tmp_path: Path, name: str, head: dict[str, object], text: str = "") -> dict[str, str]:
    """Pack a run of one scenario of the procedure ``name``; ``text``: its file, where the run keeps one."""
    rundir = RunDir.create(tmp_path / "run")
    scenario = Scenario.parse(f"auto/tke@commit.1-after/{name}", Verdict.DATA_LOST)
    rundir.write_plan([scenario])
    if text:
        rundir.keep_procedure(name, text)
    rundir.add_result(1, account(scenario).result)
    records = list(rundir.results().values())
    counted = {"planned": 1, "total": 1, "audit": {"every": 20, "differing": []}}
    rundir.write_campaign(HEAD | counted | head, records)
    pack(rotation.contents(Stored.read(rundir.path)), tmp_path / "it.zip")
    with zipfile.ZipFile(tmp_path / "it.zip") as bundle:
        return {member: bundle.read(member).decode() for member in bundle.namelist()}


def test_a_procedure_from_a_file(tmp_path: Path) -> None:
    """It is there as the run was given it, and the commands that play the run again name it."""
    members = _members(tmp_path, "mine", {"profile": "validate --every --profile smoke"}, MINE)
    assert members["procedures/mine.toml"] == members["run/procedures/mine.toml"] == MINE
    again = members["REPRODUCE.md"]
    assert "hil validate --every --profile smoke --procedure procedures/mine.toml --operational 1" in again
    assert "hil replay auto/tke@commit.1-after/mine --procedure procedures/mine.toml --operational 1" in again


def test_a_secret_in_a_procedure(tmp_path: Path) -> None:
    """Whatever a vendor has put into the file, key material does not leave with it."""
    secret = os.urandom(32).hex()
    members = _members(tmp_path, "mine", {}, f"# our key is {secret}\n{MINE}")
    assert not [member for member, text in members.items() if secret in text]
    assert members["procedures/mine.toml"].startswith("# our key is [redacted hex ")


def test_the_image_that_was_used(tmp_path: Path) -> None:
    """Name and digest of the units' image are those that the campaign wrote down when it ran."""
    image = {"name": "hsm-hil/unit:0123456789ab", "digest": "sha256:" + "ab" * 32}
    members = _members(tmp_path, "documented", {"backend": "docker", "image": image})
    assert json.loads(members["versions.json"])["unit image"] == image
    assert json.loads(members["run/campaign.json"])["image"] == image
    assert members["procedures/documented.toml"] == load.text("documented")


def test_versions_of_the_machine_that_played(tmp_path: Path) -> None:
    """What the run wrote down when it began is in the bundle, whatever the machine that packs it has."""
    kept = {
        "hsm-hil": "0.0.9",
        "p11-kit": "0.23.0",
        "host": "elsewhere",
        "started": "2026-01-01T00:00:00+00:00",
    }
    played = json.loads(_members(tmp_path, "documented", {"environment": kept})["versions.json"])
    assert played == {"of": "the machine that played the run", **kept, "unit image": None}


def test_versions_of_an_old_run(tmp_path: Path) -> None:
    """Where the run kept none, they are the packer's and say so."""
    packed = json.loads(_members(tmp_path, "documented", {})["versions.json"])
    assert packed["of"].startswith("the machine that packed this bundle")
    assert re.fullmatch(r"\d+(\.\d+)+", packed["p11-kit"])
    assert "started" not in packed


def test_what_the_campaign_ran_on(tmp_path: Path) -> None:
    """Key store and PKCS#11 module are in the commands that play it again, and the profile in the bundle."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "module.toml").write_text("[module]\n")
    members = _members(tmp_path, "documented", {"keystore": "postgresql"})
    again = members["REPRODUCE.md"]
    assert "--keystore postgresql --module-profile run/module.toml --out again" in again
    assert "run/module.toml names the library" in again
    assert members["run/module.toml"] == "[module]\n"


def test_damaged_evidence(tmp_path: Path) -> None:
    """A file that is cut short is packed as it is; one that is no text or has an odd name is left out."""
    rundir = RunDir.create(tmp_path / "run")
    scenario = Scenario.parse("auto/tke@commit.1-after/documented", Verdict.DATA_LOST)
    rundir.write_plan([scenario])
    rundir.write_account(1, account(scenario))
    rundir.add_result(1, account(scenario).result)
    folder = tmp_path / "run" / "scenarios" / "1"
    (folder / "observation.json").write_text('{"keys": ')
    (folder / "transcript.txt").write_bytes(b"\xff\xfe\x80")
    (tmp_path / "run" / "a\\b.txt").touch()
    packed = pack(rotation.contents(Stored.read(rundir.path)), tmp_path / "it.zip")
    assert packed.left_out == (
        "'a\\\\b.txt', a name that not every system can have",
        "scenarios/1/transcript.txt, no text",
    )
    with zipfile.ZipFile(tmp_path / "it.zip") as bundle:
        assert bundle.read("run/scenarios/1/observation.json") == b'{"keys": '
