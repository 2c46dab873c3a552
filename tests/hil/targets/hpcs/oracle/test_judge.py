"""The oracle on a real instance: each damage has its own check, verdict and count."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.model.scenario import KeyCount
from hil.model.verdicts import Verdict
from hil.targets.hpcs.model.crashstate import RowCounts
from hil.targets.hpcs.oracle.rows import count_rows, read_rows

if TYPE_CHECKING:
    from hil.targets.hpcs.model.observation import OracleJudgement
    from tests.hil.targets.hpcs.oracle.conftest import Scene

SHAPE_KEYS = 8
ALL = KeyCount(8, 8)  # the workload was tried
EACH = KeyCount(8, 8, 0, 8)  # each was used for itself


def _checks(judgement: "OracleJudgement") -> set[str]:
    return {finding.check for finding in judgement.findings}


def _states(scene: "Scene") -> dict[str, str]:
    keys = scene.rig.rest().call("GET", "/api/v2/keys")["resources"]
    return {key["id"]: key["state"] for key in keys}


def test_healthy(scene: "Scene") -> None:
    """After an undisturbed rotation every key is readable and nothing is found."""
    judgement = scene.judge()
    assert judgement.findings == ()
    assert (judgement.verdict, judgement.keys) == (Verdict.RECOVERED, ALL)


def test_the_judge_leaves_rows_and_registers_as_they_are(scene: "Scene") -> None:
    """Where there is a damage each key is used and put back: what was found can be looked at again."""
    scene.sql("UPDATE versions SET mk_id = zeroblob(16) WHERE rowid = 1")
    before = read_rows(scene.rig.layout.key_store), _states(scene)
    assert scene.judge() == scene.judge()
    assert (read_rows(scene.rig.layout.key_store), _states(scene)) == before


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("root", "active"),
        ("root", "suspended"),
        ("root", "deactivated"),
        ("root", "destroyed"),
        ("standard", "active"),
        ("standard", "destroyed"),
    ],
)
def test_one_bit_of_a_blob(scene: "Scene", kind: str, state: str) -> None:
    """A row of any sort in which one bit is wrong costs its key, and that key is named."""
    row = scene.row(lambda row: row.state == state and (row.ciphertext is None) is (kind == "standard"))
    (stored,) = [
        stored
        for stored in read_rows(scene.rig.layout.key_store)
        if (stored.key_id, stored.version) == (row.key_id, row.version)
    ]
    damaged = bytes([stored.blob[0] ^ 1]) + stored.blob[1:]
    scene.sql(
        "UPDATE versions SET blob = ? WHERE key_id = ? AND version = ?", damaged, row.key_id, row.version
    )
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 7, 1, 7))
    assert _checks(judgement) == {"readable"}
    assert f"key {row.key_id} version {row.version} ({state}) on unit 1" in judgement.findings[0].text


def test_exchanged_blobs(scene: "Scene") -> None:
    """Two rows that hold each other's key unwrap well, and are convicted by what they give back."""
    one = scene.row(lambda row: row.ciphertext is None)
    other = scene.row(lambda row: row.ciphertext is None and row.key_id != one.key_id)
    rows = {row.key_id: row for row in read_rows(scene.rig.layout.key_store)}
    for key_id, blob in ((one.key_id, rows[other.key_id].blob), (other.key_id, rows[one.key_id].blob)):
        scene.sql("UPDATE versions SET blob = ? WHERE key_id = ?", blob, key_id)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 6, 2, 6))
    assert all(finding.text.endswith("other bytes than before") for finding in judgement.findings)


def test_missing_row(scene: "Scene") -> None:
    """One version of a key with several is gone: that key is lost, whatever its other versions give."""
    row = scene.row(lambda row: row.version == 2)
    scene.sql("DELETE FROM versions WHERE key_id = ? AND version = 2", row.key_id)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 7, 1, 7))
    (finding,) = judgement.findings
    assert (finding.check, finding.text) == (
        "rows",
        f"key {row.key_id} version 2 is missing from the key store",
    )


def test_added_row(scene: "Scene") -> None:
    """A row that nobody made is found, and no key is lost by it."""
    row = scene.row(lambda row: row.version == 1)
    scene.sql(
        "INSERT INTO versions (key_id, version, mk_id, blob) "
        "SELECT key_id, 9, mk_id, blob FROM versions WHERE key_id = ? AND version = 1",
        row.key_id,
    )
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, EACH)
    (finding,) = judgement.findings
    assert finding.check == "rows"
    assert finding.text == f"key {row.key_id} version 9 is in the key store and not in the ledger"


def test_wrong_master_key_id(scene: "Scene") -> None:
    """A row that can be read and names another master key is no lost key, and no finished rotation."""
    scene.sql("UPDATE versions SET mk_id = ? WHERE rowid = 3", b"\xee" * 16)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, KeyCount(8, 8, 0, 7))
    assert [finding.text for finding in judgement.findings] == ["1 rows do not name the CURRENT master key"]
    registers = scene.rig.rest().registers(scene.rig.shape)
    total = len(scene.state.ledger.rows)
    counted = count_rows(read_rows(scene.rig.layout.key_store), registers)
    assert counted == RowCounts(current=total - 1, new=0, unreadable=1)


