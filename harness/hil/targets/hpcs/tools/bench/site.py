"""An instance to be measured: real units, a kms without relays in front of it, and as many keys as wanted.

Its keys are standard keys that are written into the key store past the kms: made by REST one at a time,
50 000 would take minutes. Each has bytes of its own, made here and wrapped inside the unit, and every one is
read again after a rotation.
"""

import json
import os
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.oracle import reader
from hil.targets.hpcs.oracle.rows import MK_ID_BYTES, read_rows
from hil.targets.hpcs.rig import golden
from hil.targets.hpcs.rig.modules.equipment import Equipment
from hil.targets.hpcs.rig.preflight import SOFTHSM
from hil.targets.hpcs.rig.process import ready
from hil.targets.hpcs.rig.process.child import Child
from hil.targets.hpcs.rig.rest import Rest
from hil.targets.hpcs.rig.rig import Rig
from hil.targets.hpcs.rig.units.hosts import START_SECONDS, ProcessHost
from hil.targets.hpcs.rig.workplace import workplace
from hil.targets.hpcs.tools.bench import process
from hil.targets.hpcs.tools.bench.rows import store
from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.codec import EACH
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType

UNIT = 1
SHAPE = sut.Shape(operational=1, recovery=1, keys=8)
BATCH = 256
REWRAP_SECONDS = 1800.0
CHUNK = 2000
PART_BYTES = 32
_MATERIAL = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: True,
}


class Broken(Exception):
    """What is measured does not do what it should; a figure of it would be worth nothing."""


