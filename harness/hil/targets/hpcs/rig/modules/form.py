"""The form of a module profile, one line a key; examples/hil-nss.toml shows one."""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from hil.forms import form, reading
from hil.forms.form import Form, JsonSchema, Like, Words, amiss
from hil.forms.reading import Problem

PLACES = frozenset({"tokens", "config", "label", "number"})
COMMAND_PLACES = PLACES | {"pin_file"}
DEFAULT_LABEL = "unit{number}"
PIN = 'names where the PIN is: { file = "…" } or { variable = "…" }; the PIN itself never stands in a profile'


@dataclass(frozen=True)
class Held:
    """Annotation of a text: what stands in braces is one of these places."""

    places: frozenset[str]

    def __call__(self, value: str) -> str:
        """Check a text. It is never repeated: somebody may have put a PIN there."""
        try:
            held = {place for _, place, _, _ in string.Formatter().parse(value) if place is not None}
        except ValueError as error:
            raise amiss(f"{error}; write {{{{ and }}}} for braces") from error
        if strange := sorted(held - self.places):
            known = ", ".join(sorted(self.places))
            raise amiss(f"it holds {{{strange[0]}}}; known are {known}")
        return value


_Text = Annotated[Words, AfterValidator(Held(PLACES))]
_Label = Annotated[Words, AfterValidator(Held(frozenset({"number"})))]
_Word = Annotated[str, AfterValidator(Held(COMMAND_PLACES))]
_FileName = Annotated[str, Like(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "a plain file name")]
_Variable = Annotated[str, Like(r"^[^=\s]+$", "a name of an environment variable")]


class ModuleForm(Form):
    """The library."""

    name: Words = Field(description="what reports call it")
    library: Words = Field(description="the absolute path of the library")
    argument: _Text = Field(default="", description="the string for pReserved of C_Initialize")
    environment: dict[_Variable, _Text] = Field(
        default_factory=dict, description="what the library reads from its environment"
    )
    files: dict[_FileName, _Text] = Field(
        default_factory=dict, description="files that are written to {config} when a unit is made or starts"
    )


class PinForm(Form):
    """Where a PIN is."""

    file: _Text = Field(default="", description="a file with the PIN")
    variable: _Text = Field(default="", description="an environment variable with the PIN")


def _place(value: object) -> object:
    if not isinstance(value, dict | PinForm):
        raise amiss(PIN)
    return value


class TokenForm(Form):
    """How a crypto unit gets its token."""

    label: _Label = Field(default=DEFAULT_LABEL, description="the label of the token of a unit")
    make: list[Annotated[list[_Word], Field(min_length=1)]] = Field(
        default_factory=list, description="commands that make a token in {tokens}", min_length=1
    )
    folder: _Text = Field(default="", alias="copy", description="a folder with a token, to copy")
    pin: PinForm = Field(
        default_factory=PinForm, description="where the PIN is; it is drawn where nothing says so"
    )


class ProfileForm(Form):
    """The whole file."""

    module: ModuleForm = Field(description="the table [module], with name and library")
    token: TokenForm = Field(description="the table [token], with make or copy")


def read(content: str) -> ProfileForm:
    """Read the text of a profile; raises Faulty."""
    return reading.parse(content, ProfileForm, _problems)


def _problems(read: ProfileForm) -> Iterator[Problem]:
    library, token = Path(read.module.library), read.token
    if not library.is_absolute():
        yield Problem(("module", "library"), "it has to be an absolute path")
    elif not library.is_file():
        yield Problem(("module", "library"), f"{library} does not exist; install the package that holds it")
    if bool(token.make) == bool(token.folder):
        yield Problem(("token",), "needs either make, commands that make a token, or copy, a folder with one")
    if "pin" in token.model_fields_set and bool(token.pin.file) == bool(token.pin.variable):
        yield Problem(("token", "pin"), PIN)
    elif token.folder and "pin" not in token.model_fields_set:
        yield Problem(("token", "copy"), 'needs token.pin: { file = "…" } or { variable = "…" }')


def json_schema() -> JsonSchema:
    """Return the form as JSON Schema."""
    return form.json_schema(ProfileForm, "PKCS#11 module profile of hsm-hil")
