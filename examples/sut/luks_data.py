"""The ledger of the reencryption profile: fills a LUKS2 volume, and says what its data can still be read by.

usage: luks_data.py make | check | look | where | new-header    in the folder of the volume, with LEDGER

The volume is read and written without the kernel: AES-XTS by sectors of 512 bytes, from the volume key that
the passphrase opens. Each MiB of data counts as a key of its own.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LEDGER = Path(os.environ["LEDGER"])
PASSPHRASE = ("--key-file", str(LEDGER / "passphrase"))
SECTOR = 512
CHUNK = 2**20
CHUNKS = 2
HEADER = 16 * 2**20
UNDER_WAY, ALL_WRITTEN = "reencryption under way", "every segment is written anew"


def make() -> int:
    """Format a file, and fill it with data whose hashes the ledger keeps."""
    (LEDGER / "passphrase").write_text(secrets.token_hex(16))
    with Path("volume").open("wb") as volume:
        volume.truncate(HEADER + CHUNKS * CHUNK)
    fast = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--sector-size", str(SECTOR))
    made = _cryptsetup("luksFormat", "--type", "luks2", "--batch-mode", *fast, *PASSPHRASE, "volume")
    key = _volume_key()
    (LEDGER / "volume-key").write_text(hashlib.sha256(key).hexdigest())
    data = secrets.token_bytes(CHUNKS * CHUNK)
    (LEDGER / "chunks").write_text(json.dumps(_hashes(data)))
    with Path("volume").open("r+b") as volume:
        volume.seek(HEADER)
        volume.write(_crypt(data, key, seal=True))
    return made.returncode


def check() -> int:
    """Print by which volume key each chunk is read; ``both`` while a reencryption is under way.

    To be read as a whole a copy is resumed, but not where all is written anew: that would destroy it.
    """
    under_way = _progress()
    if under_way == UNDER_WAY:
        _cryptsetup("repair", "--batch-mode", *PASSPHRASE, "volume")
        _cryptsetup(
            "reencrypt", "--resume-only", "--batch-mode", "--force-offline-reencrypt", *PASSPHRASE, "volume"
        )
    key = _volume_key()
    readable = "old" if hashlib.sha256(key).hexdigest() == (LEDGER / "volume-key").read_text() else "new"
    state = "both" if under_way else readable
    expected = json.loads((LEDGER / "chunks").read_text())
    data = Path("volume").read_bytes()[HEADER:]
    seen = _hashes(_crypt(data, key, seal=False)) if key else [""] * CHUNKS
    pairs = enumerate(zip(seen, expected, strict=True))
    print(
        json.dumps({"keys": {f"chunk-{at}": state if one == other else "gone" for at, (one, other) in pairs}})
    )
    return 0


def look() -> int:
    """Tell whether the volume key is another one than before."""
    before = hashlib.sha256(_volume_key()).hexdigest() == (LEDGER / "volume-key").read_text()
    print("volume key of before" if before else "another volume key")
    return 0


def where() -> int:
    """Tell from the header alone how far a reencryption is."""
    print(_progress() or "no reencryption under way")
    return 0


def _progress() -> str:
    """Return how far a reencryption is, nothing where none is."""
    header = json.loads(_cryptsetup("luksDump", "--dump-json-metadata", "volume").stdout)
    if not header["config"].get("requirements"):
        return ""
    flags = {name: segment.get("flags", []) for name, segment in header["segments"].items()}
    data = [name for name in flags if not any(flag.startswith("backup") for flag in flags[name])]
    (final,) = (name for name in flags if "backup-final" in flags[name])
    (digest,) = (one["segments"] for one in header["digests"].values() if final in one["segments"])
    done = all(name in digest and "in-reencryption" not in flags[name] for name in data)
    return ALL_WRITTEN if done else UNDER_WAY


def new_header() -> int:
    """Make a header for data that is written anew to its end: same volume key, passphrase and place."""
    uuid = _cryptsetup("luksUUID", "volume").stdout.strip()
    fast = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--sector-size", str(SECTOR))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key"
        file.write_bytes(_volume_key())
        place = ("--offset", str(HEADER // 512), "--uuid", uuid, "--volume-key-file", str(file))
        made = _cryptsetup(
            "luksFormat", "--type", "luks2", "--batch-mode", *fast, *place, *PASSPHRASE, "volume"
        )
    print(made.stdout + made.stderr, end="")
    return made.returncode


def _crypt(data: bytes, key: bytes, *, seal: bool) -> bytes:
    """Encrypt or decrypt all sectors: AES-XTS with the number of the sector (plain64)."""
    sectors = []
    for number in range(len(data) // SECTOR):
        cipher = Cipher(algorithms.AES(key), modes.XTS(number.to_bytes(16, "little")))
        context = cipher.encryptor() if seal else cipher.decryptor()
        sectors.append(context.update(data[number * SECTOR : (number + 1) * SECTOR]))
    return b"".join(sectors)


def _hashes(data: bytes) -> list[str]:
    return [hashlib.sha256(data[at : at + CHUNK]).hexdigest() for at in range(0, len(data), CHUNK)]


def _volume_key() -> bytes:
    """Return the volume key, empty where the passphrase does not open it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key"
        out = ("--dump-volume-key", "--volume-key-file", str(file))
        _cryptsetup("luksDump", "--batch-mode", *PASSPHRASE, *out, "volume")
        return file.read_bytes() if file.exists() else b""


def _cryptsetup(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(("cryptsetup", *words), capture_output=True, text=True, check=False, timeout=60)


if __name__ == "__main__":
    tasks = {"make": make, "check": check, "look": look, "where": where, "new-header": new_header}
    sys.exit(tasks[sys.argv[1]]())
