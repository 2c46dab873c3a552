"""What a PKCS#11 module has to have: the mechanisms of a crypto unit and of the kms, and what each is for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Mechanisms = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class MechanismNeed:
    """A mechanism (without CKM_), the uses that it must allow (without CKF_), and what needs it."""

    mechanism: str
    uses: tuple[str, ...]
    why: str


NEEDS = (
    MechanismNeed("AES_KEY_GEN", ("GENERATE",), "random master keys, keys of the kms"),
    MechanismNeed(
        "AES_KEY_WRAP", ("WRAP", "UNWRAP"), "rewrap of the key store, master keys from unit to unit"
    ),
    MechanismNeed("SHA256", ("DIGEST",), "verification patterns"),
    MechanismNeed("EC_KEY_PAIR_GEN", ("GENERATE_KEY_PAIR",), "importer keys, on the curve P-521"),
    MechanismNeed("ECDH1_DERIVE", ("DERIVE",), "wrapping keys from importer keys"),
)


def unlisted(mechanisms: Mechanisms) -> Iterator[str]:
    """Yield a line for every mechanism, or use of one, that is needed and not listed."""
    for need in NEEDS:
        if need.mechanism not in mechanisms:
            yield f"no CKM_{need.mechanism}, needed for {need.why}"
        elif lacking := [use for use in need.uses if use not in mechanisms[need.mechanism]]:
            uses = ", ".join(f"CKF_{use}" for use in lacking)
            yield f"CKM_{need.mechanism} without {uses}, needed for {need.why}"
