"""What options of instances mean together."""

from pathlib import Path

import pytest

from hil.targets.hpcs.rig.modules.equipment import Equipment, Wanted, keystore
from hil.targets.hpcs.rig.modules.profile import BadModule
from hil.targets.hpcs.rig.preflight import NotReadyHere

NO_TOKEN = (
    '[module]\nname = "none"\nlibrary = "/usr/lib/softhsm/libsofthsm2.so"\n[token]\nmake = [["false"]]\n'
)


def test_nothing_wanted() -> None:
    """Processes, SoftHSM and a file is what an instance is made of where nothing else is asked for."""
    assert Wanted("process").chosen() == Equipment()
    assert str(Equipment()) == "processes"
    assert Wanted().argv == ()


@pytest.mark.postgresql
def test_all_wanted(nss: Path) -> None:
    """Everything that was asked for is chosen, told in words, and can be said again."""
    wanted = Wanted("process", "postgresql", nss)
    chosen = wanted.chosen()
    assert (chosen.image, chosen.keystore) == ("", "postgresql")
    assert chosen.module
    assert chosen.module.source == nss.read_text()
    assert str(chosen) == "processes with NSS softokn, key store in PostgreSQL"
    assert wanted.argv == ("--keystore", "postgresql", "--module-profile", str(nss), "--backend", "process")


def test_a_module_means_processes(nss: Path) -> None:
    """Containers hold SoftHSM only: with a module they are refused, and not taken where nobody asks."""
    assert Wanted("auto", module=nss).chosen().image == ""
    with pytest.raises(BadModule, match="use --backend process"):
        Wanted("docker", module=nss).chosen()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (NO_TOKEN, "cannot stand behind a crypto unit:\n  TokenError: no token: false ended"),
        ("[module]", r"hil.toml:1: the key 'token' is missing: the table \[token\]"),
        ("[", "hil.toml:1: no TOML: "),
    ],
)
def test_a_module_that_does_not_do(tmp_path: Path, text: str, complaint: str) -> None:
    """A profile is read and its module tried before anything is chosen."""
    file = tmp_path / "hil.toml"
    file.write_text(text)
    with pytest.raises(NotReadyHere, match=complaint):
        Wanted("process", module=file).chosen()


@pytest.mark.parametrize(
    "text", ["sqlite", "postgresql", "postgresql://kms@db:5433/?sslmode=require", "postgres:///"]
)
def test_a_key_store_that_can_be_named(text: str) -> None:
    """A file, a server of one's own, the URL of one that is there."""
    assert keystore(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "oracle",
        "http://db",
        "postgresql://[",
        "postgresql://a:b@db",
        "oracle://a:b@db",
        "postgresql://db?password=b",
    ],
)
def test_a_key_store_that_cannot(text: str) -> None:
    """What is no such name is refused, and so is a password, which is not repeated."""
    with pytest.raises(ValueError, match=r"neither sqlite nor|PGPASSWORD|no URL") as raised:
        keystore(text)
    assert "a:b" not in str(raised.value)
