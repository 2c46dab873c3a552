"""Keys over REST on real crypto units: life of a key, versions, wrap and unwrap, refusals."""

import base64
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from hsm_emulator import bearer
from hsm_emulator.kms.model import RESTORE_SECONDS
from hsm_emulator.wire import unixhttp
from tests.hsm_emulator.kms.service import Kms, MakeKms
from tests.hsm_emulator.kms.units import Units

SECRET = "secret-of-the-instance-under-test-only"
PAYLOAD = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def kms(units: Units) -> Iterator[Kms]:
    """One service for all tests of this module; each makes keys of its own."""
    service = Kms(Path(tempfile.mkdtemp(prefix="kms", dir="/dev/shm")), units)
    service.start()
    yield service
    service.kill()
    shutil.rmtree(service.folder)


def refused(reply: unixhttp.Reply, status: int, code: str) -> str:
    """Check a refusal and return its text."""
    assert (reply.status, reply.body.get("error", {}).get("code")) == (status, code), reply
    return reply.message


def test_an_api_key_buys_a_token_that_works(kms: Kms) -> None:
    """The identity request needs no bearer and its token is accepted."""
    reply = unixhttp.request(
        kms.socket, "POST", "/identity/token", {"apikey": "api-key-of-the-instance-under-test"}
    )
    assert reply.body["expires_in"] == 3600
    answer = unixhttp.request(kms.socket, "GET", "/api/v2/instance", token=reply.body["access_token"])
    assert answer.body == {"state": "active"}


@pytest.mark.parametrize("apikey", ["wrong", "", None, 3, "ä"])
def test_a_wrong_api_key_buys_nothing(kms: Kms, apikey: object) -> None:
    """Anything but the API key is unauthorized."""
    refused(unixhttp.request(kms.socket, "POST", "/identity/token", {"apikey": apikey}), 401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "token",
    [None, "nonsense", bearer.issue(SECRET, "test", seconds=-1), bearer.issue("x" * 32, "test")],
    ids=["absent", "nonsense", "expired", "forged"],
)
def test_a_token_that_does_not_hold_is_unauthorized(kms: Kms, token: str | None) -> None:
    """Requests without a token that is valid now get the documented text and do nothing."""
    for method, path in (("GET", "instance"), ("POST", "keys"), ("POST", "rotation/rewrap")):
        reply = unixhttp.request(kms.socket, method, f"/api/v2/{path}", {}, token=token)
        assert "invalid, expired" in refused(reply, 401, "UNAUTHORIZED")


def test_a_wrapped_data_key_comes_back(kms: Kms) -> None:
    """Wrap returns the data key's bytes once and unwrap returns the same ones."""
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    assert len(base64.b64decode(plaintext)) == 32
    assert kms.unlock(key, ciphertext) == plaintext


@pytest.mark.parametrize("size", [16, 24, 32])
def test_a_data_key_of_the_caller_comes_back(kms: Kms, size: int) -> None:
    """A data key that the caller brings along survives wrap and unwrap in each AES size."""
    key, plaintext = kms.root_key(), base64.b64encode(bytes(range(size))).decode()
    reply = kms.post(f"keys/{key}/actions/wrap", {"plaintext": plaintext})
    assert (reply["plaintext"], reply["key_version"]) == (plaintext, 1)
    assert kms.unlock(key, reply["ciphertext"]) == plaintext


def test_an_imported_root_key_is_the_one_that_wraps(kms: Kms) -> None:
    """Two root keys made from the same payload open each other's ciphertexts; a generated one does not."""
    body = {"name": "imported", "type": "root_key", "payload": PAYLOAD}
    one, two = kms.post("keys", body)["id"], kms.post("keys", body)["id"]
    ciphertext, plaintext = kms.lock(one)
    assert kms.unlock(two, ciphertext) == plaintext
    other = kms.request("POST", f"keys/{kms.root_key()}/actions/unwrap", {"ciphertext": ciphertext})
    assert "did not make it" in refused(other, 400, "BAD_REQUEST")


def test_a_standard_key_gives_its_payload_and_wraps_nothing(kms: Kms) -> None:
    """A standard key is handed out; the root key's payload never is."""
    key = kms.post("keys", {"name": "standard", "type": "standard_key", "payload": PAYLOAD})["id"]
    assert kms.get(f"keys/{key}")["payload"] == PAYLOAD
    assert "payload" not in kms.get(f"keys/{key}/metadata")
    assert "payload" not in kms.get(f"keys/{kms.root_key()}")
    refused(kms.request("POST", f"keys/{key}/actions/wrap", {}), 400, "BAD_REQUEST")


