"""Commands about administrators, thresholds, registers and key files, on real processes."""

from typing import TYPE_CHECKING

from hsm_emulator.bearer import UNAUTHORIZED

if TYPE_CHECKING:
    from tests.hsm_emulator.tke.rig import Rig

PASSWORD = "correct horse"
YES = ("Answer [y/N]:", "y")
ADMIN1 = ("admin1 (", PASSWORD)
ADMIN2 = ("admin2 (", PASSWORD)


def test_initialisation_by_hand(rig: "Rig") -> None:
    """A zeroized unit is brought back by hand, from the first administrator to set immediate."""
    rig.select(3)
    rig.done("cryptounit-zeroize", ("Are you sure you want to zeroize", "y"), ADMIN1)
    assert "No crypto unit administrators" in rig.done("cryptounit-admins").text
    key_file = ("administrator signature key file", PASSWORD)
    for number in ("1", "2"):
        rig.done("cryptounit-admin-add", ("KEYNUM of the administrator", number), key_file)
    new = (("new signature threshold", "2"), ("new revocation", "2"))
    ended = rig.done("cryptounit-thrhld-set", *new, ADMIN1, ADMIN2)
    assert "New signature threshold values have been set in the selected crypto units." in ended.lines
    rig.load()
    rig.commit()
    rig.done("cryptounit-mk-setimm", YES, ADMIN1)
    unit = rig.unit(3)
    assert (unit["imprint"], unit["signature_threshold"], unit["revocation_threshold"]) == (False, 2, 2)
    assert unit["registers"]["current"]["state"] == "Valid"


def test_hsm_error_has_its_layout(rig: "Rig") -> None:
    """A refusal of a unit is shown with return code, reason code, text and the number of the unit."""
    before = rig.digest()
    ended = rig.tke("cryptounit-admin-rm", ("ADMIN NUM", "2"), ADMIN1)
    assert ended.code == 1
    assert ended.lines[-6:-3] == [
        "FAILED",
        "Error reported by EP11 crypto module.",
        "Return code: 209",
    ]
    assert ended.lines[-3] == "Reason code: 66"
    assert ended.lines[-2].startswith("Error message: ")
    assert ended.lines[-1] == "Crypto unit: 1"
    assert rig.digest() == before


def test_administrator_comes_and_goes(rig: "Rig") -> None:
    """An administrator is installed in the selected units, and removed where he is."""
    rig.done("sigkey-add", ("name", "admin3"), ("a password", PASSWORD), ("Re-enter", PASSWORD))
    rig.select(1, 2)
    key = (("KEYNUM of the administrator", "3"), ("administrator signature key file", PASSWORD))
    assert "admin3" in rig.done("cryptounit-admin-add", *key, ADMIN1, ADMIN2).text
    rig.select_all()
    rig.done("cryptounit-admin-rm", ("ADMIN NUM", "3"), ADMIN1)
    assert "admin3" not in rig.done("cryptounit-admins").text


def test_clear_new_after_warning(rig: "Rig") -> None:
    """Clearing warns first, needs one signature, and leaves current registers alone."""
    before = rig.registers()
    rig.select(2)
    rig.load()
    rig.done("cryptounit-mk-clrnew", ("Key storage that is already rewrapped", "y"), ADMIN1)
    assert rig.registers() == before


def test_loading_the_current_key_again_is_refused(rig: "Rig") -> None:
    """Key parts that make the current master key cannot be loaded as the new one."""
    rig.select(2)
    rig.load()
    rig.commit()
    rig.done("cryptounit-mk-setimm", YES, ADMIN1)
    before = rig.registers()
    passwords = (("key file 2", PASSWORD), ("key file 1", PASSWORD))
    ended = rig.tke("cryptounit-mk-load", ("2 or 3", "2 1"), ADMIN1, *passwords)
    assert ended.code == 1
    assert "Error reported by EP11 crypto module." in ended.lines
    assert rig.registers() == before


def test_key_files_come_and_go(rig: "Rig") -> None:
    """Signature keys and key parts are made after matching passwords, listed, and removed after a warning."""
    wrong = rig.tke("sigkey-add", ("name", "x"), ("a password", "one"), ("Re-enter", "two"))
    assert (wrong.code, "The two passwords differ." in wrong.text) == (1, True)
    short = rig.tke("mk-add --value", ("key part value", "abcd"))
    assert (short.code, "has 64 hex digits" in short.text) == (1, True)
    passwords = (("a password", "p"), ("Re-enter", "p"))
    made = rig.done("mk-add --value", ("key part value", "ab" * 32), ("description", "mine"), *passwords)
    assert "ab" * 16 not in made.text
    assert "random" in rig.done("mk-add --random", ("description", "random"), *passwords).text
    rig.done("mk-rm", ("KEYNUM", "2"), ("Warning!", "y"))
    assert "mine" in rig.done("mks").text
    rig.done("mk-rm", ("KEYNUM", "1"), ("Warning!", "y"))
    assert rig.done("mks").lines == ["No files containing an EP11 master key part were found."]
    rig.done("sigkey-rm", ("KEYNUM", "2"), ("Warning!", "y"))
    assert rig.done("sigkeys").lines[-1] == "KEYNUM 1 is selected as the current signature key."


def test_selection_is_added_to_and_taken_from(rig: "Rig") -> None:
    """cryptounit-rm and cryptounit-add change the selection and show it; the units keep what they hold."""
    before = rig.registers()
    removed = rig.done("cryptounit-rm", ("to remove", "1 3"))
    assert [line.split()[1] for line in removed.lines if line[:1].isdigit()][-5:] == [
        "false",
        "true",
        "false",
        "true",
        "true",
    ]
    added = rig.done("cryptounit-add", ("to add", "3"))
    assert [line.split()[1] for line in added.lines if line[:1].isdigit()][-5:] == [
        "false",
        "true",
        "true",
        "true",
        "true",
    ]
    assert "CRYPTO UNIT NUM" in rig.done("cryptounit-compare").text
    assert rig.registers() == before


def test_login_after_expiry(rig: "Rig") -> None:
    """An expired token is told with status, phrase and text; after login the same command works."""
    (rig.workstation / "token").write_text(rig.token(-1))
    ended = rig.tke("cryptounits")
    assert ended.lines == [
        "FAILED",
        "Error querying service instances.",
        "Status code: 401",
        "Message: Unauthorized",
        UNAUTHORIZED,
    ]
    rig.done("login")
    rig.done("cryptounits")


def test_login_with_a_wrong_key(rig: "Rig") -> None:
    """A wrong API key gets no token and leaves the old one; it is not repeated on the screen."""
    (rig.workstation / "apikey").write_text("not-the-key")
    before = rig.digest()
    ended = rig.tke("login")
    assert ended.code == 1
    assert "Error requesting an access token." in ended.lines
    assert "not-the-key" not in ended.text
    assert rig.digest() == before


def test_auto_init_refuses_units_in_use(rig: "Rig") -> None:
    """Initialisation of units that have left imprint mode is refused before any question."""
    before = rig.digest()
    ended = rig.tke("auto-init")
    assert ended.code == 1
    assert "Crypto units 1, 2, 3, 4, 5 are not in imprint mode" in ended.text
    assert rig.digest() == before
