"""The oracle: what is left of the keys, read past the kms and past every relay.

It opens the key store's file and the crypto units' PKCS#11 itself, so that a kms which hides a lost key
cannot hide it from the bench. Each check is one function and gives its findings in sentences.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.wire import unixhttp
from harness import sut
from harness.model.ledger import Ledger
from harness.model.registers import EMPTY, VALID, UnitRegisters
from harness.model.scenario import Finding, KeyCount
from harness.model.verdicts import Verdict
from harness.oracle import reader
from harness.oracle.rows import Row, RowKey, mk_id, read_rows
from harness.rig.layout import Layout
from harness.rig.rest import Refused, Rest


@dataclass(frozen=True)
class Judgement:
    """What the oracle says, with every check that did not hold."""

    verdict: Verdict
    keys: KeyCount
    findings: tuple[Finding, ...]


class Oracle:
    """Judges one rig after a recovery; ``before`` are the registers before the rotation."""

    def __init__(
        self, layout: Layout, shape: sut.Shape, ledger: Ledger, before: Sequence[UnitRegisters], rest: Rest
    ) -> None:
        self._layout = layout
        self._shape = shape
        self._ledger = ledger
        self._before = before
        self._rest = rest

    def judge(self, transcript: Sequence[str]) -> Judgement:
        """Run every check. Unreadable data outranks an instance that does not work."""
        rows = {(row.key_id, row.version): row for row in read_rows(self._layout.key_store)}
        units = self._rest.registers(self._shape)
        unreadable = self._unreadable(rows)
        missing = self._missing(rows)
        lost = [
            *(Finding("rows", f"{_place(row)} is missing from the key store") for row in sorted(missing)),
            *(Finding("readable", text) for text in unreadable.values()),
        ]
        broken = [
            *self._strangers(rows),
            *self._registers(units),
            *self._row_ids(rows, units),
            *self._secrets(transcript),
        ]
        if not lost and not broken:
            broken += self._workload()
        total = len(self._ledger.key_ids)
        damaged = {key_id for key_id, _ in unreadable.keys() | missing}
        verdict = Verdict.DATA_LOST if lost else Verdict.STUCK if broken else Verdict.RECOVERED
        return Judgement(verdict, KeyCount(total, total - len(damaged)), (*lost, *broken))

    def _missing(self, rows: dict[RowKey, Row]) -> set[RowKey]:
        return {(row.key_id, row.version) for row in self._ledger.rows} - rows.keys()

    def _strangers(self, rows: dict[RowKey, Row]) -> Iterator[Finding]:
        """Rows that nobody made cost no key, but no kms should hold them."""
        for row in sorted(rows.keys() - {(row.key_id, row.version) for row in self._ledger.rows}):
            yield Finding("rows", f"{_place(row)} is in the key store and not in the ledger")

    def _unreadable(self, rows: dict[RowKey, Row]) -> dict[RowKey, str]:
        found: dict[RowKey, str] = {}
        present = [
            (known, rows[known.key_id, known.version])
            for known in self._ledger.rows
            if (known.key_id, known.version) in rows
        ]
        for number in self._shape.operational_numbers:
            register = self._rest.unit(number)["registers"]["current"]
            for place, text in reader.unreadable(self._layout, number, register, present):
                found.setdefault(place, text)
        return found

    def _registers(self, units: Sequence[UnitRegisters]) -> Iterator[Finding]:
        for unit in units:
            if unit.current.state != VALID:
                yield Finding("registers", f"unit {unit.number}: CURRENT is {unit.current.state}")
            if unit.new.state != EMPTY:
                yield Finding("registers", f"unit {unit.number}: NEW is {unit.new.state}")
        patterns = {unit.current.identity for unit in units}
        if len(patterns) > 1:
            yield Finding("registers", f"CURRENT registers hold {len(patterns)} different patterns")
        if patterns & {unit.current.identity for unit in self._before}:
            yield Finding("registers", "the master key before the rotation is still in a CURRENT register")

    def _row_ids(self, rows: dict[RowKey, Row], units: Sequence[UnitRegisters]) -> Iterator[Finding]:
        current = {mk_id(unit.current) for unit in units}
        stray = sum(row.mk_id not in current for row in rows.values())
        if stray:
            yield Finding("row ids", f"{stray} rows do not name the CURRENT master key")

    def _secrets(self, transcript: Sequence[str]) -> Iterator[Finding]:
        """Search every file below the rig and the transcript for key bytes in clear, raw, hex or base64."""
        needles = [form for secret in self._ledger.secrets for form in _forms(secret)]
        haystacks: list[tuple[str, bytes]] = [("the transcript", "\n".join(transcript).encode())]
        haystacks += [
            (str(path.relative_to(self._layout.files)), path.read_bytes())
            for path in sorted(self._layout.files.rglob("*"))
            if path.is_file()
        ]
        for where, content in haystacks:
            if any(needle in content for needle in needles):
                yield Finding("secrets", f"key bytes in clear in {where}")

    def _workload(self) -> Iterator[Finding]:
        """Use the instance as its users do. Changes it, so it comes last, and only where all else holds."""
        for name, attempt in (("a new key", self._use_new_key), ("a destroyed key", self._restore_key)):
            try:
                attempt()
            except (Refused, unixhttp.Unreachable) as error:
                yield Finding("workload", f"{name}: {error}")

    def _use_new_key(self) -> None:
        key_id = self._rest.create("after-rotation", "root_key")
        for _ in range(2):
            wrapped = self._rest.act(key_id, "wrap")
            unwrapped = self._rest.act(key_id, "unwrap", {"ciphertext": wrapped["ciphertext"]})
            if unwrapped["plaintext"] != wrapped["plaintext"]:
                raise Refused("unwrap gave another data key than wrap")
            self._rest.act(key_id, "rotate")

    def _restore_key(self) -> None:
        known = next(row for row in self._ledger.rows if row.key_id == self._ledger.destroyed)
        if known.ciphertext is None:
            raise AssertionError
        self._rest.call("POST", f"/api/v2/keys/{known.key_id}/restore")
        ciphertext = base64.b64encode(known.ciphertext).decode()
        reply = self._rest.act(known.key_id, "unwrap", {"ciphertext": ciphertext})
        if base64.b64decode(reply["plaintext"]) != known.secret:
            raise Refused("a restored key unwraps to other bytes")


def _place(row: RowKey) -> str:
    return f"key {row[0]} version {row[1]}"


def _forms(secret: bytes) -> tuple[bytes, ...]:
    return secret, secret.hex().encode(), secret.hex().upper().encode(), base64.b64encode(secret)[:40]
