"""The ledger of the LUKS profile: makes a volume, and says which passphrase opens it to the same volume key.

usage: luks_keys.py make | check    in the folder of the volume, with LEDGER
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

LEDGER = Path(os.environ["LEDGER"])
FAST = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
SIZE = 18 * 2**20


def make() -> int:
    """Format a file under the old passphrase; the ledger gets the hash of the volume key."""
    for name in ("old", "new"):
        (LEDGER / name).write_text(secrets.token_hex(16))
    with Path("volume").open("wb") as volume:
        volume.truncate(SIZE)
    old = str(LEDGER / "old")
    made = _cryptsetup("luksFormat", "--type", "luks2", "--batch-mode", *FAST, "--key-file", old, "volume")
    (LEDGER / "volume-key").write_text(_volume_key("old"))
    return made.returncode


def check() -> int:
    """Print what opens the volume to the key that it was made with."""
    expected = (LEDGER / "volume-key").read_text()
    opens = tuple(_volume_key(name) == expected for name in ("old", "new"))
    state = {(True, True): "both", (True, False): "old", (False, True): "new"}.get(opens, "gone")
    print(json.dumps({"keys": {"volume": state}}))
    return 0


def _volume_key(passphrase: str) -> str:
    """Return the hash of the volume key, empty where the passphrase does not open it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key"
        secret = ("--key-file", str(LEDGER / passphrase))
        _cryptsetup(
            "luksDump", "--dump-volume-key", "--batch-mode", *secret, "--volume-key-file", str(file), "volume"
        )
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""


def _cryptsetup(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("cryptsetup", *words), capture_output=True, text=True, check=False, timeout=60)


if __name__ == "__main__":
    sys.exit({"make": make, "check": check}[sys.argv[1]]())
