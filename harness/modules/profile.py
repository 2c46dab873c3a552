"""A module profile: the TOML file that says which PKCS#11 module stands behind the crypto units.

Texts may hold {tokens} (the unit's own folder for token files), {label} and {number}; in commands also
{pin_file}. A PIN never stands in a profile: it is read from a file or an environment variable, or drawn.
"""

import string
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.rig.preflight import NotReadyHere

PLACES = frozenset({"tokens", "label", "number"})
DEFAULT_LABEL = "unit{number}"
COMMAND_PLACES = PLACES | {"pin_file"}


class BadModule(NotReadyHere):
    """A module profile that cannot be used; the text names file and entry, and what to write there."""


@dataclass(frozen=True)
class ModuleProfile:
    """What a profile says.

    ``label`` is that of the token of crypto unit {number}, by which its slot is found.
    ``argument`` is the string for pReserved of C_Initialize, empty where the module wants none.
    ``make`` are commands that make a token in {tokens}, ``copy`` a folder to copy there.
    ``source`` is the text of the file.
    """

    name: str
    library: Path
    argument: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    label: str = DEFAULT_LABEL
    make: Sequence[Sequence[str]] = ()
    copy: str = ""
    pin_file: str = ""
    pin_variable: str = ""
    source: str = field(default="", compare=False, repr=False)


def read(file: Path) -> ModuleProfile:
    """Read a profile; raises BadModule."""
    try:
        source = file.read_text()
        value = tomllib.loads(source)
    except OSError as error:
        raise BadModule(f"{file}: {error.strerror}; name a profile such as examples/hil-nss.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadModule(f"{file} is no TOML: {error}") from error
    try:
        return replace(_profile(value), source=source)
    except _Amiss as error:
        raise BadModule(f"{file}: {error}") from error


class _Amiss(Exception):
    """An entry is wrong; the text names it."""


def _profile(value: Mapping[str, Any]) -> ModuleProfile:
    _only(value, _TABLES, "the profile")
    module, token = (_table(value, name) for name in _TABLES)
    for entries, known, table in ((module, _MODULE, "[module]"), (token, _TOKEN, "[token]")):
        _only(entries, known, table)
    for name in ("name", "library"):
        if name not in module:
            raise _Amiss(f"[module] needs {name}")
    known = {name: check(module[name], f"module.{name}") for name, check in _MODULE.items() if name in module}
    known |= {name: check(token[name], f"token.{name}") for name, check in _TOKEN.items() if name in token}
    pin = known.pop("pin", {})
    if ("make" in known) == ("copy" in known):
        raise _Amiss("[token] needs either make, commands that make a token, or copy, a folder with one")
    if "copy" in known and not pin:
        raise _Amiss('token.copy needs token.pin: { file = "…" } or { variable = "…" }')
    return ModuleProfile(**known, **{f"pin_{kind}": text for kind, text in pin.items()})


def _only(value: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    if strange := sorted(value.keys() - set(known)):
        raise _Amiss(f"{where} knows no {', '.join(strange)}, only {', '.join(known)}")


def _table(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(value.get(name), dict):
        raise _Amiss(f"there is no table [{name}]")
    return dict(value[name])


def _text(value: object, name: str, places: frozenset[str] = PLACES) -> str:
    """Check a text and the places in it."""
    if not isinstance(value, str) or not value:
        raise _Amiss(f"{name} has to be a text")
    try:
        held = {place for _, place, _, _ in string.Formatter().parse(value) if place is not None}
    except ValueError as error:
        raise _Amiss(f"{name}: {error}; write {{{{ and }}}} for braces") from error
    if strange := sorted(held - places):
        raise _Amiss(f"{name} holds {{{strange[0]}}}; known are {', '.join(sorted(places))}")
    return value


def _library(value: object, name: str) -> Path:
    path = Path(_text(value, name, frozenset()))
    if not path.is_absolute():
        raise _Amiss(f"{name} has to be an absolute path")
    if not path.is_file():
        raise _Amiss(f"{name}: {path} does not exist; install the package that holds it")
    return path


def _texts(value: object, name: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _Amiss(f"{name} has to be a table of texts")
    return {key: _text(text, f"{name}.{key}") for key, text in value.items()}


def _commands(value: object, name: str) -> list[list[str]]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(words, list) and words for words in value)
    ):
        raise _Amiss(f"{name} has to be a list of commands, each a list of words")
    return [[_text(word, name, COMMAND_PLACES) for word in words] for words in value]


def _label(value: object, name: str) -> str:
    return _text(value, name, frozenset({"number"}))


def _pin(value: object, name: str) -> dict[str, str]:
    where = f'{name} names where the PIN is: {{ file = "…" }} or {{ variable = "…" }}'
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"file", "variable"}:
        raise _Amiss(f"{where}; the PIN itself never stands in a profile")
    return {kind: _text(text, f"{name}.{kind}") for kind, text in value.items()}


Check = Callable[[object, str], object]
_MODULE: Mapping[str, Any] = {"name": _text, "library": _library, "argument": _text, "environment": _texts}
_TOKEN: Mapping[str, Any] = {"label": _label, "make": _commands, "copy": _text, "pin": _pin}
_TABLES = ("module", "token")
