"""What every command gets: the operator's terminal, the workstation folder and the settings."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hsm_emulator import instance as directory
from hsm_emulator.instance import Instance, UnitEntry
from hsm_emulator.tke import sigkey
from hsm_emulator.tke.cloud import Cloud, states
from hsm_emulator.tke.cryptounit import CryptoUnit
from hsm_emulator.tke.errors import Failed, Usage
from hsm_emulator.tke.sigkey import SignatureKey, UnlockedKey
from hsm_emulator.tke.signing import choose
from hsm_emulator.tke.terminal import OperatorTerminal
from hsm_emulator.tke.workstation import Workstation, identity
from hsm_emulator.unit.command import Command
from hsm_emulator.wire.unixhttp import Json


@dataclass(frozen=True)
class Settings:
    """The environment of the program, checked.

    ``delay_seconds``: between the commits and the rewrap request; ``call_seconds``: deadline of one request;
    ``rewrap_seconds``: deadline of the whole rewrap.
    """

    instance: Path | None
    folder: Path
    delay_seconds: float
    call_seconds: float
    rewrap_seconds: float


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read TKE_* and CLOUDTKEFILES; raises Usage."""
    folder = environment.get("CLOUDTKEFILES")
    if not folder:
        raise Usage("The CLOUDTKEFILES environment variable is not defined on this workstation.")
    if not Path(folder).is_dir():
        raise Usage(f"CLOUDTKEFILES names no folder: {folder}")
    instance = environment.get("TKE_INSTANCE")
    return Settings(
        instance=Path(instance) if instance else None,
        folder=Path(folder),
        delay_seconds=_seconds(environment, "TKE_DELAY_SECONDS", 30.0, least=0.0),
        call_seconds=_seconds(environment, "TKE_CALL_SECONDS", 30.0),
        rewrap_seconds=_seconds(environment, "TKE_REWRAP_SECONDS", 3600.0),
    )


@dataclass(frozen=True)
class Context:
    """The means of a command."""

    terminal: OperatorTerminal
    workstation: Workstation
    settings: Settings

    def instance(self) -> Instance:
        """The service directory; raises Usage or Failed."""
        path = self.settings.instance
        if path is None:
            raise Usage("Set TKE_INSTANCE to the instance.json of the service instance.")
        try:
            return directory.read(path)
        except OSError as error:
            raise Failed(
                "No service instances were found for the current resource group.", str(error)
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise Failed(f"The service directory {path} is malformed.") from error

    def cloud(self) -> Cloud:
        """The service instance, after the query that shows whether the token still holds."""
        cloud = Cloud(self.instance(), self.workstation.token(), self.settings.call_seconds)
        cloud.authorize()
        return cloud

    def selected_entries(self, instance: Instance) -> list[UnitEntry]:
        """The selected units of the directory; raises Failed where there are none."""
        selected = self.workstation.selected()
        entries = [entry for entry in instance.units if identity(entry) in selected]
        if not entries:
            raise Failed(
                "No crypto units are selected.", "Select crypto units with 'ibmcloud tke cryptounit-add'."
            )
        return entries

    def selected(self) -> tuple[Instance, list[CryptoUnit]]:
        """The instance and its selected units, queried, in number order."""
        cloud = self.cloud()
        return cloud.instance, cloud.crypto_units(self.selected_entries(cloud.instance))

    def signers(
        self, units: Iterable[CryptoUnit], *commands: Command, parameters: Json | None = None
    ) -> list[UnlockedKey]:
        """Unlock as many current signature keys as the most demanding of ``commands`` needs on ``units``."""
        keys = sigkey.read_current(self.workstation)
        return self.unlock(choose(keys, states(units), commands, parameters))

    def unlock(self, keys: Iterable[SignatureKey]) -> list[UnlockedKey]:
        """Ask the password of each signature key; raises Failed at the first wrong one."""
        return [
            key.unlock(
                self.terminal.ask_hidden(
                    "Enter the password for the signature key identified by:", f"{key.name} ({key.short_ski})"
                )
            )
            for key in keys
        ]

    def ask_new_password(self, what: str) -> str:
        """Ask a password to protect ``what`` twice; raises Failed where it is empty or the two differ."""
        password = self.terminal.ask_hidden(f"Enter a password to protect the {what}:")
        if not password:
            raise Failed("The password is empty. Nothing was created.")
        if self.terminal.ask_hidden("Re-enter the password to confirm:") != password:
            raise Failed("The two passwords differ. Nothing was created.")
        return password

    def ask_number(self, question: str, allowed: Sequence[int]) -> int:
        """Ask one number out of ``allowed``; raises Failed."""
        (number,) = self.ask_numbers(question, allowed=allowed, counts=(1,))
        return number

    def ask_numbers(self, *question: str, allowed: Sequence[int], counts: Sequence[int] = ()) -> list[int]:
        """Ask numbers separated by spaces, each out of ``allowed``; ``counts``: how many, any where empty."""
        answer = self.terminal.ask(*question)
        numbers = [int(word) for word in answer.split() if word.isdecimal()]
        distinct = list(dict.fromkeys(numbers))
        well_formed = numbers and len(numbers) == len(answer.split())
        if not well_formed or (counts and len(distinct) not in counts) or not set(distinct) <= set(allowed):
            choices = ", ".join(map(str, allowed)) or "none"
            raise Failed(
                f"The answer {answer!r} does not fit; possible values: {choices}. Nothing was changed."
            )
        return distinct


def _seconds(environment: Mapping[str, str], name: str, default: float, least: float = 0.001) -> float:
    text = environment.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise Usage(f"{name} must be a number of seconds from {least:g}, not {text!r}.")
    return value
