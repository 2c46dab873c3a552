"""Module profiles: what can be said in one, and how a wrong one is refused."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from hil.targets.hpcs.rig.modules import form
from hil.targets.hpcs.rig.modules.profile import BadModule, ModuleProfile, read

if TYPE_CHECKING:
    from tests.hil.targets.hpcs.rig.modules.conftest import Written

ROOT = Path(__file__).resolve().parents[6]
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
        ("module = ", "1: no TOML: Invalid value"),
        (MADE, "1: the key 'module' is missing: the table [module], with name and library"),
        (MODULE, "1: the key 'token' is missing: the table [token], with make or copy"),
        (MODULE.replace(LIBRARY, "/nowhere.so") + MADE, "3: module.library: /nowhere.so does not exist"),
        (MODULE.replace(LIBRARY, "softhsm.so") + MADE, "3: module.library: it has to be an absolute path"),
        (MODULE.replace("name =", "names =") + MADE, "2: module.names: unknown key, did you mean 'name'?"),
        ('[module]\nname = "one"\n' + MADE, "1: module: the key 'library' is missing"),
        (MODULE + MADE + "[tokens]\n", "6: tokens: unknown key, did you mean 'token'?"),
        (MODULE + "[token]\n", "4: token: needs either make"),
        (MODULE + MADE + 'copy = "/srv"\n', "token: needs either make"),
        (MODULE + '[token]\ncopy = "/srv"\n', "5: token.copy: needs token.pin"),
        (MODULE + '[token]\nmake = ["true"]\n', "5: token.make: a text is not a list; put it in [ ]"),
        (MODULE + "[token]\nmake = []\n", "5: token.make: the list is empty"),
        (MODULE + "[token]\nmake = [[]]\n", "5: token.make: the list is empty"),
        (MODULE + '[token]\nmake = [["true", "{pin}"]]\n', "5: token.make: it holds {pin}; known are"),
        (MODULE + 'argument = "{pin_file}"\n' + MADE, "4: module.argument: it holds {pin_file}"),
        (MODULE + 'argument = "{"\n' + MADE, "4: module.argument: "),
        (MODULE + "argument = 4\n" + MADE, "4: module.argument: a number is not a text; put it in quotes"),
        (
            MODULE + "environment = { A = true }\n" + MADE,
            "4: module.environment.A: true or false is not a text",
        ),
        (MODULE + 'environment = "A=1"\n' + MADE, "4: module.environment: a text is not a table"),
        (MODULE.replace('"one"', "1979-05-27") + MADE, "2: module.name: a date is not a text"),
        (MODULE.replace('"one"', "1") + MADE, "2: module.name: a number is not a text; put it in quotes"),
        (MODULE + MADE + "label = ''\n", "6: token.label: '' is not a text"),
        (MODULE + MADE + 'pin = { stdin = "yes" }\n', "6: token.pin.stdin: unknown key, use file, variable"),
        (MODULE + MADE + "pin = {}\n", "6: token.pin: names where the PIN is"),
        (MODULE + MADE + 'pin = { file = "f", variable = "V" }\n', "6: token.pin: names where the PIN is"),
        (MODULE.replace('"one"', "“one”") + MADE, '2: typographic quote “; use " instead (no TOML: '),
    ],
)
def test_wrong(written: "Written", text: str, complaint: str) -> None:
    """A wrong profile is refused with file, line, key and what belongs there."""
    file = written(text)
    with pytest.raises(BadModule) as caught:
        read(file)
    assert any(line.startswith(f"{file}:") and complaint in line for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    "pin",
    ['"secret-5678"', "5678", '["5678"]', "{ file = 5678 }", '{ value = "5678" }'],
    ids=["text", "number", "list", "number of a file", "another key"],
)
def test_no_pin_in_a_profile(written: "Written", pin: str) -> None:
    """A PIN that stands in the profile itself is refused, and not repeated."""
    with pytest.raises(BadModule, match=r":6: token\.pin") as caught:
        read(written(MODULE + MADE + f"pin = {pin}\n"))
    assert "5678" not in str(caught.value)


def test_the_schema_of_profiles() -> None:
    """The JSON Schema of module profiles takes the example, and refuses a text where a list belongs."""
    validator = jsonschema.Draft202012Validator(form.json_schema())
    example = tomllib.loads((ROOT / "examples" / "hil-nss.toml").read_text())
    validator.validate(example)
    assert not validator.is_valid({**example, "token": {"make": "certutil -N"}})


def test_as_an_editor_of_another_system_writes_it(written: "Written") -> None:
    """A byte-order mark and CRLF leave the same profile."""
    file = written(MODULE + MADE)
    profile = read(file)
    file.write_bytes((MODULE + MADE).replace("\n", "\r\n").encode("utf-8-sig"))
    assert read(file) == profile


def test_no_file(tmp_path: Path) -> None:
    """A profile that is not there is named."""
    with pytest.raises(BadModule, match=r"nothing\.toml: No such file"):
        read(tmp_path / "nothing.toml")
