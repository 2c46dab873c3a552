"""The requests about keys: what each needs, and which of them the gate keeps out during a rotation."""

import time
from dataclasses import dataclass, field
from typing import Any

from hsm_emulator.kms import ciphertext, workload
from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.model import (
    NAME_LENGTH_MAX,
    RESTORE_SECONDS,
    TRANSITIONS,
    USES,
    Key,
    KeyState,
    KeyType,
    Row,
)
from hsm_emulator.kms.service import Service
from hsm_emulator.kms.store import KeyStore

Json = dict[str, Any]
PAGE = 200
PAGE_MAX = 5000


@dataclass(frozen=True)
class KeyRequest:
    """One request: path parameters, query and JSON body."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)

    def number(self, name: str, default: int, most: int) -> int:
        """Return a number of the query, from 0 to ``most``."""
        text = self.query.get(name, str(default))
        if not text.isdecimal() or len(text) > len(str(most)) or int(text) > most:
            raise KmsError(Code.BAD_REQUEST, f"{name}: a number from 0 to {most} expected")
        return int(text)

    def seconds(self, name: str, most: float) -> float:
        """Return a time of the query, 0 where it is not given."""
        try:
            value = float(self.query.get(name, "0"))
        except ValueError:
            value = -1
        if not 0 <= value <= most:
            raise KmsError(Code.BAD_REQUEST, f"{name}: seconds from 0 to {most:g} expected")
        return value


def show_page(service: Service, call: KeyRequest) -> Json:
    """GET keys: a page of keys, all states unless ``state`` names some."""
    try:
        states = [KeyState(name) for name in call.query.get("state", ",".join(KeyState)).split(",")]
    except ValueError as error:
        raise KmsError(Code.BAD_REQUEST, f"state: a list of {', '.join(KeyState)} expected") from error
    limit, offset = call.number("limit", PAGE, PAGE_MAX), call.number("offset", 0, 2**31)
    with service.open_store() as store:
        total, keys = store.keys(states, limit, offset)
    return {"metadata": {"total": total}, "resources": [_resource(key) for key in keys]}


def show_metadata(service: Service, call: KeyRequest) -> Json:
    """GET metadata of a key in any state."""
    with service.open_store() as store:
        return _resource(_key(store, call.path["key"]))


def show(service: Service, call: KeyRequest) -> Json:
    """GET a key; a standard key with its payload."""
    with service.open_store() as store:
        key = _key(store, call.path["key"])
        if key.type is KeyType.ROOT:
            return _resource(key)
    with service.workload() as store:
        key = _usable(store, call, "payload")
        row = _row(store, key, key.versions[-1])
        with service.master_key_of(row) as (session, master_key, (blob,)):
            payload = workload.read_blob(session, master_key, blob)
        return {**_resource(key), "payload": ciphertext.encode(payload)}


def create(service: Service, call: KeyRequest) -> Json:
    """POST a key: made in the unit, or from the payload that comes along."""
    name = call.body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise KmsError(Code.BAD_REQUEST, f"name: a text of 1 to {NAME_LENGTH_MAX} characters expected")
    try:
        kind = KeyType(call.body.get("type", ""))
    except ValueError as error:
        raise KmsError(Code.BAD_REQUEST, f"type: one of {', '.join(KeyType)} expected") from error
    material = ciphertext.material(call.body, "payload")
    with service.workload() as store:
        with service.current_master_key() as (session, master_key, master_key_id):
            blob = workload.new_blob(session, master_key, material)
        key_id = store.add_key(name, kind, master_key_id, blob)
        return _resource(_key(store, key_id))


def destroy(service: Service, call: KeyRequest) -> Json:
    """DELETE a key in any state, also during a rotation; it can be restored for 30 days."""
    with service.open_store() as store:
        key = _key(store, call.path["key"])
        if key.state is KeyState.DESTROYED:
            raise KmsError(Code.KEY_STATE, "the key is destroyed already")
        return _moved(store, key, KeyState.DESTROYED)


def restore(service: Service, call: KeyRequest) -> Json:
    """POST restore: a destroyed key takes up the state that it was destroyed in."""
    with service.workload() as store:
        key = _key(store, call.path["key"])
        if key.state is not KeyState.DESTROYED:
            raise KmsError(Code.KEY_STATE, f"the key is {key.state}, only a destroyed one can be restored")
        if time.time() - (key.destroyed or 0) > RESTORE_SECONDS:
            raise KmsError(Code.KEY_STATE, "the key was destroyed over 30 days ago and cannot be restored")
        return _moved(store, key, key.restores_to or KeyState.ACTIVE)


def change_state(service: Service, call: KeyRequest) -> Json:
    """POST actions/disable, enable or deactivate; touches no material, so a rotation does not mind."""
    action = call.path["action"]
    if action not in TRANSITIONS:
        raise KmsError(Code.NOT_FOUND, "there is no such action")
    sources, target = TRANSITIONS[action]
    with service.open_store() as store:
        key = _key(store, call.path["key"])
        if key.state not in sources:
            raise KmsError(Code.KEY_STATE, f"the key is {key.state}, cannot {action} it")
        return _moved(store, key, target)


def wrap(service: Service, call: KeyRequest) -> Json:
    """POST actions/wrap: a data key, brought along or made in the unit, under the newest version."""
    plaintext = ciphertext.material(call.body, "plaintext")
    with service.workload() as store:
        key = _usable(store, call, "wrap")
        version = key.versions[-1]
        with service.master_key_of(_row(store, key, version)) as (session, master_key, (root,)):
            blob, plain = workload.wrap(session, master_key, root, plaintext)
    sealed = ciphertext.seal(version, blob)
    return {"ciphertext": sealed, "plaintext": ciphertext.encode(plain), "key_version": version}


def unwrap(service: Service, call: KeyRequest) -> Json:
    """POST actions/unwrap: the data key of a ciphertext, made under whichever version."""
    version, blob = ciphertext.open_sealed(call.body.get("ciphertext"))
    with service.workload() as store:
        row = _row(store, _usable(store, call, "unwrap"), version)
        with service.master_key_of(row) as (session, master_key, (root,)):
            plain = workload.unwrap(session, master_key, root, blob)
    return {"plaintext": ciphertext.encode(plain), "key_version": version}


def rewrap(service: Service, call: KeyRequest) -> Json:
    """POST actions/rewrap: the same data key in a ciphertext under the newest version."""
    version, blob = ciphertext.open_sealed(call.body.get("ciphertext"))
    with service.workload() as store:
        key = _usable(store, call, "rewrap")
        newest = key.versions[-1]
        rows = _row(store, key, version), _row(store, key, newest)
        with service.master_key_of(*rows) as (session, master_key, (old, new)):
            rewrapped = workload.rewrap(session, master_key, old, new, blob)
    return {"ciphertext": ciphertext.seal(newest, rewrapped), "key_version": newest}


def rotate(service: Service, call: KeyRequest) -> Json:
    """POST actions/rotate: a new version of a root key; earlier ones stay to unwrap with."""
    material = ciphertext.material(call.body, "payload")
    with service.workload() as store:
        key = _usable(store, call, "rotate")
        with service.current_master_key() as (session, master_key, master_key_id):
            blob = workload.new_blob(session, master_key, material)
        store.add_version(key.id, master_key_id, blob)
        return _resource(_key(store, key.id))


def _key(store: KeyStore, key_id: str) -> Key:
    key = store.key(key_id)
    if key is None:
        raise KmsError(Code.NOT_FOUND, "there is no key of that id")
    return key


def _usable(store: KeyStore, call: KeyRequest, use: str) -> Key:
    key = _key(store, call.path["key"])
    kind, states = USES[use]
    if key.type is not kind:
        raise KmsError(Code.BAD_REQUEST, f"{use} is for a {kind}, this is a {key.type}")
    if key.state not in states:
        fitting = " or ".join(sorted(states))
        raise KmsError(Code.KEY_STATE, f"the key is {key.state}, {use} needs one that is {fitting}")
    return key


def _row(store: KeyStore, key: Key, version: int) -> Row:
    row = store.row(key.id, version)
    if row is None:
        raise KmsError(Code.BAD_REQUEST, f"the key has no version {version}")
    return row


def _moved(store: KeyStore, key: Key, state: KeyState) -> Json:
    if not store.move(key, state):
        raise KmsError(Code.KEY_STATE, "the key has changed meanwhile, look at it again")
    return _resource(_key(store, key.id))


def _resource(key: Key) -> Json:
    return {
        "id": key.id,
        "name": key.name,
        "type": key.type,
        "state": key.state,
        "created": key.created,
        "destroyed": key.destroyed,
        "versions": list(key.versions),
    }
