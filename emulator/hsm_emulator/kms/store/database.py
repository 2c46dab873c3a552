"""What the key store needs of a database: statements, transactions, and a way for workers to share rows."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Values = Mapping[str, str | int | float | bytes | None]
Found = Mapping[str, Any]  # one row by the names of its columns
NOTHING: Values = {}


class StoreError(Exception):
    """The database refused, failed or cannot be reached; the text is its own."""


class StoreExists(StoreError):
    """There is a key store already where one was to be made."""


class Database(Protocol):
    """An open connection, used by one thread; parameters of a statement stand in it as ``:name``.

    Outside of a transaction every statement is one of its own. All raise StoreError.
    """

    claim: str  # ends a SELECT that takes rows for this worker alone, and leaves those that others have taken

    def read(self, sql: str, values: Values = NOTHING) -> Sequence[Found]:
        """Return every row of a SELECT."""

    def change(self, sql: str, values: Values = NOTHING) -> int:
        """Run a statement and return how many rows it has changed."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end of the block, roll back where it fails; one inside another is part of it."""

    def close(self) -> None:
        """Hang up; an open transaction is rolled back."""
