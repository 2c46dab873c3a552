"""The ledger of the ansible-vault profile: makes the files, and says what opens them.

usage: ansible_keys.py make | check | rekey | restore
runs in the folder of the files, with ANSIBLE_VAULT and LEDGER in its environment
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from ansible.parsing.vault import AnsibleVaultError, VaultLib, VaultSecret

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
    made = _vault("encrypt", "--vault-password-file", str(LEDGER / "old"), *FILES)
    for name in FILES:
        shutil.copy(name, LEDGER / f"{name}.backup")
    return made.returncode


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
    expected = (LEDGER / f"{name}.plain").read_bytes()
    for password in ("new", "old"):
        vault = VaultLib([("default", VaultSecret((LEDGER / password).read_bytes()))])
        try:
            if vault.decrypt(Path(name).read_bytes()) == expected:
                return password
        except (OSError, AnsibleVaultError):
            continue
    return "gone"


def rekey() -> int:
    """Rekey each file that the old password opens; what the operator would do in a shell loop."""
    code = 0
    for name in FILES:
        if _state(name) != "new":
            passwords = ("--vault-password-file", LEDGER / "old", "--new-vault-password-file", LEDGER / "new")
            done = _vault("rekey", *map(str, passwords), name)
            print(done.stdout + done.stderr, end="")
            code = code or done.returncode
    return code


def restore() -> int:
    """Put the backup of each file in place that no password opens, then rekey."""
    for name in FILES:
        if _state(name) == "gone":
            shutil.copy(LEDGER / f"{name}.backup", name)
    return rekey()


def _vault(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run((VAULT, *words), capture_output=True, text=True, check=False, timeout=60)


if __name__ == "__main__":
    sys.exit({"make": make, "check": check, "rekey": rekey, "restore": restore}[sys.argv[1]]())
