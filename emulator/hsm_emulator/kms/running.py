"""The service that runs now, and how another one takes its place in the same process.

SIGHUP ends all that the service does and forgets what it has in memory: its configuration, registers that it
polled, connections to crypto units, the latest job. A job ends after its batch, a request that is being
answered is answered. Then the next service begins from the files as they are now, also where they were
replaced meanwhile. Process and socket stay: a request that was not read when the signal came is answered
afterwards, as if it had come a moment later. So whoever wants the files for himself sends SIGHUP, waits until
the service is ready, and asks it nothing until he is done, for then nobody in it uses them; and SIGHUP again.

Not modelled this way: a service that is upgraded, or keeps what it has under way.
"""

import signal
import threading
from pathlib import Path

from hsm_emulator import notify
from hsm_emulator.kms import api, config, store
from hsm_emulator.kms.config import Config, ConfigError
from hsm_emulator.kms.service import Service
from hsm_emulator.serve import Answer, Request

UNDER_WAY_SECONDS = 10.0


class StillBusy(Exception):
    """What the service had under way did not end in time."""


class RunningService:
    """Answers by the service of that moment; ``failure``: why there is none any more."""

    def __init__(self, configuration: Path) -> None:
        """Begin a service by this configuration file; ConfigError where it does not fit."""
        self._configuration = configuration
        self._changed = threading.Condition()
        self._under_way = 0
        self.failure: Exception | None = None
        self._begin()

    def _begin(self) -> None:
        settings = config.read(self._configuration)
        self.socket = settings.socket
        self._service = Service(settings, _secret(settings))
        self._handler = api.application(self._service)

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        with self._changed:
            self._under_way += 1
        try:
            return self._handler(request)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def again(self) -> None:
        """End the service and begin the next one; where that fails the process ends, and says why."""
        try:
            self._end()
            self._begin()
        except Exception as error:
            self.failure = error
            signal.raise_signal(signal.SIGTERM)
        else:
            notify.ready()

    def stop(self) -> bool:
        """Let a running job end its batch; whether it has."""
        return self._service.stop()

    def _end(self) -> None:
        """Let the job end its batch and requests their work, and drop all connections; raises StillBusy."""
        ended = self.stop()
        with self._changed:
            if not self._changed.wait_for(lambda: self._under_way == 0, UNDER_WAY_SECONDS) or not ended:
                raise StillBusy(f"{self._under_way} requests or a rewrap have not ended")
        self._service.disconnect()


def _secret(settings: Config) -> str:
    """Return the secret of bearer tokens, after a look whether all that the service reads is there."""
    try:
        with store.KeyStore(settings.store) as key_store:
            key_store.rotation()
        settings.apikey.read_text()
        return settings.iam_secret.read_text().strip()
    except store.StoreError as error:
        raise ConfigError(f"{settings.store}: {error}; make a key store with init first") from error
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from error
