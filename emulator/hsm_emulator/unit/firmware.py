"""The firmware of a crypto unit: one function a command, one replacement of state.json a command.

Order within a command: check everything; make the new key object, if any; replace state.json, which is the
instant at which the command takes effect; destroy the objects that no register names any more. A unit
killed before that instant comes back as it was, after it with the command done; objects left over either way
are swept at the next start. Nothing is atomic across units.
"""

import base64
import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hsm_emulator.instance import UnitType
from hsm_emulator.unit import registers
from hsm_emulator.unit.administrators import added, check_signatures, check_thresholds, removed
from hsm_emulator.unit.command import (
    COMMANDS,
    IN_IMPRINT_MODE,
    Command,
    HsmError,
    Refusal,
    Signatures,
    WrappedKey,
    signed_bytes,
)
from hsm_emulator.unit.keypart import decode_point
from hsm_emulator.unit.registers import MasterKey, Registers
from hsm_emulator.unit.request import CommandRequest, parse
from hsm_emulator.unit.state import Folder, Identity, UnitState, describe, read_state, write_state
from hsm_emulator.unit.token import Candidate, Importer, Token, TokenError

Parameters = dict[str, Any]


@dataclass(frozen=True)
class CommandOutcome:
    """What a command makes of the state (its counter aside), and what it answers."""

    state: UnitState
    result: dict[str, Any] = field(default_factory=dict)


