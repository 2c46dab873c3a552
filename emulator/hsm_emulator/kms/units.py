"""The service's links to its operational crypto units: registers over admin HTTP, keys over PKCS#11.

One PKCS#11 connection a unit, opened at the first need, used by one thread at a time, and dropped after any
failure, which also rids the unit of whatever session objects the failed work left. Nothing is ever sent
twice, but for one thing: finding a master key changes nothing, so where the connection turns out to have
died since its last use, a new one is made and the search repeated.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hsm_emulator import bearer
from hsm_emulator.kms.config import UnitConfig
from hsm_emulator.kms.errors import Code, KmsError, UnitUnavailable
from hsm_emulator.kms.registers import MasterKeyRegister, ReportedRegisters, parse
from hsm_emulator.wire import unixhttp
from hsm_emulator.wire.client import Session, UnitModule
from hsm_emulator.wire.errors import HandleInvalid, UnitLost, WireError, WrongMasterKey

SUBJECT = "kms"
TOKEN_SECONDS = bearer.LIFETIME_SECONDS / 2


class UnitLink:
    """One operational crypto unit as the service sees it; safe to share between threads."""

    def __init__(self, config: UnitConfig, iam_secret: str, call_seconds: float) -> None:
        self.number = config.number
        self._config = config
        self._iam_secret = iam_secret
        self._call_seconds = call_seconds
        self._in_use = threading.Lock()
        self._module: UnitModule | None = None
        self._session: Session | None = None
        self._polled: tuple[float, ReportedRegisters] | None = None
        self._bearer: tuple[float, str] | None = None
        self.rows_rewrapped = 0  # over the present connection

    def registers(self, max_age: float) -> ReportedRegisters:
        """Return the registers as polled at most ``max_age`` seconds ago; UnitUnavailable: no answer."""
        polled = self._polled
        if polled and time.monotonic() - polled[0] < max_age:
            return polled[1]
        asked = time.monotonic()
        try:
            reply = unixhttp.request(
                self._config.admin_socket, "GET", "/v1/unit", token=self._token(), seconds=self._call_seconds
            )
            if not reply.ok:
                raise UnitUnavailable(self.number, f"status {reply.status} {reply.message}")
            registers = parse(reply.body)
        except unixhttp.Unreachable as error:
            raise UnitUnavailable(self.number, str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise UnitUnavailable(self.number, "its answer is not that of a crypto unit") from error
        self._polled = (asked, registers)
        return registers

    def _token(self) -> str:
        """Return a bearer token for the unit, a new one long before the last one expires."""
        now = time.monotonic()
        if self._bearer is None or now - self._bearer[0] > TOKEN_SECONDS:
            self._bearer = now, bearer.issue(self._iam_secret, SUBJECT)
        return self._bearer[1]

    @contextmanager
    def master_keys(self, *registers: MasterKeyRegister) -> Iterator[tuple[Session, list[int]]]:
        """Yield a session of this thread and the handles of the master keys in ``registers``.

        Each key's verification pattern has been compared inside the unit: SoftHSM answers an unwrap with the
        wrong key by the same general error as its own failures.

        Raises:
            KmsError: MASTER_KEY_UNAVAILABLE, the unit does not hold such a key any more.
            UnitUnavailable: the unit is gone, stuck or refuses a call; also for failures inside the block.
        """
        if not self._in_use.acquire(timeout=self._call_seconds):
            raise UnitUnavailable(self.number, "others use it; try again")
        try:
            yield self._find(registers)
        except WrongMasterKey as error:
            self._polled = None
            message = f"crypto unit {self.number}: {error}"
            raise KmsError(Code.MASTER_KEY_UNAVAILABLE, message) from error
        except WireError as error:
            raise self.lost(error) from error
        finally:
            self._in_use.release()

    def lost(self, error: WireError) -> UnitUnavailable:
        """Drop the connection after a failure, and return how the service names it."""
        self.disconnect()
        return UnitUnavailable(self.number, str(error))

    def disconnect(self) -> None:
        """Drop the connection; the next need makes a new one."""
        module, self._module, self._session = self._module, None, None
        if module:
            module.close()

    def _find(self, registers: tuple[MasterKeyRegister, ...]) -> tuple[Session, list[int]]:
        if self._session:
            try:
                return self._session, _handles(self._session, registers)
            except (UnitLost, HandleInvalid):
                self.disconnect()
        session = self._connect()
        return session, _handles(session, registers)

    def _connect(self) -> Session:
        try:
            pin = self._config.pin.read_text().strip()
        except OSError as error:
            raise UnitUnavailable(self.number, f"{self._config.pin}: {error.strerror}") from error
        self.rows_rewrapped = 0
        self._module = UnitModule(self._config.p11_socket, seconds=self._call_seconds)
        self._session = self._module.open_session(self._config.token, pin)
        return self._session


def _handles(session: Session, registers: tuple[MasterKeyRegister, ...]) -> list[int]:
    return [session.master_key(register.key_id or b"", register.pattern) for register in registers]
