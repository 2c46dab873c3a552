"""Reading rows with the CURRENT master key of one crypto unit, many PKCS#11 calls at a time."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hil.targets.hpcs.model.ledger import Known
from hil.targets.hpcs.oracle.rows import KeyStoreRow, RowKey
from hil.targets.hpcs.rig.layout import Layout
from hsm_emulator.wire import errors
from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.constants import Attribute, Mechanism, ObjectClass, P11KeyType
from hsm_emulator.wire.values import Template, pack_template

CALL_SECONDS = 10.0
_CLASS: Template = {
    Attribute.CLASS: ObjectClass.SECRET_KEY,
    Attribute.KEY_TYPE: P11KeyType.AES,
    Attribute.TOKEN: False,
}
_ROOT = pack_template({**_CLASS, Attribute.SENSITIVE: True, Attribute.UNWRAP: True})
_OPEN = pack_template({**_CLASS, Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True})


def unreadable(
    layout: Layout, number: int, register: dict[str, Any], pairs: Sequence[tuple[Known, KeyStoreRow]]
) -> Iterator[tuple[RowKey, str]]:
    """Yield every row that does not give back what the ledger knows on unit ``number``, and why.

    ``register`` is the unit's own account of CURRENT: key id and verification pattern.
    """
    if register["key_id"] is None:
        yield from _all(pairs, number, "its CURRENT register is empty")
        return
    pin = (layout.unit(number) / "pin").read_text().strip()
    label = layout.token_label(number)
    try:
        with (
            UnitModule(layout.p11(number), seconds=CALL_SECONDS) as module,
            module.open_session(label, pin) as session,
        ):
            pattern = bytes.fromhex(register["pattern"])
            master = session.master_key(bytes.fromhex(register["key_id"]), pattern)
            for (known, _), problem in zip(pairs, _problems(session, master, pairs), strict=True):
                if problem:
                    yield _said(known, number, problem)
    except errors.WireError as error:
        yield from _all(pairs, number, str(error))


def _all(
    pairs: Sequence[tuple[Known, KeyStoreRow]], number: int, problem: str
) -> Iterator[tuple[RowKey, str]]:
    return (_said(known, number, problem) for known, _ in pairs)


def _said(known: Known, number: int, problem: str) -> tuple[RowKey, str]:
    place = f"key {known.key_id} version {known.version} ({known.state}) on unit {number}"
    return (known.key_id, known.version), f"{place}: {problem}"


def _problems(session: Session, master: int, pairs: Sequence[tuple[Known, KeyStoreRow]]) -> Iterator[str]:
    """Unwrap all rows, then all data keys under root keys, then read all values: three passes."""
    wrap = Mechanism.AES_KEY_WRAP
    rows = [Call.unwrap(wrap, master, row.blob, _ROOT if known.ciphertext else _OPEN) for known, row in pairs]
    keys: list[Any] = session.run(rows)
    roots = {index: keys[index] for index, (known, _) in enumerate(pairs) if known.ciphertext}
    keys = _onward(session, keys, roots, lambda at, key: Call.unwrap(wrap, key, _blob(pairs[at][0]), _OPEN))
    everything = dict(enumerate(keys))
    values = _onward(session, keys, everything, lambda _, key: Call.attributes(key, [Attribute.VALUE]))
    for (known, _), value in zip(pairs, values, strict=True):
        if isinstance(value, Exception):
            yield str(value)
        else:
            yield "" if value[Attribute.VALUE] == known.secret else "other bytes than before"


def _onward(
    session: Session, results: list[Any], chosen: dict[int, Any], make: Callable[[int, int], Call]
) -> list[Any]:
    """Replace the chosen results by those of a next call each; what failed before stays failed."""
    places = [at for at, result in chosen.items() if not isinstance(result, Exception)]
    following = session.run([make(at, chosen[at]) for at in places])
    onward = dict(zip(places, following, strict=True))
    return [onward.get(at, result) for at, result in enumerate(results)]


def _blob(known: Known) -> bytes:
    return base64.b64decode(json.loads(known.ciphertext or b"")["blob"])
