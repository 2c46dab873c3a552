"""What children of the bench inherit, and where their interpreters take modules from."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import inherited

ROOT = Path(__file__).resolve().parents[2]
HIL = Path(sys.executable).with_name("hil")
SECONDS = 60
STARTS = {"run", "Popen", "call", "check_call", "check_output"}
# They begin this very process again (its encoding), or another's program that is measured beside ours.
HPCS = ROOT / "harness" / "hil" / "targets" / "hpcs"
KNOWN = {
    ROOT / "harness" / "hil" / "cli" / "streams.py",
    HPCS / "tools" / "bench" / "loops.py",
    HPCS / "tools" / "bench" / "start.py",
}
# Names in people's own folders: of the standard library, of packages below the bench, and of the bench.
THEIRS = ("select", "token", "types", "socket", "click", "docker", "pkcs11", "h11", "hil", "hsm_emulator")


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the bench, and where it is."""
    for path in (ROOT / "harness").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_process_is_started_with_an_environment() -> None:
    """No place in the bench starts a process with what the caller's shell happened to carry."""
    started = 0
    for place, call in _calls():
        if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
            continue
        if call.func.value.id == "subprocess" and call.func.attr in STARTS:
            assert "env" in {word.arg for word in call.keywords}, place
            started += 1
    assert started > 15


def test_interpreters_are_started_in_one_place() -> None:
    """Only hil.inherited knows how an interpreter is started: elsewhere none is the first of words."""
    for path in (ROOT / "harness").rglob("*.py"):
        if path.name != "inherited.py":
            for node in ast.walk(ast.parse(path.read_bytes())):
                first = node.elts[:1] if isinstance(node, ast.List | ast.Tuple) else []
                assert not any(ast.unparse(one) == "sys.executable" for one in first) or path in KNOWN, path


def _theirs(folder: Path) -> None:
    """Fill a folder with modules of somebody else, which end whoever imports them."""
    for name in THEIRS:
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"raise SystemExit('{name} of somebody else')\n")
    for name in ("select", "token", "types"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} of somebody else')\n")


def test_an_interpreter_in_a_folder_of_somebody_else(tmp_path: Path) -> None:
    """It runs the emulator and the bench, and none of the modules that lie in the current folder."""
    _theirs(tmp_path)
    for module in ("hsm_emulator.tke.cli", "hsm_emulator.unit.__main__", "hil"):
        ran = subprocess.run(
            inherited.python(module, "--help"),
            env=inherited.environment(CLOUDTKEFILES=str(tmp_path)),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert "somebody else" not in ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr


ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def test_a_checkout_in_a_folder_that_ascii_cannot_spell(tmp_path: Path) -> None:
    """Its modules are found from a venv as docker/venv.sh makes it, also by who is made to use ASCII."""
    packages = Path(sysconfig.get_path("purelib"))
    checkout = tmp_path / "prüf"
    checkout.mkdir()
    for name in ("emulator", "harness"):
        (checkout / name).symlink_to(ROOT / name)
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True, timeout=SECONDS
    )
    (site,) = checkout.glob(".venv/lib/python3*/site-packages")
    (site / "others.pth").write_text(f"{packages}\n")  # without the way to this very checkout
    (site / "here.pth").write_bytes((packages / "hsm-hil-here.pth").read_bytes())
    ran = subprocess.run(
        [checkout / ".venv" / "bin" / "python", "-P", "-c", "from hil.cli import main; main(['--help'])"],
        cwd=tmp_path,
        env={**os.environ, **ASCII},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: ")


STRANGE = {
    "OPENSSL_CONF": "/nowhere/openssl.cnf",
    "SOFTHSM2_CONF": "/nowhere/softhsm2.conf",
    "P11_KIT_SERVER_ADDRESS": "unix:path=/nowhere",
    "P11_KIT_STRICT": "1",
    "PYTHONSTARTUP": "/nowhere/startup.py",
    "PYTHONINSPECT": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONWARNINGS": "error::ResourceWarning",
    "PYTHONMALLOC": "debug",
    "PYTHONUTF8": "0",
    "NOTIFY_SOCKET": "/nowhere/notify",
    "LD_PRELOAD": "",
    "HTTP_PROXY": "http://nowhere.invalid:1",
    "ALL_PROXY": "socks5://nowhere.invalid:1",
    "NO_PROXY": "localhost",
    "PGPORT": "1",
    "PGOPTIONS": "-c nowhere=1",
    "DOCKER_CONTEXT": "nowhere",
    "TKE_INSTANCE": "/nowhere/instance.json",
    "CLOUDTKEFILES": "/nowhere",
}


def test_what_is_not_listed_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child gets what the list names, what its starter gives, and nothing else of the caller's."""
    for name, value in {**STRANGE, "HSM_PIN": "1234", "LC_TIME": "C", "PGSSLMODE": "require"}.items():
        monkeypatch.setenv(name, value)
    made = inherited.environment("HSM_PIN", GIVEN="yes")
    assert not made.keys() & STRANGE.keys()
    assert made["PATH"] == os.environ["PATH"]
    assert (made["HSM_PIN"], made["LC_TIME"], made["PGSSLMODE"], made["GIVEN"]) == (
        "1234",
        "C",
        "require",
        "yes",
    )
    assert made["PYTHONSAFEPATH"] == "1"


def test_a_campaign_among_strangers(tmp_path: Path) -> None:
    """Neither the folder in which nor the environment with which ``hil`` is called reaches its processes."""
    _theirs(tmp_path)
    path = (
        tmp_path / "path"
    )  # without what an interpreter needs to begin at all, and the bench to help itself
    for name in ("docker", "pkcs11", "h11", "jwt", "click"):
        (path / name).mkdir(parents=True)
        (path / name / "__init__.py").write_text(f"raise SystemExit('{name} of PYTHONPATH')\n")
    size = ("--operational", "1", "--recovery", "1", "--keys", "8", "--jobs", "1")
    only = ("--profile", "documented", "--only", "auto/tke@message1.1-after/documented")
    ran = subprocess.run(
        [HIL, "run", "--backend", "process", *only, *size, "--out", "out"],
        cwd=tmp_path,
        env={**os.environ, **STRANGE, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    (scenario,) = json.loads((tmp_path / "out" / "campaign.json").read_text())["scenarios"]
    assert scenario["verdict"] == "RECOVERED"
