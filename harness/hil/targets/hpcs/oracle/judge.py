"""The oracle: what is left of the keys, read past the kms and past every relay.

It opens the key store's file and the crypto units' PKCS#11 itself, so that a kms which hides a lost key
cannot hide it from the bench. Each check is one function and gives its findings in sentences.
"""

import base64
import os
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from typing import Any

from hil.model.verdicts import Verdict
from hil.targets.hpcs import emulator as sut
from hil.targets.hpcs.model.ledger import Ledger
from hil.targets.hpcs.model.observation import Observation, OracleJudgement, RowProblem, judge
from hil.targets.hpcs.model.registers import UnitRegisters
from hil.targets.hpcs.oracle import reader, salvage, usage
from hil.targets.hpcs.oracle.rows import KeyStoreRow, RowKey, mk_id, read_rows, tables
from hil.targets.hpcs.rig.layout import Layout
from hil.targets.hpcs.rig.rest import RequestRefused, Rest, registers_in
from hsm_emulator.wire import unixhttp


class Oracle:
    """Judges one rig after a recovery; ``before`` are the registers before the rotation.

    It asks each unit for its state once, at its first look: after a change another oracle has to look.
    """

    def __init__(
        self, layout: Layout, shape: sut.Shape, ledger: Ledger, before: Sequence[UnitRegisters], rest: Rest
    ) -> None:
        self._layout = layout
        self._shape = shape
        self._ledger = ledger
        self._before = before
        self._rest = rest

    @cached_property
    def states(self) -> dict[int, dict[str, Any]]:
        """Whole public state of every unit by its number."""
        return self._rest.states(self._shape)

    @property
    def registers(self) -> tuple[UnitRegisters, ...]:
        """Registers of all units."""
        return tuple(map(registers_in, self.states.values()))

    def judge(self, transcript: Sequence[str]) -> OracleJudgement:
        """Look, and judge what was seen."""
        return judge(self.observe(transcript))

    def observe(self, transcript: Sequence[str]) -> Observation:
        """Look at everything that a verdict rests on.

        The workload is tried only where all else holds; where it does not, each key is used for itself.
        """
        seen = self.look(transcript)
        if judge(seen).verdict is not Verdict.RECOVERED:
            return replace(seen, usable=usage.usable(self._rest, self._ledger))
        return replace(seen, workload=tuple(self._workload()))

    def look(self, transcript: Sequence[str]) -> Observation:
        """Look at everything but the workload, which would change the instance."""
        rows = {(row.key_id, row.version): row for row in read_rows(self._layout.key_store)}
        known = {(row.key_id, row.version) for row in self._ledger.rows}
        units = self.registers
        current = {mk_id(unit.current) for unit in units}
        unreadable = tuple(self._unreadable(rows))
        return Observation(
            keys=len(self._ledger.key_ids),
            missing=_problems(known - rows.keys(), "is missing from the key store"),
            strangers=_problems(rows.keys() - known, "is in the key store and not in the ledger"),
            unreadable=unreadable,
            stray_rows=sum(row.mk_id not in current for row in rows.values()),
            before=tuple(self._before),
            after=units,
            secrets=tuple(self._secrets(transcript)),
            workload=None,
            reachable=self._reachable(unreadable, rows),
        )

    def _unreadable(self, rows: dict[RowKey, KeyStoreRow]) -> Iterator[RowProblem]:
        """Yield the rows that some operational unit does not read, each once."""
        found: dict[RowKey, str] = {}
        present = [
            (known, rows[known.key_id, known.version])
            for known in self._ledger.rows
            if (known.key_id, known.version) in rows
        ]
        for number in self._shape.operational_numbers:
            register = self.states[number]["registers"]["current"]
            for place, text in reader.unreadable(self._layout, number, register, present):
                found.setdefault(place, text)
        return (RowProblem(*place, text) for place, text in found.items())

    def _reachable(
        self, unreadable: Sequence[RowProblem], rows: dict[RowKey, KeyStoreRow]
    ) -> tuple[RowProblem, ...]:
        """Return those of the unreadable rows that some register of some unit still opens."""
        places = {(row.key_id, row.version) for row in unreadable}
        pairs = [
            (known, rows[known.key_id, known.version])
            for known in self._ledger.rows
            if (known.key_id, known.version) in places
        ]
        within = salvage.reachable(self._layout, self.states, pairs)
        return tuple(row for row in unreadable if (row.key_id, row.version) in within)

    def _secrets(self, transcript: Sequence[str]) -> Iterator[str]:
        """Search files of the rig, database and transcript for key bytes in clear, raw, hex or base64."""
        needles = [form for secret in self._ledger.secrets for form in _forms(secret)]
        haystacks: list[tuple[str, bytes]] = [("the transcript", "\n".join(transcript).encode())]
        haystacks.append(("the database", tables(self._layout.key_store)))
        haystacks += sorted(_contents(str(self._layout.files), ""))
        everything = b"\n".join(content for _, content in haystacks)
        if not any(needle in everything for needle in needles):
            return iter(())
        return (where for where, content in haystacks if any(needle in content for needle in needles))

    def _workload(self) -> Iterator[str]:
        """Use the instance as its users do. Changes it, so it comes last, and only where all else holds."""
        for name, attempt in (("a new key", self._use_new_key), ("a destroyed key", self._restore_key)):
            try:
                attempt()
            except (RequestRefused, unixhttp.Unreachable) as error:
                yield f"{name}: {error}"

    def _use_new_key(self) -> None:
        key_id = self._rest.create("after-rotation", "root_key")
        for _ in range(2):
            wrapped = self._rest.act(key_id, "wrap")
            unwrapped = self._rest.act(key_id, "unwrap", {"ciphertext": wrapped["ciphertext"]})
            if unwrapped["plaintext"] != wrapped["plaintext"]:
                raise RequestRefused("unwrap gave another data key than wrap")
            self._rest.act(key_id, "rotate")

    def _restore_key(self) -> None:
        known = next(row for row in self._ledger.rows if row.key_id == self._ledger.destroyed)
        if known.ciphertext is None:
            raise AssertionError
        self._rest.call("POST", f"/api/v2/keys/{known.key_id}/restore")
        ciphertext = base64.b64encode(known.ciphertext).decode()
        reply = self._rest.act(known.key_id, "unwrap", {"ciphertext": ciphertext})
        if base64.b64decode(reply["plaintext"]) != known.secret:
            raise RequestRefused("a restored key unwraps to other bytes")


def _contents(folder: str, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the content of every file in a folder and those below; its name begins with ``name``."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _contents(entry.path, f"{name}{entry.name}/")
            elif entry.is_file():
                with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - 50 in a scenario
                    yield f"{name}{entry.name}", file.read()


def _problems(rows: AbstractSet[RowKey], what: str) -> tuple[RowProblem, ...]:
    return tuple(RowProblem(*row, f"key {row[0]} version {row[1]} {what}") for row in sorted(rows))


def _forms(secret: bytes) -> tuple[bytes, ...]:
    return secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)[:40]
