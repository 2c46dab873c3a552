"""The ledger of the Barbican profiles: makes token, database and secrets, and says what opens them.

usage: barbican_keys.py make | check    in the folder of the files, with Barbican's own interpreter

Secrets are stored and read by Barbican's own PKCS#11 plugin and models, as its API does; there is no server.
"""

import base64
import ctypes
import json
import os
import secrets
import sys
from pathlib import Path

LEDGER = Path(os.environ["LEDGER"])
GATE = os.environ["P11GATE"]
PROJECTS = 2
CKF_RW_SERIAL = 2 | 4
CKU_SO = 0
SLOT = 2  # of softokn: the one whose objects are kept
PLUGIN = "barbican.plugin.crypto.p11_crypto.P11CryptoPlugin"

CONFIG = """\
[DEFAULT]
log_file = {log}
[database]
connection = sqlite:///barbican.db
[p11_crypto_plugin]
library_path = {gate}
login = {pin}
slot_id = {slot}
mkek_label = {name}-mkek
hmac_label = {name}-hmac
hmac_key_type = CKK_GENERIC_SECRET
hmac_keygen_mechanism = CKM_GENERIC_SECRET_KEY_GEN
"""


def configure(name: str) -> None:
    """Let Barbican wrap by the master keys called ``name`` from now on, as an operator does."""
    pin = (LEDGER / "pin").read_text()
    text = CONFIG.format(name=name, gate=GATE, pin=pin, slot=SLOT, log=os.devnull)
    Path("barbican.conf").write_text(text)


def make() -> int:
    """Make a token with both pairs of master keys, and a secret in each project under the old pair."""
    (LEDGER / "pin").write_text(secrets.token_hex(8))
    Path("nss").mkdir()
    configure("old")
    _set_pin((LEDGER / "pin").read_bytes())
    from barbican.cmd.barbican_manage import HSMCommands  # noqa: PLC0415 - reads the configuration
    from barbican.plugin.crypto import base, p11_crypto  # noqa: PLC0415 - the same

    for name in ("old", "new"):
        HSMCommands().gen_mkek(p11_crypto.CONF, label=f"{name}-mkek")
        HSMCommands().gen_hmac(p11_crypto.CONF, label=f"{name}-hmac")
    plugin = p11_crypto.P11CryptoPlugin(p11_crypto.CONF)
    with _session(create=True) as session:
        for number in range(PROJECTS):
            _store(session, plugin, base, f"project-{number}")
        session.commit()
    configure("new")
    return 0


def _set_pin(pin: bytes) -> None:
    """Give the new token its PIN; softokn lets its security officer in without one until then."""
    library = ctypes.CDLL(GATE)
    session = ctypes.c_ulong()
    steps = (
        lambda: library.C_Initialize(None),
        lambda: library.C_OpenSession(
            ctypes.c_ulong(SLOT), ctypes.c_ulong(CKF_RW_SERIAL), None, None, ctypes.byref(session)
        ),
        lambda: library.C_Login(session, ctypes.c_ulong(CKU_SO), b"", ctypes.c_ulong(0)),
        lambda: library.C_InitPIN(session, pin, ctypes.c_ulong(len(pin))),
        lambda: library.C_Finalize(None),
    )
    for number, step in enumerate(steps, start=1):
        if code := step():
            sys.exit(f"setting the PIN, step {number}: PKCS#11 error {code:#x}")


def _session(*, create: bool = False):  # noqa: ANN202 - a class of Barbican's own SQLAlchemy
    import sqlalchemy  # noqa: PLC0415 - the same
    from barbican.model import models  # noqa: PLC0415 - the same
    from sqlalchemy import orm  # noqa: PLC0415 - the same

    engine = sqlalchemy.create_engine("sqlite:///barbican.db")
    if create:
        models.BASE.metadata.create_all(engine)
    return orm.Session(engine)


def _store(session, plugin, base, name: str) -> None:  # noqa: ANN001 - the same
    """Store one secret in a project of its own, and its content in the ledger."""
    from barbican.model import models  # noqa: PLC0415 - the same

    content = secrets.token_bytes(32)
    (LEDGER / name).write_bytes(content)
    project = models.Project()
    project.external_id = name
    session.add(project)
    session.flush()
    kek = models.KEKDatum()
    kek.project_id, kek.plugin_name, kek.kek_label = project.id, PLUGIN, f"kek-{name}"
    bound = plugin.bind_kek_metadata(base.KEKMetaDTO(kek))
    kek.plugin_meta, kek.algorithm = bound.plugin_meta, bound.algorithm
    kek.bit_length, kek.mode, kek.bind_completed = bound.bit_length, bound.mode, True
    secret = models.Secret()
    secret.project_id, secret.name = project.id, name
    session.add_all([kek, secret])
    session.flush()
    sealed = plugin.encrypt(base.EncryptDTO(content), base.KEKMetaDTO(kek), name)
    datum = models.EncryptedDatum(secret, kek)
    datum.cypher_text = base64.b64encode(sealed.cypher_text).decode()
    datum.kek_meta_extended = sealed.kek_meta_extended
    session.add(datum)


def check() -> int:
    """Print the master keys that open the secret of each project to what was stored."""
    from barbican.model import models  # noqa: PLC0415 - the same
    from barbican.plugin.crypto import base, p11_crypto  # noqa: PLC0415 - the same

    plugin = p11_crypto.P11CryptoPlugin(p11_crypto.CONF)
    with _session() as session:
        data = session.query(models.EncryptedDatum).all()
        names = {one.id: one.name for one in session.query(models.Secret).all()}
        keys = {names[datum.secret_id]: _state(plugin, base, datum, names[datum.secret_id]) for datum in data}
    print(json.dumps({"keys": dict(sorted(keys.items()))}))
    return 0


def _state(plugin, base, datum, name: str) -> str:  # noqa: ANN001 - the same
    kek = datum.kek_meta_project
    meta = json.loads(kek.plugin_meta)
    sealed = base.DecryptDTO(base64.b64decode(datum.cypher_text))
    try:
        content = plugin.decrypt(sealed, base.KEKMetaDTO(kek), datum.kek_meta_extended, name)
    except Exception as error:  # whatever Barbican raises: its user does not get the secret
        print(f"{name}: {error}", file=sys.stderr)
        return "gone"
    labels = {meta["mkek_label"].removesuffix("-mkek"), meta["hmac_label"].removesuffix("-hmac")}
    return labels.pop() if content == (LEDGER / name).read_bytes() and len(labels) == 1 else "gone"


if __name__ == "__main__":
    sys.exit({"make": make, "check": check}[sys.argv[1]]())
