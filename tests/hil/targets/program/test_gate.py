"""The module in front of a PKCS#11 module, on SoftHSM."""

import subprocess
from pathlib import Path

import pytest

from hil.model.faults import When
from hil.targets.program.command import PlayFolders, watched
from hil.targets.program.form import CommandEnd
from hil.targets.program.point import ProgramPoint
from hil.targets.program.profile import ProgramProfile, load

SOURCE = Path(__file__).resolve().parents[4] / "examples" / "sut" / "p11gate.c"
CALLER = """
import ctypes, sys
gate = ctypes.CDLL(sys.argv[1])
slots = ctypes.c_ulong()
print(gate.C_Initialize(None), gate.C_GetSlotList(0, None, ctypes.byref(slots)), slots.value)
"""
PROFILE = """
name = "gate"
flow = "call"
victim = "caller"
setup = [["true"]]
check = ["true"]
rotate = "call"
[environment]
P11GATE_MODULE = "/usr/lib/softhsm/libsofthsm2.so"
P11GATE_CALLS = "{root}/pkcs11"
SOFTHSM2_CONF = "{here}/softhsm2.conf"
[commands]
call = ["{python}", "{here}/caller.py", "{here}/p11gate.so"]
[[procedures]]
name = "none"
rules = [{ ended = ["ok"] }]
"""


@pytest.fixture
def gate(tmp_path: Path, compiler: str) -> ProgramProfile:
    """Return the profile of a program that makes two calls through the gate."""
    library = str(tmp_path / "p11gate.so")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, str(SOURCE), "-ldl"], check=True, timeout=60)
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    (tmp_path / "gate.toml").write_text(PROFILE)
    return load(tmp_path / "gate.toml")


@pytest.fixture
def place(tmp_path: Path) -> PlayFolders:
    """Return folders for a command."""
    place = PlayFolders(tmp_path / "root", tmp_path / "ledger", tmp_path / "home")
    place.make()
    return place


def test_calls_are_seen_on_both_sides(gate: ProgramProfile, place: PlayFolders) -> None:
    """Every call reaches the module behind the gate, and is an event before it and after it."""
    run = watched(gate, place, "call")
    assert (run.ended, run.output.split()[:2]) == (CommandEnd.OK, ["0", "0"])
    names = ("C_Initialize", "C_GetSlotList")
    assert [call.text for call in run.calls] == [f"{name}.1-{when}" for name in names for when in When]


@pytest.mark.parametrize("when", When)
def test_a_call_is_a_crash_point(gate: ProgramProfile, place: PlayFolders, when: When) -> None:
    """The caller dies at the call that it was to die at, and makes no other one."""
    run = watched(gate, place, "call", ProgramPoint("C_Initialize", 1, when))
    assert run.ended is CommandEnd.KILLED
    assert run.struck
    assert run.calls[-1].text == f"C_Initialize.1-{when}"
    assert run.output == ""
