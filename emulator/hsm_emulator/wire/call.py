"""One PKCS#11 call of a session: its name and its arguments, by a constructor for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from hsm_emulator.wire.codec import Each
from hsm_emulator.wire.constants import Attribute, Mechanism
from hsm_emulator.wire.values import PackedTemplate, Template

ATTRIBUTE_ROOM = 4096
BLOB_ROOM = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """One call to be made in a session, or EACH of many; its arguments stay out of its repr."""

    name: str
    arguments: tuple[Any, ...] = field(repr=False)

    @classmethod
    def create(cls, template: Template | PackedTemplate) -> Self:
        """Make an object; result: its handle."""
        return cls("C_CreateObject", (template,))

    @classmethod
    def generate_key(cls, mechanism: Mechanism, template: Template | PackedTemplate) -> Self:
        """Make a secret key in the token; result: its handle."""
        return cls("C_GenerateKey", (mechanism, template))

    @classmethod
    def wrap(cls, mechanism: Mechanism, wrapping: int, key: int | Each, room: int = BLOB_ROOM) -> Self:
        """Wrap ``key`` under ``wrapping`` into ``room`` bytes at most; result: the blob."""
        return cls("C_WrapKey", (mechanism, wrapping, key, room))

    @classmethod
    def unwrap(
        cls,
        mechanism: Mechanism,
        unwrapping: int,
        blob: bytes | Each,
        template: Template | PackedTemplate,
    ) -> Self:
        """Unwrap ``blob`` into an object of ``template``; result: its handle."""
        return cls("C_UnwrapKey", (mechanism, unwrapping, blob, template))

    @classmethod
    def destroy(cls, handle: int | Each) -> Self:
        """Destroy an object; result: None."""
        return cls("C_DestroyObject", (handle,))

    @classmethod
    def attributes(cls, handle: int, kinds: Sequence[Attribute]) -> Self:
        """Read attributes; result: dict of their values."""
        return cls("C_GetAttributeValue", (handle, [(kind, ATTRIBUTE_ROOM) for kind in kinds]))
