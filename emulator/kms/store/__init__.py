"""The key store: keys, their rows and the open rotation, in SQLite or PostgreSQL.

``keystore`` says in SQL what the service asks for, once for both; ``database`` is what that needs of a
connection, which ``sqlite`` and ``postgresql`` give it.
"""

from emulator.kms.store.database import StoreError, StoreExists
from emulator.kms.store.keystore import KeyStore
from emulator.kms.store.location import create

__all__ = ["KeyStore", "StoreError", "StoreExists", "create"]
