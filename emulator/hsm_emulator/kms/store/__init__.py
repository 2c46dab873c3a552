"""The key store: keys, their rows and the open rotation, in SQLite or PostgreSQL.

``keystore`` says in SQL what the service asks for, once for both; ``database`` is what that needs of a
connection, which ``sqlite`` and ``postgresql`` give it.
"""

from hsm_emulator.kms.store.database import StoreError, StoreExists
from hsm_emulator.kms.store.keystore import KeyStore
from hsm_emulator.kms.store.location import create

__all__ = ["KeyStore", "StoreError", "StoreExists", "create"]
