"""The ledger of the ansible-vault profile: makes the files, and says what opens them.

usage: ansible_keys.py make | check | rekey    in the folder of the files, with ANSIBLE_VAULT and LEDGER
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

VAULT = os.environ["ANSIBLE_VAULT"]
LEDGER = Path(os.environ["LEDGER"])
FILES = ("app.yml", "db.yml", "tls.yml")


def make() -> int:
    """Encrypt files with random content under the old password."""
    for password in ("old", "new"):
        (LEDGER / password).write_text(secrets.token_hex(16))
    for name in FILES:
        content = f"key: {secrets.token_hex(24)}\n"
        (LEDGER / f"{name}.plain").write_text(content)
        Path(name).write_text(content)
    return _vault("encrypt", "--vault-password-file", str(LEDGER / "old"), *FILES).returncode


def check() -> int:
    """Print which password opens each file to what it was made of, and what lies there in clear."""
    keys = {name: _state(name) for name in FILES}
    plain = [(LEDGER / f"{name}.plain").read_bytes().strip() for name in FILES]
    problems = [
        f"{path} holds a secret in clear"
        for path in sorted(Path().rglob("*"))
        if path.is_file() and any(content in path.read_bytes() for content in plain)
    ]
    print(json.dumps({"keys": keys, "problems": problems}))
    return 0


def _state(name: str) -> str:
    expected = (LEDGER / f"{name}.plain").read_text()
    for password in ("new", "old"):
        shown = _vault("view", "--vault-password-file", str(LEDGER / password), name)
        if shown.returncode == 0 and shown.stdout == expected:
            return password
    return "gone"


def rekey() -> int:
    """Rekey each file that the old password opens; what the operator would do in a shell loop."""
    code = 0
    for name in FILES:
        if _vault("view", "--vault-password-file", str(LEDGER / "new"), name).returncode:
            passwords = ("--vault-password-file", LEDGER / "old", "--new-vault-password-file", LEDGER / "new")
            done = _vault("rekey", *map(str, passwords), name)
            print(done.stdout + done.stderr, end="")
            code = code or done.returncode
    return code


def _vault(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((VAULT, *words), capture_output=True, text=True, check=False, timeout=60)


if __name__ == "__main__":
    sys.exit({"make": make, "check": check, "rekey": rekey}[sys.argv[1]]())
