"""Key-store policies: where the rewrapped blob of a row goes. Each is SQL, shown in full.

In place: the new blob takes the place of the old one, as the documents of the modelled service suggest. From
then on the row needs the NEW master key, which until set immediate only the registers hold.

Staged: the new blob stands beside the old one until every operational unit has promoted, so that a lost NEW
master key costs nothing (opencryptoki and zkey work this way). Selectable to show what it would save.

In both, whether a row is done is decided by the master-key id beside the blob, never by a counter or marker,
and a write changes a row only while it still is under the master key that it was read under.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """SQL of one policy; parameters: old, new (master-key ids), limit, key_id, version, blob.

    ``pending`` selects rows still to rewrap, ``done`` counts rows ready for the new master key, ``write``
    stores one rewrapped blob, ``promote`` runs once every operational unit has the new master key.
    """

    name: str
    pending: str
    done: str
    write: str
    promote: str | None


IN_PLACE = Policy(
    name="in-place",
    pending="SELECT * FROM versions WHERE mk_id = :old ORDER BY made LIMIT :limit",
    done="SELECT count(*) AS total FROM versions WHERE mk_id = :new",
    write="UPDATE versions SET mk_id = :new, blob = :blob, staged_mk_id = NULL, staged_blob = NULL"
    " WHERE key_id = :key_id AND version = :version AND mk_id = :old",
    promote=None,
)

STAGED = Policy(
    name="staged",
    pending="SELECT * FROM versions WHERE mk_id = :old AND (staged_mk_id IS NULL OR staged_mk_id <> :new)"
    " ORDER BY made LIMIT :limit",
    done="SELECT count(*) AS total FROM versions WHERE mk_id = :new OR staged_mk_id = :new",
    write="UPDATE versions SET staged_mk_id = :new, staged_blob = :blob"
    " WHERE key_id = :key_id AND version = :version AND mk_id = :old",
    promote="UPDATE versions SET mk_id = staged_mk_id, blob = staged_blob, staged_mk_id = NULL,"
    " staged_blob = NULL WHERE staged_mk_id = :new",
)

POLICIES = {policy.name: policy for policy in (IN_PLACE, STAGED)}
