"""Many blobs from one wrapping key under another: unwrap, wrap and destroy, without a pause of the unit.

All unwraps are sent before the first wrap, all wraps before the first destroy, whatever the speed of anyone:
a relay that takes the calls one by one sees the same order every time. But nobody waits between the passes:
what follows from a reply is encoded and queued when the reply comes, while the unit works on the next ones.
In three exchanges one after the other the unit stood idle for a sixth of the time.

Each key is destroyed, also where its wrap was refused. Rejected: to close a session instead of destroying its
objects, a call less for each row, because a kill between two of them is then no crash point any more.
"""

from collections.abc import Sequence
from typing import Any

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session
from hsm_emulator.wire.codec import EACH
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.errors import P11Error
from hsm_emulator.wire.frames import Frame
from hsm_emulator.wire.values import Template, pack_template

MECHANISM = Mechanism.AES_KEY_WRAP
# A key on its way into another wrapping: a session object, which nobody can read.
CARRIED: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: True,
}
_CARRIED_PACKED = pack_template(CARRIED)


def rewrap(session: Session, old: int, new: int, blobs: Sequence[bytes]) -> list[bytes | P11Error]:
    """Return each blob under ``new`` instead of ``old`` (handles), or why the unit did not unwrap it.

    Raises:
        P11Error: the unit refused to wrap or to destroy a key that it had unwrapped.
        UnitTimeout, UnitLost: see there; nothing is known of the keys.
    """
    if not blobs:
        return []
    passes = _Passes(session, old, new, blobs)
    session.exchange(map(passes.unwrap, blobs), passes.onward)
    return passes.results()


class _Passes:
    """What has come back so far, and what follows from the next reply."""

    def __init__(self, session: Session, old: int, new: int, blobs: Sequence[bytes]) -> None:
        self._session = session
        self._rows = len(blobs)
        self.unwrap = session.series(Call.unwrap(MECHANISM, old, EACH, _CARRIED_PACKED))
        self._wrap = session.series(Call.wrap(MECHANISM, new, EACH, room=max(map(len, blobs))))
        self._destroy = session.series(Call.destroy(EACH))
        self._unwrapped: list[int | P11Error] = []
        self._keys: list[int] = []
        self._wrapped: list[Any] = []
        self._destroyed: list[Any] = []

    def onward(self, reply: Frame) -> bytes | None:
        """Take the next reply and return the request that follows from it."""
        if len(self._unwrapped) < self._rows:
            key = self._session.result("C_UnwrapKey", reply)
            self._unwrapped.append(key)
            if isinstance(key, P11Error):
                return None
            self._keys.append(key)
            return self._wrap(key)
        if len(self._wrapped) < len(self._keys):
            self._wrapped.append(self._session.result("C_WrapKey", reply))
            return self._destroy(self._keys[len(self._wrapped) - 1])
        self._destroyed.append(self._session.result("C_DestroyObject", reply))
        return None

    def results(self) -> list[bytes | P11Error]:
        """Return what came of each row."""
        for result in (*self._wrapped, *self._destroyed):
            if isinstance(result, P11Error):
                raise result
        wrapped = iter(self._wrapped)
        return [one if isinstance(one, P11Error) else next(wrapped) for one in self._unwrapped]