def test_new_register_left_committed(scene: "Scene") -> None:
    """A committed NEW register in any unit says that the rotation is not over."""
    scene.tke("cryptounit-mk-load")
    scene.tke("cryptounit-mk-commit")
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, EACH)
    assert [finding.text for finding in judgement.findings] == [
        "unit 1: NEW is Full Committed",
        "unit 2: NEW is Full Committed",
    ]


def test_cleared_current_register(scene: "Scene") -> None:
    """Without CURRENT registers no key at all is readable."""
    scene.tke("cryptounit-mk-clrcur")
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 0, 8, 0))
    assert _checks(judgement) == {"readable", "registers", "row ids"}


def test_promotion_without_rewrap(scene: "Scene") -> None:
    """Set immediate without a rewrap destroys the key under which all rows are: nothing is left."""
    for command in ("cryptounit-mk-load", "cryptounit-mk-commit", "cryptounit-mk-setimm"):
        scene.tke(command)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 0, 8, 0))
    assert _checks(judgement) == {"readable", "row ids"}


def test_rows_under_new_are_out_of_reach_and_not_gone(scene: "Scene") -> None:
    """Rewrapped rows that no unit reads yet are lost only when the last NEW register with their key is."""
    for command in ("cryptounit-mk-load", "cryptounit-mk-commit"):
        scene.tke(command)
    scene.rig.rest().call("POST", "/api/v2/rotation/rewrap?wait=10")
    scene.tke("cryptounit-rm", "2")
    scene.tke("cryptounit-mk-clrnew")
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, KeyCount(8, 0, 0, 0))
    assert "reach" in _checks(judgement)
    scene.tke("cryptounit-add", "2")
    scene.tke("cryptounit-mk-clrnew")
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.DATA_LOST, KeyCount(8, 0, 8, 0))


def test_keys_that_are_safe_and_of_no_use(scene: "Scene") -> None:
    """While a rotation that cannot go on keeps workloads out no key can be used, readable or not."""
    oldest = scene.state.ledger.rows[0]  # the first that is rewrapped
    rows = read_rows(scene.rig.layout.key_store)
    first = next(row for row in rows if (row.key_id, row.version) == (oldest.key_id, oldest.version))
    change = "UPDATE versions SET blob = ? WHERE key_id = ? AND version = ?"
    scene.sql(change, bytes(len(first.blob)), first.key_id, first.version)
    for command in ("cryptounit-mk-load", "cryptounit-mk-commit"):
        scene.tke(command)
    job = scene.rig.rest().call("POST", "/api/v2/rotation/rewrap?wait=10")["job"]
    assert (job["state"], job["rewrapped"]) == ("failed", 0)
    keys = scene.judge().keys
    assert keys == KeyCount(8, 7, 1, 0)
    assert keys.loss == "1 of 8 keys, none of the other 7 can be used"
    scene.sql(change, first.blob, first.key_id, first.version)
    assert scene.judge().keys == KeyCount(8, 8, 0, 0)


def test_a_rotation_that_did_not_happen(scene: "Scene") -> None:
    """An instance that still has the master key from before is not one that was rotated."""
    now = scene.rig.rest().registers(scene.rig.shape)
    scene.state = replace(scene.state, registers=now)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, EACH)
    assert "before the rotation is still" in judgement.findings[0].text


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "hex": lambda secret: secret.hex().encode(),
    "HEX": lambda secret: secret.hex().upper().encode(),
    "base64": base64.b64encode,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("which", ["master key", "last secret"])
def test_secret_in_a_file(scene: "Scene", form: str, which: str) -> None:
    """Key bytes in a log are found in every form that people print keys in, and named by file only."""
    ledger = scene.state.ledger
    secret = ledger.master_key if which == "master key" else ledger.rows[-1].secret
    with (scene.rig.layout.logs / "kms.log").open("ab") as log:
        log.write(b"wrapped key=" + FORMS[form](secret) + b" done\n")
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, EACH)
    assert [finding.text for finding in judgement.findings] == ["key bytes in clear in logs/kms.log"]


def test_secret_on_the_screen(scene: "Scene") -> None:
    """What the terminal showed counts as a file."""
    judgement = scene.judge("OK", scene.state.ledger.master_key.hex())
    assert [finding.text for finding in judgement.findings] == ["key bytes in clear in the transcript"]


def test_a_new_key_does_not_hide_an_unusable_service(scene: "Scene") -> None:
    """Where the data is whole and the service refuses to restore a key, the instance is stuck."""
    scene.sql("UPDATE keys SET destroyed = 1 WHERE id = ?", scene.state.ledger.destroyed)
    judgement = scene.judge()
    assert (judgement.verdict, judgement.keys) == (Verdict.STUCK, ALL)
    assert _checks(judgement) == {"workload"}
