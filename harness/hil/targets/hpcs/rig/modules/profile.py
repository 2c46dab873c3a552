"""A module profile: the TOML file that says which PKCS#11 module stands behind the crypto units.

Texts may hold {tokens} (the unit's own folder for token files), {config} (that of ``files``), {label} and
{number}; in commands also {pin_file}. A PIN never stands in a profile: it is read from a file or an
environment variable, or drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil.forms import textfile
from hil.forms.reading import Faulty
from hil.targets.hpcs.rig.modules import form
from hil.targets.hpcs.rig.modules.form import DEFAULT_LABEL
from hil.targets.hpcs.rig.preflight import NotReadyHere


class BadModule(NotReadyHere):
    """A module profile that cannot be used; the text names file, line and key, and what to write there."""


@dataclass(frozen=True)
class ModuleProfile:
    """What a profile says.

    ``label`` is that of the token of crypto unit {number}, by which its slot is found.
    ``files`` are written to {config} when a unit is made and whenever it starts, so they name where it is.
    ``argument`` is the string for pReserved of C_Initialize, empty where the module wants none.
    ``make`` are commands that make a token in {tokens}, ``copy`` a folder to copy there.
    ``source`` is the text of the file.
    """

    name: str
    library: Path
    argument: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    label: str = DEFAULT_LABEL
    make: Sequence[Sequence[str]] = ()
    copy: str = ""
    pin_file: str = ""
    pin_variable: str = ""
    source: str = field(default="", compare=False, repr=False)


def read(file: Path) -> ModuleProfile:
    """Read a profile; raises BadModule."""
    try:
        source = textfile.read(file)
        has = form.read(source)
    except OSError as error:
        raise BadModule(f"{file}: {error.strerror}; name a profile such as examples/hil-nss.toml") from error
    except textfile.NotText as error:
        raise BadModule(str(error)) from error
    except Faulty as error:
        raise BadModule(error.described(str(file))) from error
    return ModuleProfile(
        name=has.module.name,
        library=Path(has.module.library),
        argument=has.module.argument,
        environment=has.module.environment,
        files=has.module.files,
        label=has.token.label,
        make=tuple(map(tuple, has.token.make)),
        copy=has.token.folder,
        pin_file=has.token.pin.file,
        pin_variable=has.token.pin.variable,
        source=source,
    )
