"""The peer of the contract tests: python-pkcs11 on SoftHSM in this process, asked over stdin and stdout.

Each request is a pickled (operation, arguments), each answer a pickled (exception name or None, value).
Operations and arguments are those of hsm_emulator.wire.client.Session, which is the point.
"""

import pickle
import sys
from typing import Any

import pkcs11


def key_of(handle: int, session: pkcs11.Session) -> Any:  # noqa: ANN401
    """Return the secret key behind a handle."""
    return next(key for key in everything(session, {}) if key.handle == handle)


def everything(session: pkcs11.Session, template: dict[Any, Any]) -> list[Any]:
    """Return the objects that match, exhausting the search at once."""
    return list(session.get_objects(template))


def attributes(template: dict[int, Any]) -> dict[Any, Any]:
    """Return a template in the library's own enumeration."""
    whole = {pkcs11.Attribute(int(kind)): value for kind, value in template.items()}
    if pkcs11.Attribute.LABEL in whole:
        whole[pkcs11.Attribute.LABEL] = whole[pkcs11.Attribute.LABEL].decode()
    return whole


def value(found: Any) -> Any:  # noqa: ANN401
    """Return an attribute as plain data; the library decodes labels and enumerations."""
    if isinstance(found, str):
        return found.encode()
    return found if isinstance(found, bool | bytes) else int(found)


class Peer:
    """The operations of a session."""

    def __init__(self, library: str) -> None:
        self.library = pkcs11.lib(library)

    def open_session(self, label: str, pin: str) -> None:
        """Log in, read-write."""
        self.session = self.library.get_token(token_label=label).open(user_pin=pin, rw=True)

    def find(self, template: dict[int, Any]) -> list[int]:
        """Search by attributes."""
        return [found.handle for found in everything(self.session, attributes(template))]

    def create(self, template: dict[int, Any]) -> int | None:
        """Make an object from its attributes."""
        return self.session.create_object(attributes(template)).handle

    def generate_key(self, mechanism: int, template: dict[int, Any]) -> int | None:
        """Make an AES key."""
        whole = attributes(template)
        length = whole.pop(pkcs11.Attribute.VALUE_LEN) * 8
        store = whole.pop(pkcs11.Attribute.TOKEN)
        mechanism = pkcs11.Mechanism(int(mechanism))
        key = self.session.generate_key(
            pkcs11.KeyType.AES, length, mechanism=mechanism, store=store, template=whole
        )
        return key.handle

    def wrap(self, mechanism: int, wrapping: int, key: int) -> bytes:
        """Wrap one key under another."""
        target = key_of(key, self.session)
        mechanism = pkcs11.Mechanism(int(mechanism))
        return bytes(key_of(wrapping, self.session).wrap_key(target, mechanism=mechanism))

    def unwrap(self, mechanism: int, unwrapping: int, blob: bytes, template: dict[int, Any]) -> Any:  # noqa: ANN401
        """Unwrap into an object."""
        whole = attributes(template)
        store = whole.pop(pkcs11.Attribute.TOKEN)
        key = key_of(unwrapping, self.session).unwrap_key(
            pkcs11.ObjectClass.SECRET_KEY,
            pkcs11.KeyType.AES,
            blob,
            mechanism=pkcs11.Mechanism(int(mechanism)),
            store=store,
            template=whole,
        )
        return key.handle

    def destroy(self, handle: int) -> None:
        """Destroy an object."""
        key_of(handle, self.session).destroy()

    def attributes(self, handle: int, kinds: list[int]) -> dict[int, Any]:
        """Read attributes."""
        key = key_of(handle, self.session)
        return {int(kind): value(key[pkcs11.Attribute(int(kind))]) for kind in kinds}

    def digest_key_pattern(self, handle: int) -> bytes:
        """Compute the verification pattern."""
        parts = iter([b"\x01", key_of(handle, self.session)])
        return bytes(self.session.digest(parts, mechanism=pkcs11.Mechanism.SHA256))

    def encrypt(self, mechanism: int, key: int, data: bytes) -> bytes:
        """Encrypt without a parameter."""
        mechanism = pkcs11.Mechanism(int(mechanism))
        return bytes(key_of(key, self.session).encrypt(data, mechanism=mechanism))


def main() -> None:
    """Answer until stdin ends."""
    peer = Peer(sys.argv[1])
    while True:
        try:
            name, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301  (from the test)
        except EOFError:
            return
        try:
            answer: tuple[str | None, Any] = (None, getattr(peer, name)(*arguments))
        except pkcs11.PKCS11Error as error:
            answer = (type(error).__name__, None)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