def test_every_version_stays_usable_after_rotate(kms: Kms) -> None:
    """Ciphertexts of retired versions unwrap, and rewrap brings them under the newest version."""
    key = kms.root_key()
    locked = [kms.lock(key)]
    for _ in range(2):
        kms.post(f"keys/{key}/actions/rotate")
        locked.append(kms.lock(key))
    assert kms.get(f"keys/{key}/metadata")["versions"] == [1, 2, 3]
    assert [kms.unlock(key, ciphertext) for ciphertext, _ in locked] == [plain for _, plain in locked]
    reply = kms.post(f"keys/{key}/actions/rewrap", {"ciphertext": locked[0][0]})
    assert reply["key_version"] == 3
    assert kms.unlock(key, reply["ciphertext"]) == locked[0][1]


STATES = {"active": (), "suspended": ("disable",), "deactivated": ("deactivate",), "destroyed": ("DELETE",)}
ALLOWED = {
    "wrap": {"active"},
    "unwrap": {"active", "deactivated"},
    "rewrap": {"active"},
    "rotate": {"active"},
    "disable": {"active"},
    "enable": {"suspended"},
    "deactivate": {"active", "suspended"},
    "restore": {"destroyed"},
    "DELETE": {"active", "suspended", "deactivated"},
}


def act(kms: Kms, key: str, action: str, ciphertext: str = "") -> unixhttp.Reply:
    """Do one thing to a key."""
    if action == "DELETE":
        return kms.request("DELETE", f"keys/{key}")
    path = action if action == "restore" else f"actions/{action}"
    return kms.request("POST", f"keys/{key}/{path}", {"ciphertext": ciphertext} if "wrap" in action else {})


@pytest.mark.parametrize("state", STATES)
def test_each_state_allows_what_it_should(kms: Kms, state: str) -> None:
    """Every action in every state is allowed or refused as the table says; a refusal changes nothing."""
    for action, states in ALLOWED.items():
        key = kms.root_key()
        ciphertext, _ = kms.lock(key)
        for step in STATES[state]:
            assert act(kms, key, step).ok
        before = kms.get(f"keys/{key}/metadata")
        assert before["state"] == state
        reply = act(kms, key, action, "" if action == "wrap" else ciphertext)
        if state in states:
            assert reply.ok, (action, reply)
        else:
            refused(reply, 409, "KEY_STATE")
            assert kms.get(f"keys/{key}/metadata") == before


@pytest.mark.parametrize("steps", [(), ("disable",), ("deactivate",)])
def test_a_restored_key_takes_up_its_state_and_opens_its_ciphertexts(
    kms: Kms, steps: tuple[str, ...]
) -> None:
    """Destroying and restoring is no way around a suspension, and loses no version."""
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    for step in steps:
        act(kms, key, step)
    before = kms.get(f"keys/{key}/metadata")
    act(kms, key, "DELETE")
    assert act(kms, key, "restore").body == before
    if steps == ("disable",):
        act(kms, key, "enable")
    assert kms.unlock(key, ciphertext) == plaintext


def test_restore_ends_after_thirty_days(kms: Kms) -> None:
    """A key destroyed longer ago than 30 days stays destroyed."""
    key = kms.root_key()
    act(kms, key, "DELETE")
    with closing(sqlite3.connect(kms.store)) as database, database:
        database.execute("UPDATE keys SET destroyed = destroyed - ? WHERE id = ?", (RESTORE_SECONDS + 1, key))
    assert "30 days" in refused(act(kms, key, "restore"), 409, "KEY_STATE")


def test_listing_pages_and_filters(kms: Kms) -> None:
    """Pages together hold every key once; a filter shows the states named, the total counts them."""
    for _ in range(3):
        kms.root_key()
    act(kms, kms.root_key(), "DELETE")
    total = kms.get("keys")["metadata"]["total"]
    pages = [kms.get(f"keys?limit=2&offset={offset}")["resources"] for offset in range(0, total, 2)]
    ids = [key["id"] for page in pages for key in page]
    assert (len(ids), len(set(ids))) == (total, total)
    gone = kms.get("keys?state=destroyed")
    assert {key["state"] for key in gone["resources"]} == {"destroyed"}
    assert (
        gone["metadata"]["total"] + kms.get("keys?state=active,suspended,deactivated")["metadata"]["total"]
        == total
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "keys", {}),
        ("POST", "keys", {"name": "", "type": "root_key"}),
        ("POST", "keys", {"name": "x" * 91, "type": "root_key"}),
        ("POST", "keys", {"name": "x", "type": "car_key"}),
        ("POST", "keys", {"name": "x", "type": ["root_key"]}),
        ("POST", "keys", {"name": "x", "type": "root_key", "payload": "AAAA"}),
        ("POST", "keys", {"name": "x", "type": "root_key", "payload": "no base64"}),
        ("POST", "keys", {"name": "\ud800", "type": "root_key"}),
        ("GET", "keys?limit=x", None),
        ("GET", "keys?limit=" + "9" * 5000, None),
        ("GET", "keys?limit=5001", None),
        ("GET", "keys?state=lost", None),
        ("GET", "rotation/rewrap?wait=-1", None),
        ("GET", "rotation/rewrap?wait=nan", None),
        ("GET", "rotation/rewrap?wait=soon", None),
        ("POST", "rotation/rewrap?wait=soon", {}),
    ],
)
def test_malformed_requests_are_named_and_change_nothing(
    kms: Kms, method: str, path: str, body: dict[str, object] | None
) -> None:
    """A value that does not fit is refused with its name, and no row appears."""
    before = kms.rows()
    refused(kms.request(method, path, body), 400, "BAD_REQUEST")
    assert kms.rows() == before


