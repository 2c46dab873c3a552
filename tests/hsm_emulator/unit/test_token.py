"""The token inside a crypto unit, in a process of its own: the library reads its configuration once."""

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hsm_emulator.unit.unit import Unit

SECOND_THREAD = """
import sys
from pathlib import Path
from threading import Thread
from hsm_emulator.unit.factory import power_on
from hsm_emulator.unit.state import Folder

firmware = power_on(Folder(Path(sys.argv[1])))

def importer():
    try:
        firmware._token.importer()
    except RuntimeError as error:
        print(error)

thread = Thread(target=importer)
thread.start()
thread.join()
print(len(firmware._token.importer().point))
"""


def python(script: str, root: "Path") -> subprocess.CompletedProcess[str]:
    """Run a script on the folder of a unit."""
    command = [sys.executable, "-c", script, str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_one_thread(new_unit: "Callable[..., Unit]") -> None:
    """A second thread is turned away before it reaches the library; the first one goes on."""
    unit = new_unit(start=False)
    ended = python(SECOND_THREAD, unit.root)
    assert ended.stdout.splitlines() == ["the token belongs to the thread that opened it", "136"], ended


def test_wrong_pin(new_unit: "Callable[..., Unit]") -> None:
    """A PIN that does not open the token is named as that error, and never quoted."""
    unit = new_unit(start=False)
    (unit.root / "pin").write_text("0123456789abcdef")
    pid = unit.zygote.start(["serve", "--dir", str(unit.root), "--sockets", str(unit.sockets)], unit.log)
    assert unit.zygote.wait(pid) == 1
    assert unit.log.read_text() == "hsm_emulator.unit: TokenError: the token cannot be opened: PinIncorrect\n"
