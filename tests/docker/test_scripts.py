"""The scripts of docker/: they do nothing where nothing is to do, and say in one line what is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hil.targets.hpcs.rig.units import image

CHECKOUT = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]
NO_ENGINE = (
    r"missing system packages .*: docker\.io; install them"
    if os.geteuid() == 0
    else "run this first: sudo docker/engine.sh start"
)


def script(*argv: str, path: Path | None = None) -> Done:
    """Run a script of docker/, where ``path`` is given with nothing but that folder on PATH."""
    environment = {"PATH": str(path)} if path else None
    name, *arguments = argv
    command = ["/bin/bash", str(CHECKOUT / "docker" / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH of a machine without Docker, SoftHSM or apt."""
    for tool in ("bash", "dirname", "id", "timeout"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("packages.sh", "softhsm2", "strace"), "missing system packages .*: softhsm2 strace; install them"),
        (("engine.sh", "start"), NO_ENGINE),
        (("image.sh",), "no Docker engine answers; run this first: make engine"),
    ],
)
def test_missing_things_are_one_line(bare_path: Path, argv: tuple[str, ...], expected: str) -> None:
    """Where something cannot be installed, one line on stderr names it and says what to do; exit code 1."""
    done = script(*argv, path=bare_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(expected, done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_command_runs_without_an_engine(bare_path: Path) -> None:
    """Where no engine can be had, the command that wanted one runs all the same, with its exit code."""
    done = script("engine.sh", "during", "/bin/sh", "-c", "echo ran; exit 3", path=bare_path)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert done.stderr.splitlines()[-1] == "going on without an engine: what needs one is skipped"


def test_half_a_base_image_is_not_imported(bare_path: Path, tmp_path: Path) -> None:
    """Where Debian's packages cannot be fetched, no image gets the name of the base, and one line says so."""
    for tool in ("cut", "mkdir", "rm", "sha256sum"):
        (bare_path / tool).symlink_to(f"/usr/bin/{tool}")
    for name, text in {"docker": f'echo "$*" >>{tmp_path}/asked', "mmdebstrap": "echo half >&2"}.items():
        (bare_path / name).write_text(f"#!/bin/bash\n{text}\nexit 1\n")
        (bare_path / name).chmod(0o755)
    shutil.copytree(CHECKOUT / "docker", tmp_path / "checkout" / "docker")
    command = ["/bin/bash", str(tmp_path / "checkout" / "docker" / "base.sh")]
    done = subprocess.run(
        command, env={"PATH": str(bare_path)}, capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("cannot make the base image ")
    asked = [line.split()[0] for line in (tmp_path / "asked").read_text().splitlines()]
    assert asked == ["image", "pull"]


@pytest.mark.parametrize("argv", [("engine.sh",), ("engine.sh", "dance"), ("backend.sh", "cloud")])
def test_bad_usage_is_64(argv: tuple[str, ...]) -> None:
    """An unknown word is refused with the known ones, exit code 64."""
    done = script(*argv)
    assert done.returncode == 64
    assert re.search("start|stop|status", done.stderr) or "auto, process, docker" in done.stderr


def test_installed_packages_are_left_alone() -> None:
    """With everything there, packages.sh prints nothing and succeeds."""
    done = script("packages.sh", "softhsm2", "p11-kit", "strace", "opensc")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_make_alone_lists_every_target() -> None:
    """`make` changes nothing and names each target with what it does."""
    makefile = (CHECKOUT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split()
    listed = subprocess.check_output(["make", "-C", CHECKOUT, "--no-print-directory"], text=True, timeout=30)
    assert re.findall(r"^  make (\S+) +\S", listed, re.MULTILINE) == phony


@pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 error")])
def test_docker_test_without_engine(required: str, outcome: str) -> None:
    """Without an engine a docker test is skipped; where HIL_REQUIRE_DOCKER=1 it is an error instead."""
    test = f"{__file__}::test_engine_that_answers_is_left_alone"
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere.sock", "HIL_REQUIRE_DOCKER": required}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert outcome in done.stdout.splitlines()[-1]
    assert (done.returncode == 0) is (required == "0")


@pytest.mark.docker
def test_engine_that_answers_is_left_alone() -> None:
    """Where an engine answers, start does nothing, whoever started it."""
    assert script("engine.sh", "status").returncode == 0
    done = script("engine.sh", "start")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.docker
def test_image_is_built_once(image: str) -> None:
    """Asking again prints the same name and builds nothing."""
    done = script("image.sh")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, image, "")


def test_image_lock_is_a_subset_of_the_project_lock() -> None:
    """The firmware in an image has the same package versions, by the same hashes, as the one in the venv."""
    project = _entries(CHECKOUT / "requirements.lock")
    inside = _entries(CHECKOUT / "docker" / "requirements.lock")
    assert "python-pkcs11" in inside
    assert inside.items() <= project.items()


def test_locks_name_no_index() -> None:
    """Where packages come from is the machine's business."""
    for lock in ("requirements.lock", "docker/requirements.lock"):
        assert "://" not in (CHECKOUT / lock).read_text()


def test_name_printed_for_the_script_is_the_one_the_bench_uses() -> None:
    """`python -m hil.targets.hpcs.rig.units.image` and hil.targets.hpcs.rig.units.image.name agree."""
    done = subprocess.run(
        [sys.executable, "-m", "hil.targets.hpcs.rig.units.image"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == image.name()


def _entries(lock: Path) -> dict[str, str]:
    """Map names to version and hashes; markers may differ, as each lock is resolved for itself."""
    entries = re.split(r"\n(?=\S)", lock.read_text())
    split = {name: rest for name, _, rest in (entry.partition("==") for entry in entries)}
    return {
        name: " ".join([rest.split()[0], *re.findall(r"sha256:\S+", rest)]) for name, rest in split.items()
    }
