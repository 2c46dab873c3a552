"""The calls of the p11-kit protocol: number, name, and the types of request and reply.

The letters are the protocol's own signature strings; a peer compares them byte by byte with its own table,
so they are facts of the format. What each letter looks like on the wire stands in codec.py.
Left out: the calls of PKCS#11 3.0 that p11-kit appended from 0.25 on (numbers over 65). No peer of this
project makes them; the frame layer carries them all the same.
"""

from dataclasses import dataclass

ERROR = 0


@dataclass(frozen=True)
class Signature:
    """One call: ``request`` and ``reply`` are strings of type letters."""

    number: int
    name: str
    request: str
    reply: str


# fmt: off
SIGNATURES = (
    Signature(1,  "C_Initialize",          "ayyay",   ""),
    Signature(2,  "C_Finalize",            "",        ""),
    Signature(3,  "C_GetInfo",             "",        "vsusv"),
    Signature(4,  "C_GetSlotList",         "yfu",     "au"),
    Signature(5,  "C_GetSlotInfo",         "u",       "ssuvv"),
    Signature(6,  "C_GetTokenInfo",        "u",       "ssssuuuuuuuuuuuvvs"),
    Signature(7,  "C_GetMechanismList",    "ufu",     "au"),
    Signature(8,  "C_GetMechanismInfo",    "uu",      "uuu"),
    Signature(9,  "C_InitToken",           "uayz",    ""),
    Signature(10, "C_OpenSession",         "uu",      "u"),
    Signature(11, "C_CloseSession",        "u",       ""),
    Signature(12, "C_CloseAllSessions",    "u",       ""),
    Signature(13, "C_GetSessionInfo",      "u",       "uuuu"),
    Signature(14, "C_InitPIN",             "uay",     ""),
    Signature(15, "C_SetPIN",              "uayay",   ""),
    Signature(16, "C_GetOperationState",   "ufy",     "ay"),
    Signature(17, "C_SetOperationState",   "uayuu",   ""),
    Signature(18, "C_Login",               "uuay",    ""),
    Signature(19, "C_Logout",              "u",       ""),
    Signature(20, "C_CreateObject",        "uaA",     "u"),
    Signature(21, "C_CopyObject",          "uuaA",    "u"),
    Signature(22, "C_DestroyObject",       "uu",      ""),
    Signature(23, "C_GetObjectSize",       "uu",      "u"),
    Signature(24, "C_GetAttributeValue",   "uufA",    "aAu"),
    Signature(25, "C_SetAttributeValue",   "uuaA",    ""),
    Signature(26, "C_FindObjectsInit",     "uaA",     ""),
    Signature(27, "C_FindObjects",         "ufu",     "au"),
    Signature(28, "C_FindObjectsFinal",    "u",       ""),
    Signature(29, "C_EncryptInit",         "uMu",     ""),
    Signature(30, "C_Encrypt",             "uayfy",   "ay"),
    Signature(31, "C_EncryptUpdate",       "uayfy",   "ay"),
    Signature(32, "C_EncryptFinal",        "ufy",     "ay"),
    Signature(33, "C_DecryptInit",         "uMu",     ""),
    Signature(34, "C_Decrypt",             "uayfy",   "ay"),
    Signature(35, "C_DecryptUpdate",       "uayfy",   "ay"),
    Signature(36, "C_DecryptFinal",        "ufy",     "ay"),
    Signature(37, "C_DigestInit",          "uM",      ""),
    Signature(38, "C_Digest",              "uayfy",   "ay"),
    Signature(39, "C_DigestUpdate",        "uay",     ""),
    Signature(40, "C_DigestKey",           "uu",      ""),
    Signature(41, "C_DigestFinal",         "ufy",     "ay"),
    Signature(42, "C_SignInit",            "uMu",     ""),
    Signature(43, "C_Sign",                "uayfy",   "ay"),
    Signature(44, "C_SignUpdate",          "uay",     ""),
    Signature(45, "C_SignFinal",           "ufy",     "ay"),
    Signature(46, "C_SignRecoverInit",     "uMu",     ""),
    Signature(47, "C_SignRecover",         "uayfy",   "ay"),
    Signature(48, "C_VerifyInit",          "uMu",     ""),
    Signature(49, "C_Verify",              "uayay",   ""),
    Signature(50, "C_VerifyUpdate",        "uay",     ""),
    Signature(51, "C_VerifyFinal",         "uay",     ""),
    Signature(52, "C_VerifyRecoverInit",   "uMu",     ""),
    Signature(53, "C_VerifyRecover",       "uayfy",   "ay"),
    Signature(54, "C_DigestEncryptUpdate", "uayfy",   "ay"),
    Signature(55, "C_DecryptDigestUpdate", "uayfy",   "ay"),
    Signature(56, "C_SignEncryptUpdate",   "uayfy",   "ay"),
    Signature(57, "C_DecryptVerifyUpdate", "uayfy",   "ay"),
    Signature(58, "C_GenerateKey",         "uMaA",    "u"),
    Signature(59, "C_GenerateKeyPair",     "uMaAaA",  "uu"),
    Signature(60, "C_WrapKey",             "uMuufy",  "ay"),
    Signature(61, "C_UnwrapKey",           "uMuayaA", "u"),
    Signature(62, "C_DeriveKey",           "uMuaA",   "u"),
    Signature(63, "C_SeedRandom",          "uay",     ""),
    Signature(64, "C_GenerateRandom",      "ufy",     "ay"),
    Signature(65, "C_WaitForSlotEvent",    "u",       "u"),
)
# fmt: on

BY_NAME = {signature.name: signature for signature in SIGNATURES}
BY_NUMBER = {signature.number: signature for signature in SIGNATURES}