class Site:
    """One operational and one recovery unit and a kms, on files of this run in memory."""

    def __init__(self, folder: Path, equipment: Equipment) -> None:
        self.layout = equipment.layout(folder / "bench" / "files", folder / "s", folder / "module")
        self._host = ProcessHost(self.layout)
        self._rig = Rig(self.layout, SHAPE, self._host, sut.TkeTimes(call=60.0, rewrap=REWRAP_SECONDS))
        self._known: list[Known] = []
        self._parts = 2  # golden.prepare has made two key parts
        self._kms: Child | None = None

    def prepare(self) -> None:
        """Make the instance and start it without relays."""
        ledger, _ = golden.prepare(self._rig)
        self._known += ledger.rows
        self._rig.stop()
        self.layout.write_directory(SHAPE, relayed=False, unit_seconds=30.0)
        self._host.start(SHAPE.numbers)
        self.start_kms()

    def close(self) -> None:
        """End everything."""
        self.end_kms()
        self._rig.close()

    # The kms ----------------------------------------------------------------------------------------

    @property
    def kms(self) -> Child:
        """The running kms."""
        if self._kms is None:
            raise AssertionError
        return self._kms

    @property
    def kms_program(self) -> sut.Program:
        """What the kms is started as."""
        return sut.kms("serve", self.layout.kms_config, on_server=bool(self.layout.server))

    def end_kms(self) -> None:
        """End the kms, if it runs."""
        if self._kms:
            self._kms.stop()
            self._kms = None

    def start_kms(self, **settings: object) -> None:
        """Start the kms anew, with these settings of its configuration changed."""
        self.end_kms()
        config = json.loads(self.layout.kms_config.read_text())
        self.layout.kms_config.write_text(json.dumps(config | {"batch": BATCH} | settings))
        self._kms = Child("kms", self.kms_program, self.layout.logs / "kms.log")
        ready.until(lambda: ready.kms_answers(self.layout), "kms", START_SECONDS)

    def rest(self, seconds: float = REWRAP_SECONDS) -> Rest:
        """Log in."""
        return Rest.login(self.layout, seconds)

    # The unit ---------------------------------------------------------------------------------------

    @property
    def pin(self) -> str:
        """User PIN of the unit's token."""
        return (self.layout.unit(UNIT) / "pin").read_text().strip()

    @property
    def label(self) -> str:
        """Label of the unit's token."""
        return self.layout.token_label(UNIT)

    @property
    def library(self) -> str:
        """The PKCS#11 library that the unit opens its token with."""
        return sut.token_library(self.layout.unit(UNIT)) or str(SOFTHSM)

    @property
    def token_environment(self) -> dict[str, str]:
        """What that library has to find in the environment of a program that opens the token itself."""
        return sut.token_environment(self.layout.unit(UNIT), UNIT)

    @property
    def server_pid(self) -> int:
        """Process id of the unit's p11-kit server."""
        return process.listener(self.layout.p11(UNIT))

    def end_unit(self, number: int) -> None:
        """End a unit."""
        self._host.stop([number])

    def kill_unit(self) -> None:
        """SIGKILL the unit with all of its processes, prove it, and start it again."""
        self._host.kill(UNIT)
        self._host.start([UNIT])

    def register(self, name: str) -> dict[str, Any]:
        """Return a register of the unit: pattern and key id in hex."""
        register: dict[str, Any] = self.rest().unit(UNIT)["registers"][name]
        return register

    def new_master_key(self) -> None:
        """Load and commit another NEW in every unit, from key parts."""
        for _ in range(2):
            value = os.urandom(PART_BYTES).hex()
            self._tke("mk-add --value", ("Enter the key part value", value), ("Enter a description", "part"))
        self._parts += 2
        numbers = ("Enter the KEYNUM values of the master key parts", f"{self._parts - 1} {self._parts}")
        self._tke("cryptounit-mk-load", numbers)
        self._tke("cryptounit-mk-commit")

    def promote(self) -> None:
        """End the rotation as documented; whatever is still to rewrap is rewrapped first."""
        self._tke("cryptounit-mk-rotate")

    def _tke(self, command: str, *answers: tuple[str, str]) -> None:
        first = tuple((re.compile(question), answer) for question, answer in answers)
        ended = self._rig.tke(command, (*first, *sut.answers()))
        if ended.exit_code != 0:
            raise Broken(f"'tke {command}' ended with exit code {ended.exit_code}: {ended.lines[-3:]}")

    # Keys -------------------------------------------------------------------------------------------

    def fill(self, keys: int) -> None:
        """Have at least ``keys`` rows in the key store."""
        missing = keys - len(self._known)
        current = self.register("current")
        with self._session() as session:
            master = session.master_key(bytes.fromhex(current["key_id"]), bytes.fromhex(current["pattern"]))
            for start in range(0, missing, CHUNK):
                secrets = [os.urandom(32) for _ in range(min(CHUNK, missing - start))]
                known = [Known(str(uuid.uuid4()), 1, "active", secret, None) for secret in secrets]
                blobs = _wrapped(session, master, secrets)
                store(self.layout.key_store, known, bytes.fromhex(current["pattern"])[:MK_ID_BYTES], blobs)
                self._known += known

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with (
            UnitModule(self.layout.p11(UNIT), seconds=30.0) as module,
            module.open_session(self.label, self.pin) as session,
        ):
            yield session

    @property
    def rows(self) -> int:
        """How many rows the key store has."""
        return len(self._known)

    def rows_done(self) -> int:
        """How many rows are under the NEW master key."""
        new = bytes.fromhex(self.register("new")["pattern"])[:MK_ID_BYTES]
        return sum(row.mk_id == new for row in read_rows(self.layout.key_store))

    def blobs(self, count: int) -> list[bytes]:
        """Return wrapped keys of 40 bytes for others to rewrap."""
        blobs = [row.blob for row in read_rows(self.layout.key_store) if len(row.blob) == 40]
        return (blobs * (count // len(blobs) + 1))[:count]

    def check(self) -> None:
        """Read every key with CURRENT; Broken where one is lost, missing, or under another master key."""
        register = self.register("current")
        rows = {(row.key_id, row.version): row for row in read_rows(self.layout.key_store)}
        if len(rows) != len(self._known):
            raise Broken(f"{len(rows)} rows in the key store, {len(self._known)} were made")
        under = {row.mk_id for row in rows.values()}
        if under != {bytes.fromhex(register["pattern"])[:MK_ID_BYTES]}:
            raise Broken(f"rows are under {len(under)} master keys")
        for start in range(0, len(self._known), CHUNK):
            pairs = [(row, rows[row.key_id, row.version]) for row in self._known[start : start + CHUNK]]
            lost = list(reader.unreadable(self.layout, UNIT, register, pairs))
            if lost:
                raise Broken(f"{len(lost)} keys lost, such as {lost[0][1]}")


def _wrapped(session: Session, master: int, secrets: Sequence[bytes]) -> list[bytes]:
    """Return the secrets as keys wrapped with the master key."""
    keys = session.run([Call.create({**_MATERIAL, Attribute.VALUE: secret}) for secret in secrets])
    blobs: list[bytes] = session.each(Call.wrap(Mechanism.AES_KEY_WRAP, master, EACH), keys)
    session.each(Call.destroy(EACH), keys)
    return blobs


@contextmanager
def site(equipment: Equipment | None = None) -> Iterator[Site]:
    """An instance for the length of the block; nothing of it is left behind. None: SoftHSM and a file."""
    with workplace() as place:
        made = Site(place.folder, equipment or Equipment())
        try:
            made.prepare()
            yield made
        finally:
            made.close()
