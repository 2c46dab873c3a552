"""The calls of the p11-kit protocol: number, name, and the types of request and reply.

The letters are the protocol's own signature strings; a peer compares them byte by byte with its own table,
so they are facts of the format. What each letter looks like on the wire stands in codec.py.
Left out: the calls of PKCS#11 3.0 that p11-kit appended from 0.25 on (numbers over 65). No peer of this
project makes them; the frame layer carries them all the same.
"""

from dataclasses import dataclass

ERROR = 0


@dataclass(frozen=True)
class CallSignature:
    """One call: ``request`` and ``reply`` are strings of type letters."""

    number: int
    name: str
    request: str
    reply: str


# fmt: off
SIGNATURES = (
    CallSignature(1,  "C_Initialize",          "ayyay",   ""),
    CallSignature(2,  "C_Finalize",            "",        ""),
    CallSignature(3,  "C_GetInfo",             "",        "vsusv"),
    CallSignature(4,  "C_GetSlotList",         "yfu",     "au"),
    CallSignature(5,  "C_GetSlotInfo",         "u",       "ssuvv"),
    CallSignature(6,  "C_GetTokenInfo",        "u",       "ssssuuuuuuuuuuuvvs"),
    CallSignature(7,  "C_GetMechanismList",    "ufu",     "au"),
    CallSignature(8,  "C_GetMechanismInfo",    "uu",      "uuu"),
    CallSignature(9,  "C_InitToken",           "uayz",    ""),
    CallSignature(10, "C_OpenSession",         "uu",      "u"),
    CallSignature(11, "C_CloseSession",        "u",       ""),
    CallSignature(12, "C_CloseAllSessions",    "u",       ""),
    CallSignature(13, "C_GetSessionInfo",      "u",       "uuuu"),
    CallSignature(14, "C_InitPIN",             "uay",     ""),
    CallSignature(15, "C_SetPIN",              "uayay",   ""),
    CallSignature(16, "C_GetOperationState",   "ufy",     "ay"),
    CallSignature(17, "C_SetOperationState",   "uayuu",   ""),
    CallSignature(18, "C_Login",               "uuay",    ""),
    CallSignature(19, "C_Logout",              "u",       ""),
    CallSignature(20, "C_CreateObject",        "uaA",     "u"),
    CallSignature(21, "C_CopyObject",          "uuaA",    "u"),
    CallSignature(22, "C_DestroyObject",       "uu",      ""),
    CallSignature(23, "C_GetObjectSize",       "uu",      "u"),
    CallSignature(24, "C_GetAttributeValue",   "uufA",    "aAu"),
    CallSignature(25, "C_SetAttributeValue",   "uuaA",    ""),
    CallSignature(26, "C_FindObjectsInit",     "uaA",     ""),
    CallSignature(27, "C_FindObjects",         "ufu",     "au"),
    CallSignature(28, "C_FindObjectsFinal",    "u",       ""),
    CallSignature(29, "C_EncryptInit",         "uMu",     ""),
    CallSignature(30, "C_Encrypt",             "uayfy",   "ay"),
    CallSignature(31, "C_EncryptUpdate",       "uayfy",   "ay"),
    CallSignature(32, "C_EncryptFinal",        "ufy",     "ay"),
    CallSignature(33, "C_DecryptInit",         "uMu",     ""),
    CallSignature(34, "C_Decrypt",             "uayfy",   "ay"),
    CallSignature(35, "C_DecryptUpdate",       "uayfy",   "ay"),
    CallSignature(36, "C_DecryptFinal",        "ufy",     "ay"),
    CallSignature(37, "C_DigestInit",          "uM",      ""),
    CallSignature(38, "C_Digest",              "uayfy",   "ay"),
    CallSignature(39, "C_DigestUpdate",        "uay",     ""),
    CallSignature(40, "C_DigestKey",           "uu",      ""),
    CallSignature(41, "C_DigestFinal",         "ufy",     "ay"),
    CallSignature(42, "C_SignInit",            "uMu",     ""),
    CallSignature(43, "C_Sign",                "uayfy",   "ay"),
    CallSignature(44, "C_SignUpdate",          "uay",     ""),
    CallSignature(45, "C_SignFinal",           "ufy",     "ay"),
    CallSignature(46, "C_SignRecoverInit",     "uMu",     ""),
    CallSignature(47, "C_SignRecover",         "uayfy",   "ay"),
    CallSignature(48, "C_VerifyInit",          "uMu",     ""),
    CallSignature(49, "C_Verify",              "uayay",   ""),
    CallSignature(50, "C_VerifyUpdate",        "uay",     ""),
    CallSignature(51, "C_VerifyFinal",         "uay",     ""),
    CallSignature(52, "C_VerifyRecoverInit",   "uMu",     ""),
    CallSignature(53, "C_VerifyRecover",       "uayfy",   "ay"),
    CallSignature(54, "C_DigestEncryptUpdate", "uayfy",   "ay"),
    CallSignature(55, "C_DecryptDigestUpdate", "uayfy",   "ay"),
    CallSignature(56, "C_SignEncryptUpdate",   "uayfy",   "ay"),
    CallSignature(57, "C_DecryptVerifyUpdate", "uayfy",   "ay"),
    CallSignature(58, "C_GenerateKey",         "uMaA",    "u"),
    CallSignature(59, "C_GenerateKeyPair",     "uMaAaA",  "uu"),
    CallSignature(60, "C_WrapKey",             "uMuufy",  "ay"),
    CallSignature(61, "C_UnwrapKey",           "uMuayaA", "u"),
    CallSignature(62, "C_DeriveKey",           "uMuaA",   "u"),
    CallSignature(63, "C_SeedRandom",          "uay",     ""),
    CallSignature(64, "C_GenerateRandom",      "ufy",     "ay"),
    CallSignature(65, "C_WaitForSlotEvent",    "u",       "u"),
)
# fmt: on

BY_NAME = {signature.name: signature for signature in SIGNATURES}
BY_NUMBER = {signature.number: signature for signature in SIGNATURES}
