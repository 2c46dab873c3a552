"""What instances are made of beside the emulator: where crypto units run, where keys are stored, what module.

The options for it are the same wherever instances are made, on the command line and in pytest. They become
one value here, which nobody gets before all of it was looked at: so no command refuses less than another.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hil.targets.hpcs.rig import preflight, watching
from hil.targets.hpcs.rig.keystore import keystores
from hil.targets.hpcs.rig.keystore.keystores import SQLITE
from hil.targets.hpcs.rig.layout import OWN_SERVER, Layout
from hil.targets.hpcs.rig.modules.install import install
from hil.targets.hpcs.rig.modules.preflight import suited
from hil.targets.hpcs.rig.modules.profile import BadModule, ModuleProfile, read

AUTO, PROCESS, DOCKER = BACKENDS = ("auto", "process", "docker")


@dataclass(frozen=True)
class Equipment:
    """What was chosen: ``image`` of the units' containers (empty: processes), ``server`` as in Layout.

    ``module`` is behind the crypto units, None: SoftHSM.
    """

    image: str = ""
    server: str = ""
    module: ModuleProfile | None = None

    @property
    def backend(self) -> str:
        """Where crypto units run, as the option names it."""
        return DOCKER if self.image else PROCESS

    @property
    def keystore(self) -> str:
        """The key store as the option names it."""
        return self.server or SQLITE

    def layout(self, files: Path, sockets: Path, module: Path, name: str = "") -> Layout:
        """Return the layout of one rig, see there; ``module``: a new folder, which units on a module need."""
        file = install(self.module, module).file if self.module else None
        return Layout(files, sockets, self.server, file, name)

    def __str__(self) -> str:
        return words(self.image, self.server, self.module.name if self.module else "")


def words(image: str, server: str, module: str) -> str:
    """Say what is not as always, such as ``processes with NSS softokn, key store in PostgreSQL``."""
    behind = f" with {module}" if module else ""
    stored = ", key store in PostgreSQL" if server else ""
    return f"{'containers' if image else 'processes'}{behind}{stored}"


@dataclass(frozen=True)
class Wanted:
    """The options as they were given; ``keystore`` and ``module``, the file of a profile: None where not."""

    backend: str = AUTO
    keystore: str | None = None
    module: Path | None = None

    def read(self) -> ModuleProfile | None:
        """Read the profile, if there is one, and try nothing yet; raises BadModule."""
        if self.module is None:
            return None
        if self.backend == DOCKER:
            raise BadModule("--module-profile: the image of a unit holds SoftHSM only; use --backend process")
        return read(self.module)

    def chosen(self, *, watched: bool = False) -> Equipment:
        """Look whether this machine has it all; raises NotReadyHere, such as BadModule, or NoScratch.

        ``watched``: system calls will be watched, as the recordings of every campaign do.
        """
        profile = self.read()
        image = preflight.choose_image(PROCESS if profile else self.backend)
        server = keystores.choose(self.keystore or SQLITE)
        if watched:
            watching.check()
        if profile:
            suited(profile)
        return Equipment(image, server, profile)

    @property
    def argv(self) -> tuple[str, ...]:
        """The options that say the same again."""
        given = (
            ("--keystore", self.keystore),
            ("--module-profile", self.module),
            ("--backend", None if self.backend == AUTO else self.backend),
        )
        return tuple(word for option, value in given if value is not None for word in (option, str(value)))


def keystore(text: str) -> str:
    """Check what was given for a key store; raises ValueError, whose text says what to give instead."""
    if text in (SQLITE, OWN_SERVER):
        return text
    try:
        given = urlsplit(text)
    except ValueError as error:
        raise ValueError("this is no URL; give sqlite, postgresql, or postgresql://USER@HOST") from error
    if given.password is not None or "password" in given.query:
        raise ValueError("a password in an argument is seen by everybody; put it into PGPASSWORD")
    if given.scheme not in ("postgresql", "postgres"):
        raise ValueError(f"'{text}' is neither sqlite nor postgresql nor postgresql://USER@HOST")
    return text
