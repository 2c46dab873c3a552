"""``hil bundle`` on a campaign that was really played."""

import base64
import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Place

SMALL = ("--backend", "process", "--operational", "1", "--recovery", "1", "--keys", "8")
IDS = {
    "auto/kms@C_WrapKey.6-after/rerun-after-message-1": "DATA_LOST",
    "auto/tke@setimm.1-after/documented": "RECOVERED",
}


def _details(page: str) -> Iterator[str]:
    """Yield what the page of a report holds packed; there has to be some."""
    blocks = re.findall(r'data-block="[\d ]+">([^<]*)<', page)
    assert blocks
    yield from (zlib.decompress(base64.b64decode(block, validate=True)).decode() for block in blocks)


@pytest.mark.slow
def test_a_bundle_holds_no_secret_and_names_what_was_changed(place: "Place") -> None:
    """Planted secrets do not get into it, patterns stay, and elsewhere a flipped byte is named."""
    ended = place.hil("run", *SMALL, "--plan", str(place.plan(IDS)), "--out", "runs/all")
    assert ended.returncode == 0, ended
    folder = place.runs / "runs" / "all"
    secrets = (
        os.urandom(32).hex(),
        base64.b64encode(os.urandom(32)).decode(),
        jwt.encode({"sub": "bench"}, "s" * 32),
    )
    with (folder / "scenarios" / "1" / "transcript.txt").open("a") as stream:
        stream.writelines(f"leaked {secret}\n" for secret in secrets)
    assert place.hil("report", "runs/all").returncode == 0  # what has leaked is in the page as well, packed
    ended = place.hil("bundle", "runs/all", "--out", "evidence.zip")
    assert (ended.returncode, ended.stderr) == (0, ""), ended

    bundle = place.runs / "evidence.zip"
    with zipfile.ZipFile(bundle) as opened:
        members = {name: opened.read(name).decode() for name in opened.namelist()}
    files = len(members) - 1
    members |= {f"details {at}": text for at, text in enumerate(_details(members["run/report.html"]))}
    assert not [name for name, text in members.items() for secret in secrets if secret in text]
    assert members["run/scenarios/1/transcript.txt"].count("leaked [redacted") == len(secrets)
    observation = json.loads((folder / "scenarios" / "2" / "observation.json").read_text())
    assert json.loads(members["run/scenarios/2/observation.json"]) == observation
    assert "hil run --plan run/plan.jsonl --operational 1" in members["REPRODUCE.md"]
    for name in ("run/campaign.json", "run/results.jsonl", "procedures/documented.toml", "versions.json"):
        assert members[name]

    moved = Path(shutil.move(bundle, place.scratch / "received.zip"))
    ended = place.hil("bundle", "verify", str(moved))
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (
        0,
        f"{files} files, whole and consistent; --manifest HASH tells whether they are as made",
    )
    with zipfile.ZipFile(moved) as opened:
        info = opened.getinfo("run/results.jsonl")
    content = bytearray(moved.read_bytes())
    content[info.header_offset + len(info.FileHeader()) + info.compress_size // 2] ^= 1
    moved.write_bytes(content)
    ended = place.hil("bundle", "verify", str(moved))
    assert (ended.returncode, ended.stdout.split()[0]) == (1, "run/results.jsonl"), ended
    moved.unlink()
    place.nothing_left()


def test_bad_input(place: "Place") -> None:
    """A folder without evidence, a file that is there already, and no bundle: one line, exit code 64."""
    (place.runs / "there.zip").write_text("mine")
    for argv in (
        ("bundle", "nowhere"),
        ("bundle", "verify", "there.zip"),
        ("bundle", "verify", "nowhere.zip"),
        ("bundle",),
    ):
        ended = place.hil(*argv)
        assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (64, "", 1), ended
    assert (place.runs / "there.zip").read_text() == "mine"
