"""Signed administration commands of a crypto unit: the table, the signed bytes and the refusals.

Pure; imported by the firmware, which checks, and by the workstation, which signs. Every command names the
module, the domain and a strictly increasing transaction counter, so a recorded command is of no use twice.
Return and reason codes are those of EP11 (`ep11.h` in opencryptoki, IBM/ibm-hpcs-tke-sdk); where no public
source gives the return code of a reason (49, 50, 53, 64) the one whose PKCS#11 meaning fits is assumed.
"""

import json
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any


class Signatures(Enum):
    """How many distinct installed administrators have to sign a command outside imprint mode."""

    ONE = "one"
    SIGNATURE_THRESHOLD = "signature threshold"
    REVOCATION_THRESHOLD = "revocation threshold"


class Command(StrEnum):
    """The administration commands by the name they have on the wire."""

    ADMIN_ADD = "admin-add"
    ADMIN_RM = "admin-rm"
    THRESHOLD_SET = "threshold-set"
    ZEROIZE = "zeroize"
    IMPORTER = "importer"
    GENERATE = "generate"
    EXPORT = "export"
    IMPORT = "import"
    LOAD = "load"
    COMMIT = "commit"
    SETIMM = "setimm"
    CLRNEW = "clrnew"
    CLRCUR = "clrcur"


COMMANDS: dict[Command, Signatures] = {
    Command.ADMIN_ADD: Signatures.SIGNATURE_THRESHOLD,
    Command.ADMIN_RM: Signatures.REVOCATION_THRESHOLD,
    Command.THRESHOLD_SET: Signatures.SIGNATURE_THRESHOLD,
    Command.ZEROIZE: Signatures.ONE,
    Command.IMPORTER: Signatures.ONE,
    Command.GENERATE: Signatures.ONE,
    Command.EXPORT: Signatures.SIGNATURE_THRESHOLD,
    Command.IMPORT: Signatures.ONE,
    Command.LOAD: Signatures.ONE,
    Command.COMMIT: Signatures.SIGNATURE_THRESHOLD,
    Command.SETIMM: Signatures.ONE,
    Command.CLRNEW: Signatures.ONE,
    Command.CLRCUR: Signatures.ONE,
}

IN_IMPRINT_MODE = frozenset({Command.ADMIN_ADD, Command.ADMIN_RM, Command.THRESHOLD_SET, Command.ZEROIZE})


class Refusal(Enum):
    """Why a crypto unit refuses a command: (return code, reason code or 0, text)."""

    NEW_MISMATCH = (
        101,
        48,
        "The verification pattern is not that of the new master key register.",
    )
    CURRENT_EMPTY = (102, 49, "The current master key register is empty.")
    NEW_EMPTY = (102, 50, "The new master key register is empty.")
    NEW_UNCOMMITTED = (102, 64, "The new master key register is not committed.")
    NEW_FULL = (80, 53, "The new master key register already holds a key; clear it first.")
    NEW_IS_CURRENT = (32, 0, "The key equals the one in the current master key register.")
    RANDOM_PROHIBITED = (80, 52, "This domain does not permit random master keys.")
    EXPORT_PROHIBITED = (80, 131, "This domain does not permit the export of master keys.")
    IMPORTER_UNKNOWN = (96, 0, "The importer key does not exist; make a new one.")
    KEY_INVALID = (3, 102, "The public key is not a point of the curve P-521.")
    WRAPPED_INVALID = (32, 0, "The wrapped key cannot be unwrapped with the importer key.")
    COUNTER = (163, 0, "The transaction counter is not above the one of the domain.")
    IMPRINT = (179, 0, "The command is not allowed in imprint mode.")
    SIGNATURE = (192, 0, "A signature of the command does not verify.")
    TOO_FEW_SIGNATURES = (208, 0, "The command does not carry enough signatures.")
    UNKNOWN_ADMINISTRATOR = (257, 0, "The command is signed by an administrator who is not installed.")
    ADMINISTRATOR_EXISTS = (256, 38, "The administrator is already installed.")
    ADMINISTRATOR_LIST_FULL = (261, 39, "No more than eight administrators can be installed.")
    ADMINISTRATOR_NOT_FOUND = (32, 32, "No administrator with this subject key identifier is installed.")
    BELOW_THRESHOLD = (209, 66, "Fewer administrators than a threshold demands would remain.")
    SIGNATURE_THRESHOLD = (209, 57, "The signature threshold exceeds the number of administrators.")
    REVOCATION_THRESHOLD = (209, 58, "The revocation threshold exceeds the number of administrators.")
    SIGNATURE_THRESHOLD_ZERO = (209, 76, "The signature threshold must not be 0.")
    REVOCATION_THRESHOLD_ZERO = (209, 77, "The revocation threshold must not be 0.")

    @property
    def return_code(self) -> int:
        """The return code: a PKCS#11 return value as EP11 uses it."""
        return self.value[0]

    @property
    def reason_code(self) -> int:
        """The reason code; 0 where the module gives none."""
        return self.value[1]

    @property
    def text(self) -> str:
        """One sentence for the operator."""
        return self.value[2]


class HsmError(Exception):
    """The crypto unit refuses a well-formed command, and nothing has changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class MalformedError(ValueError):
    """The body is not a command: wrong type, missing or unknown member. Names the member, never its value."""


@dataclass(frozen=True)
class Signature:
    """One signature: subject key identifier of the signer, DER ECDSA value.

    The identifier is the SHA-256, in hex, of the signer's DER SubjectPublicKeyInfo.
    """

    ski: str
    value: bytes


@dataclass(frozen=True)
class WrappedKey:
    """Key material encrypted to an importer key.

    ``public_key`` is the sender's ephemeral point as CKA_EC_POINT, ``wrapped`` the AES key wrap (RFC 3394).
    """

    public_key: bytes
    wrapped: bytes


def signed_bytes(command: str, counter: int, module: str, domain: int, parameters: dict[str, Any]) -> bytes:
    """Return what administrators sign with ECDSA P-521 and SHA-512: one canonical JSON object."""
    content = {
        "command": command,
        "counter": counter,
        "domain": domain,
        "module": module,
        "parameters": parameters,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
