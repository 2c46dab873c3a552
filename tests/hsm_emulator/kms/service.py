"""Key management service of the tests: a process with a key store of its own and a client of its REST."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hsm_emulator import bearer
from hsm_emulator.kms import model
from hsm_emulator.kms.__main__ import main
from hsm_emulator.wire import unixhttp
from tests.hsm_emulator.kms.units import SECRET, Json, Process, Units, kill, poll, spawn

APIKEY = "api-key-of-the-instance-under-test"


class Kms:
    """A service with a key store of its own, as a process, and a client of its REST."""

    def __init__(
        self, folder: Path, units: Units, p11_socket: Path | None = None, **settings: object
    ) -> None:
        """``p11_socket``: of a relay before the first unit; ``settings``: changes to kms.json."""
        self.folder = folder
        self.socket = folder / "kms.sock"
        self.store = folder / "keystore.sqlite"
        self.config = folder / "kms.json"
        self.process: Process | None = None
        self.token: str | None = bearer.issue(SECRET, "test")
        (folder / "iam.secret").write_text(SECRET)
        (folder / "apikey").write_text(APIKEY)
        described = [unit.described for unit in units]
        if p11_socket:
            described[0]["p11_socket"] = str(p11_socket)
        settings = {
            "store": str(self.store),
            "socket": str(self.socket),
            "iam_secret": str(folder / "iam.secret"),
            "apikey": str(folder / "apikey"),
            "poll_seconds": 0,
            "call_seconds": 5,
            "batch": 2,
            "units": described,
            **settings,
        }
        self.config.write_text(json.dumps(settings))
        assert main(["init", "--config", str(self.config)]) == 0

    def start(self) -> None:
        """Start the service and wait until it answers."""
        self.process = spawn("hsm_emulator.kms", "serve", "--config", str(self.config))
        poll(self.get)("instance")

    def kill(self) -> None:
        """SIGKILL the service."""
        if self.process:
            kill(self.process)

    def request(self, method: str, path: str, body: Json | None = None) -> unixhttp.Reply:
        """Send a request below /api/v2 and return the reply, whatever its status."""
        return unixhttp.request(self.socket, method, f"/api/v2/{path}", body, token=self.token, seconds=30)

    def get(self, path: str) -> Json:
        """GET something that must be there."""
        reply = self.request("GET", path)
        assert reply.ok, reply
        return reply.body

    def post(self, path: str, body: Json | None = None) -> Json:
        """POST something that must be accepted."""
        reply = self.request("POST", path, body or {})
        assert reply.ok, reply
        return reply.body

    def root_key(self, name: str = "root") -> str:
        """Make a root key and return its id."""
        return str(self.post("keys", {"name": name, "type": "root_key"})["id"])

    def lock(self, key: str) -> tuple[str, str]:
        """Wrap a new data key; return ciphertext and plaintext."""
        reply = self.post(f"keys/{key}/actions/wrap")
        return reply["ciphertext"], reply["plaintext"]

    def unlock(self, key: str, ciphertext: str) -> str:
        """Return the plaintext of a ciphertext."""
        return str(self.post(f"keys/{key}/actions/unwrap", {"ciphertext": ciphertext})["plaintext"])

    def rewrap(self) -> Json:
        """Request a rewrap and return the job after it has ended."""
        self.post("rotation/rewrap")
        job: Json = self.get("rotation/rewrap?wait=30")["job"]
        return job

    def rows(self) -> list[model.Row]:
        """Read all rows from the file, as the bench does."""
        with closing(sqlite3.connect(self.store)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(
                "SELECT key_id, version, mk_id, blob, staged_mk_id, staged_blob FROM versions ORDER BY made"
            )
            return [model.Row(**row) for row in found]

    def purge(self, key: str) -> None:
        """Delete a key with its rows behind the service's back."""
        with closing(sqlite3.connect(self.store)) as database, database:
            database.execute("DELETE FROM versions WHERE key_id = ?", (key,))
            database.execute("DELETE FROM keys WHERE id = ?", (key,))

    def master_keys(self) -> set[str]:
        """The master-key ids of all rows, in hex."""
        return {row.mk_id.hex() for row in self.rows()}


MakeKms = Callable[..., Kms]
