"""The preflight of real modules."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.targets.hpcs.rig.modules.preflight import missing, suited
from hil.targets.hpcs.rig.modules.profile import BadModule, read

if TYPE_CHECKING:
    from tests.hil.targets.hpcs.rig.modules.conftest import Written

SOFTHSM = """
[module]
name = "SoftHSM by a profile"
library = "/usr/lib/softhsm/libsofthsm2.so"
environment = { SOFTHSM2_CONF = "{config}/softhsm2.conf" }
files = { "softhsm2.conf" = "directories.tokendir = {tokens}\\n" }
[token]
make = [
    ["sh", "-c", "softhsm2-util --init-token --free --label {label} --so-pin 5678 --pin $(cat {pin_file})"],
]
"""


def test_nss(nss: Path) -> None:
    """NSS softokn has all that a crypto unit needs."""
    assert missing(read(nss)) == []


def test_softhsm(written: "Written") -> None:
    """A module that takes no argument is put there by its environment and its own tools."""
    assert missing(read(written(SOFTHSM))) == []


def test_a_token_that_is_bound_to_its_folder(written: "Written") -> None:
    """What passes the trial can be copied: a file with the path of the token is named."""
    bound = SOFTHSM.replace("{config}", "{tokens}").replace("files =", "# files =")
    writes = '["sh", "-c", "echo directories.tokendir = {tokens} >{tokens}/softhsm2.conf"],'
    (line,) = missing(read(written(bound.replace("make = [", f"make = [{writes}"))))
    assert line.startswith("in another folder, TokenError: the token cannot be opened: ")
    assert "tokens/softhsm2.conf holds the path that the token was made in; " in line


def test_a_pin_of_a_command_is_not_shown(written: "Written") -> None:
    """What the makers of a token print is in the line, the PIN is not."""
    speaks = "echo unfit $(cat {pin_file}) >&2; echo slot 3; exit 4; softhsm2-util"
    (line,) = missing(read(written(SOFTHSM.replace("softhsm2-util", speaks))))
    assert line == "TokenError: no token: sh ended with exit code 4: unfit (PIN); slot 3"


def test_opencryptoki(opencryptoki: Path) -> None:
    """A module without AES_KEY_WRAP is refused, with that reason and every other, a line each."""
    with pytest.raises(BadModule) as caught:
        suited(read(opencryptoki))
    assert str(caught.value).splitlines()[1:4] == [
        "  no CKM_AES_KEY_WRAP, needed for rewrap of the key store, master keys from unit to unit",
        "  no CKM_EC_KEY_PAIR_GEN, needed for importer keys, on the curve P-521",
        "  no CKM_ECDH1_DERIVE, needed for wrapping keys from importer keys",
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("/usr/lib/softhsm/libsofthsm2.so", "/etc/passwd", "TokenError: the token cannot be opened: "),
        (
            "softhsm2-util --init-token",
            "exit 3; softhsm2-util",
            "TokenError: no token: sh ended with exit code 3",
        ),
        ("--label {label}", "--label other", "TokenError: the token cannot be opened: NoSuchToken"),
        ("--pin $(cat {pin_file})", "--pin 123456", "TokenError: the token cannot be opened: PinIncorrect"),
    ],
)
def test_no_token(written: "Written", old: str, new: str, complaint: str) -> None:
    """What does not work is said in one line: the library, the making of a token, its label, its PIN."""
    (line,) = missing(read(written(SOFTHSM.replace(old, new))))
    assert complaint in line
