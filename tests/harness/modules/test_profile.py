"""Module profiles: what can be said in one, and how a wrong one is refused."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.modules.profile import BadModule, ModuleProfile, read

if TYPE_CHECKING:
    from tests.harness.modules.conftest import Written

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
MODULE = f'[module]\nname = "one"\nlibrary = "{LIBRARY}"\n'
MADE = '[token]\nmake = [["true", "{pin_file}"]]\n'


def test_whole(written: "Written") -> None:
    """Every entry of a profile arrives."""
    text = (
        MODULE + 'argument = "folder={tokens}"\nenvironment = { CONF = "{tokens}/conf" }\n'
        '[token]\nlabel = "hsm{number}"\ncopy = "/srv/{number}"\npin = { variable = "PIN" }\n'
    )
    assert read(written(text)) == ModuleProfile(
        name="one",
        library=Path(LIBRARY),
        argument="folder={tokens}",
        environment={"CONF": "{tokens}/conf"},
        label="hsm{number}",
        copy="/srv/{number}",
        pin_variable="PIN",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("module = ", "is no TOML"),
        (MADE, "there is no table [module]"),
        (MODULE, "there is no table [token]"),
        (MODULE.replace(LIBRARY, "/nowhere.so") + MADE, "module.library: /nowhere.so does not exist"),
        (MODULE.replace(LIBRARY, "softhsm.so") + MADE, "module.library has to be an absolute path"),
        (MODULE.replace("name", "names") + MADE, "[module] knows no names"),
        ('[module]\nname = "one"\n' + MADE, "[module] needs library"),
        (MODULE + MADE + "[tokens]\n", "the profile knows no tokens"),
        (MODULE + "[token]\n", "[token] needs either make"),
        (MODULE + MADE + 'copy = "/srv"\n', "[token] needs either make"),
        (MODULE + '[token]\ncopy = "/srv"\n', "token.copy needs token.pin"),
        (MODULE + '[token]\nmake = ["true"]\n', "token.make has to be a list of commands"),
        (MODULE + '[token]\nmake = [["true", "{pin}"]]\n', "token.make holds {pin}"),
        (MODULE + 'argument = "{pin_file}"\n' + MADE, "module.argument holds {pin_file}"),
        (MODULE + 'argument = "{"\n' + MADE, "module.argument: "),
        (MODULE + MADE + 'pin = { stdin = "yes" }\n', "token.pin names where the PIN is"),
    ],
)
def test_wrong(written: "Written", text: str, complaint: str) -> None:
    """A wrong profile is refused with the entry and what belongs there."""
    with pytest.raises(BadModule) as caught:
        read(written(text))
    assert complaint in str(caught.value)
    assert "hil.toml" in str(caught.value)


def test_no_pin_in_a_profile(written: "Written") -> None:
    """A PIN that stands in the profile itself is refused, and not repeated."""
    with pytest.raises(BadModule, match="the PIN itself never stands in a profile") as caught:
        read(written(MODULE + MADE + 'pin = "secret-5678"\n'))
    assert "5678" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """A profile that is not there is named."""
    with pytest.raises(BadModule, match=r"nothing\.toml: No such file"):
        read(tmp_path / "nothing.toml")
