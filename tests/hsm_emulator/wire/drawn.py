"""The call that only tests make: it changes nothing, and its reply is as long as they like."""

from hsm_emulator.wire.call import Call
from hsm_emulator.wire.client import Session


def drawing(length: int) -> Call:
    """Draw random bytes in the token; result: ``length`` bytes."""
    return Call("C_GenerateRandom", (length,))


def drawn(session: Session, length: int) -> bytes:
    """Return ``length`` random bytes of the token."""
    return bytes(session._one(drawing(length)))