@pytest.mark.parametrize("path", ["keys/absent/metadata", "keys/absent", "nowhere"])
def test_what_is_not_there_is_not_found(kms: Kms, path: str) -> None:
    """Unknown keys and unknown requests get the same kind of JSON refusal."""
    refused(kms.request("GET", path), 404, "NOT_FOUND")
    refused(kms.request("POST", f"keys/{kms.root_key()}/actions/explode", {}), 404, "NOT_FOUND")


def test_a_body_that_is_too_deep(kms: Kms) -> None:
    """Brackets in brackets without end are no JSON object."""
    deep = b"[" * 200_000
    head = f"POST /api/v2/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {kms.token}\r\n"
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(30)
        end.connect(str(kms.socket))
        end.sendall(f"{head}Content-Length: {len(deep)}\r\n\r\n".encode() + deep)
        assert end.recv(64).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("version", ["1e999", "9" * 30, "0", "-1", "1.5", '"1"', "[" * 9000])
def test_a_ciphertext_of_no_version_is_refused(kms: Kms, version: str) -> None:
    """What is no number of a version is the caller's mistake, however large."""
    ciphertext = base64.b64encode(f'{{"v": {version}, "blob": "AAAA"}}'.encode()).decode()
    reply = kms.request("POST", f"keys/{kms.root_key()}/actions/unwrap", {"ciphertext": ciphertext})
    assert "not one that this service has made" in refused(reply, 400, "BAD_REQUEST")


def test_a_ciphertext_of_an_unknown_version_is_refused(kms: Kms) -> None:
    """A version that the key never had is the caller's mistake."""
    ciphertext = base64.b64encode(b'{"v": 9, "blob": "AAAA"}').decode()
    reply = kms.request("POST", f"keys/{kms.root_key()}/actions/unwrap", {"ciphertext": ciphertext})
    assert "no version 9" in refused(reply, 400, "BAD_REQUEST")


def test_requests_side_by_side_do_not_mix(kms: Kms) -> None:
    """Concurrent callers get their own data keys back; versions made at once get different numbers."""
    key = kms.root_key()
    with ThreadPoolExecutor(8) as pool:
        locked = list(pool.map(lambda _: kms.lock(key), range(16)))
        list(pool.map(lambda _: kms.post(f"keys/{key}/actions/rotate"), range(4)))
        opened = list(pool.map(lambda pair: kms.unlock(key, pair[0]), locked))
    assert opened == [plain for _, plain in locked]
    assert kms.get(f"keys/{key}/metadata")["versions"] == [1, 2, 3, 4, 5]


def test_no_key_byte_stands_in_the_store(kms: Kms) -> None:
    """Imported material and data keys are in no file of the service in clear."""
    kms.post("keys", {"name": "standard", "type": "standard_key", "payload": PAYLOAD})
    _, plaintext = kms.lock(kms.root_key())
    for path in (path for path in kms.folder.iterdir() if path.is_file()):
        content = path.read_bytes()
        assert base64.b64decode(PAYLOAD) not in content
        assert base64.b64decode(plaintext) not in content
        assert plaintext.encode() not in content


def test_a_silent_unit_is_named_and_costs_no_crash(make_kms: MakeKms, units: Units) -> None:
    """A killed unit gives 503 with its number; started again, it serves without a restart of the service."""
    kms = make_kms()
    key = kms.root_key()
    ciphertext, plaintext = kms.lock(key)
    unit = units.all[0]
    unit.kill()
    reply = kms.request("POST", f"keys/{key}/actions/unwrap", {"ciphertext": ciphertext})
    assert "crypto unit 1 is not available" in refused(reply, 503, "UNIT_UNAVAILABLE")
    refused(kms.request("POST", "keys", {"name": "x", "type": "root_key"}), 503, "UNIT_UNAVAILABLE")
    unit.start()
    assert kms.unlock(key, ciphertext) == plaintext
