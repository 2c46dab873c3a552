"""The command line and the configuration: bad input is one clear line, exit code 64, and changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from hsm_emulator.kms import config
from hsm_emulator.kms.__main__ import main
from hsm_emulator.kms.policy import STAGED


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """A configuration that holds."""
    unit = {
        "number": 1,
        "admin_socket": str(tmp_path / "admin.sock"),
        "p11_socket": str(tmp_path / "p11.sock"),
        "pin": str(tmp_path / "pin"),
        "token": "unit1",
    }
    paths = {name: str(tmp_path / name) for name in ("store", "socket", "iam_secret", "apikey")}
    return {**paths, "units": [{**unit, "number": 2}, unit]}


def write(folder: Path, value: object) -> str:
    """Write a configuration file and return its path."""
    path = folder / "kms.json"
    path.write_text(json.dumps(value))
    return str(path)


def test_defaults_and_order_of_units(tmp_path: Path, settings: dict[str, Any]) -> None:
    """What is not said has a default, and units are taken by number."""
    read = config.read(Path(write(tmp_path, {**settings, "policy": "staged"})))
    assert [unit.number for unit in read.units] == [1, 2]
    assert (read.poll_seconds, read.batch, read.policy) == (5.0, 16, STAGED)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"units": []}, "at least one operational crypto unit"),
        ({"batch": 0}, "at least one row"),
        ({"connections": 0}, "one connection"),
        ({"policy": "magic"}, "magic"),
        ({"units": [{"number": 1}]}, "admin_socket"),
        ({"batch": "many"}, "many"),
    ],
)
def test_bad_configuration_is_one_line(
    tmp_path: Path,
    settings: dict[str, Any],
    change: dict[str, Any],
    part: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A value that does not fit is named on one line of stderr, exit code 64, and no store is made."""
    assert main(["init", "--config", write(tmp_path, {**settings, **change})]) == 64
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kms.json"]


def test_init_refuses_to_replace_a_store(
    tmp_path: Path, settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second init leaves the key store as it is."""
    path = write(tmp_path, settings)
    assert main(["init", "--config", path]) == 0
    before = Path(settings["store"]).read_bytes()
    assert main(["init", "--config", path]) == 64
    assert "exists already" in capsys.readouterr().err
    assert Path(settings["store"]).read_bytes() == before


def test_serve_without_a_store_says_to_init(
    tmp_path: Path, settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Serving an absent key store is refused and makes none."""
    assert main(["serve", "--config", write(tmp_path, settings)]) == 64
    assert "make a key store with init first" in capsys.readouterr().err
    assert not Path(settings["store"]).exists()


@pytest.mark.parametrize(
    "arguments", [[], ["serve"], ["fly", "--config", "x"], ["serve", "--config", "/absent"]]
)
def test_usage_is_exit_code_64(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that do not fit end with 64 and one line."""
    try:
        status: object = main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert status == 64
    assert capsys.readouterr().err.count("\n") == 1