class Firmware:
    """A unit that runs: serves commands one at a time, on the thread that opened the token."""

    def __init__(self, folder: Folder, identity: Identity, state: UnitState, token: Token) -> None:
        self._folder = folder
        self._identity = identity
        self._state = state
        self._described = describe(identity, state)  # asked for far more often than it changes
        self._token = token
        self._importer: Importer | None = None
        self._handlers: dict[Command, Callable[[Parameters], CommandOutcome]] = {
            Command.ADMIN_ADD: self._admin_add,
            Command.ADMIN_RM: self._admin_rm,
            Command.THRESHOLD_SET: self._threshold_set,
            Command.ZEROIZE: self._zeroize,
            Command.IMPORTER: self._make_importer,
            Command.GENERATE: self._generate,
            Command.EXPORT: self._export,
            Command.IMPORT: self._import,
            Command.LOAD: self._load,
            Command.COMMIT: self._commit,
            Command.SETIMM: self._set_immediate,
            Command.CLRNEW: self._clear_new,
            Command.CLRCUR: self._clear_current,
        }

    def describe(self) -> dict[str, Any]:
        """Return the unit as the query shows it: no secrets, no signature needed.

        Raises:
            TokenError: a register names a key that is not on the token any more, or was altered there.
        """
        self._token.check(self._state.registers.keys)
        return self._described

    def power_off(self) -> None:
        """Close the token; the unit is unusable after that, and has changed nothing."""
        self._token.close()

    def execute(self, command: Command, body: object) -> dict[str, Any]:
        """Execute a command and return its result.

        Raises:
            MalformedError: the body is not such a command.
            HsmError: the unit refuses; nothing has changed.
            TokenError, OSError: the token or the disk failed; the state is the one on disk.
        """
        request = parse(command, body)
        self._authorize(request)
        outcome = self._handlers[command](request.parameters)
        self._settle(replace(outcome.state, counter=request.counter))
        return outcome.result

    def _authorize(self, request: CommandRequest) -> None:
        state = self._state
        if request.counter <= state.counter:
            raise HsmError(Refusal.COUNTER)
        if state.imprint and request.command not in IN_IMPRINT_MODE:
            raise HsmError(Refusal.IMPRINT)
        if needed := self._needed(request):
            identity = self._identity
            content = signed_bytes(
                request.command, request.counter, identity.module, identity.domain, request.signed
            )
            check_signatures(state.administrators, request.signatures, content, needed)

    def _needed(self, request: CommandRequest) -> int:
        state = self._state
        if state.imprint:
            if request.command is not Command.THRESHOLD_SET:
                return 0
            new = request.parameters
            check_thresholds(state.administrators, new["signature"], new["revocation"])
            return int(new["signature"])
        return {
            Signatures.ONE: 1,
            Signatures.SIGNATURE_THRESHOLD: state.signature_threshold,
            Signatures.REVOCATION_THRESHOLD: state.revocation_threshold,
        }[COMMANDS[request.command]]

    def _settle(self, after: UnitState) -> None:
        """Replace the state on disk, adopt it, and destroy what it does not name."""
        known = self._state.registers.keys + after.registers.keys
        try:
            write_state(self._folder, after)
            self._state = after
        except OSError:
            # It may have come after the rename. Where not even that can be told, nothing is destroyed, as the
            # state on disk may name it; the sweep of the next start will know.
            self._state = read_state(self._folder)
            self._adopted(known)
            raise
        self._adopted(known)

    def _adopted(self, known: Iterable[MasterKey]) -> None:
        """Describe the state that is on disk, and destroy those of ``known`` that it does not name."""
        self._described = describe(self._identity, self._state)
        self._destroy(registers.unnamed(known, self._state.registers))

    def _destroy(self, keys: Iterable[MasterKey]) -> None:
        for key in keys:
            try:
                self._token.destroy(key)
            except (TokenError, OSError) as error:  # the command stands; the sweep of the next start does it
                print(f"key object {key.file} is left over: {error}", file=sys.stderr, flush=True)

    def _admin_add(self, new: Parameters) -> CommandOutcome:
        state = self._state
        return CommandOutcome(
            replace(state, administrators=added(state.administrators, new["name"], new["public_key"]))
        )

    def _admin_rm(self, old: Parameters) -> CommandOutcome:
        state = self._state
        floor = max(state.signature_threshold, state.revocation_threshold)
        remaining = removed(state.administrators, old["ski"], floor=floor)
        return CommandOutcome(replace(state, administrators=remaining))

    def _threshold_set(self, new: Parameters) -> CommandOutcome:
        check_thresholds(self._state.administrators, new["signature"], new["revocation"])
        state = replace(
            self._state, signature_threshold=new["signature"], revocation_threshold=new["revocation"]
        )
        return CommandOutcome(state)

    def _zeroize(self, _: Parameters) -> CommandOutcome:
        self._forget_importer()
        return CommandOutcome(UnitState())

    def _make_importer(self, _: Parameters) -> CommandOutcome:
        importer = self._token.importer()
        self._forget_importer()
        self._importer = importer
        public = base64.b64encode(importer.point).decode()
        return CommandOutcome(self._state, {"importer_id": _importer_id(importer), "public_key": public})

    def _generate(self, _: Parameters) -> CommandOutcome:
        if self._identity.type is not UnitType.RECOVERY:
            raise HsmError(Refusal.RANDOM_PROHIBITED)
        registers.require_new_empty(self._state.registers)
        with self._token.random_key() as candidate:
            return self._store(candidate, registers.generated)

    def _export(self, order: Parameters) -> CommandOutcome:
        if self._identity.type is not UnitType.RECOVERY:
            raise HsmError(Refusal.EXPORT_PROHIBITED)
        key = registers.named(self._state.registers, order["register"])
        _check_point(order["public_key"])
        exported = self._token.export(key, order["public_key"])
        result = {
            "wrapped": base64.b64encode(exported.wrapped).decode(),
            "public_key": base64.b64encode(exported.public_key).decode(),
            "pattern": key.pattern,
        }
        return CommandOutcome(self._state, result)

    def _import(self, order: Parameters) -> CommandOutcome:
        importer = self._ready_importer(order["importer_id"])
        _check_point(order["public_key"])
        wrapped = WrappedKey(order["public_key"], order["wrapped"])
        with self._token.imported_key(importer, wrapped) as candidate:
            return self._store(candidate, registers.received)

    def _load(self, order: Parameters) -> CommandOutcome:
        importer = self._ready_importer(order["importer_id"])
        for part in order["parts"]:
            _check_point(part.public_key)
        with self._token.combined_key(importer, order["parts"]) as candidate:
            return self._store(candidate, registers.received)

    def _commit(self, order: Parameters) -> CommandOutcome:
        return self._turn(registers.committed(self._state.registers, order["pattern"]))

    def _set_immediate(self, order: Parameters) -> CommandOutcome:
        return self._turn(registers.promoted(self._state.registers, order["pattern"]))

    def _clear_new(self, _: Parameters) -> CommandOutcome:
        return self._turn(registers.new_cleared(self._state.registers))

    def _clear_current(self, _: Parameters) -> CommandOutcome:
        return self._turn(registers.current_cleared(self._state.registers))

    def _turn(self, after: Registers) -> CommandOutcome:
        return CommandOutcome(replace(self._state, registers=after))

    def _store(
        self, candidate: Candidate, transition: Callable[[Registers, MasterKey], Registers]
    ) -> CommandOutcome:
        """Put a candidate in a register; where the transition refuses it, the token was not touched."""
        transition(self._state.registers, MasterKey("", candidate.pattern, ""))
        return self._turn(transition(self._state.registers, self._token.keep(candidate)))

    def _ready_importer(self, importer_id: str) -> Importer:
        registers.require_new_empty(self._state.registers)
        if self._importer is None or _importer_id(self._importer) != importer_id:
            raise HsmError(Refusal.IMPORTER_UNKNOWN)
        return self._importer

    def _forget_importer(self) -> None:
        if self._importer is not None:
            self._token.forget(self._importer)
            self._importer = None


def _importer_id(importer: Importer) -> str:
    return hashlib.sha256(importer.point).hexdigest()


def _check_point(point: bytes) -> None:
    try:
        decode_point(point)
    except ValueError as error:
        raise HsmError(Refusal.KEY_INVALID) from error
