"""Forms of files as models of pydantic, and what a value in them may be beside its type.

Types are strict and keys are known, so that a slip is never taken for something else. The same models give
the JSON Schemas.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

JsonSchema = dict[str, Any]
Values = tuple[str | bool, ...]
# The type of an error whose text is told as it is.
OWN = "form"
SHOWN_MAX = 80


class Form(BaseModel):
    """A table of a file: its keys are the fields, and there are no others."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True)
class Like:
    """Annotation of a text: it fits a pattern; ``like`` says in words what fits."""

    pattern: str
    like: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See pydantic."""
        return core_schema.no_info_after_validator_function(self._fitting, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """See pydantic."""
        return {**handler(schema), "pattern": self.pattern}

    def _fitting(self, value: str) -> str:
        whole = re.sub(r"\$$", r"\\Z", self.pattern)  # "$" would let a line break pass at the end
        if not re.search(whole, value):
            raise amiss(f"{said(value)} is not {self.like}")
        return value


@dataclass(frozen=True)
class OneOf:
    """Annotation of a value: it is one of these, and comes out as it stands here, such as a member."""

    values: Values

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See pydantic."""
        return core_schema.no_info_plain_validator_function(self._known)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """See pydantic."""
        return {"enum": [one if isinstance(one, bool) else str(one) for one in self.values]}

    def _known(self, value: object) -> str | bool:
        for one in self.values:
            if isinstance(value, bool if isinstance(one, bool) else str) and value == one:  # 1 is not true
                return one
        raise amiss(f"unknown value {said(value)}{meant(value, self.values)}")


@dataclass(frozen=True)
class AnyOf(OneOf):
    """Annotation of a list: one of these values, or a list of those that are accepted."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """See pydantic."""
        listed = core_schema.list_schema(super().__get_pydantic_core_schema__(source, handler), min_length=1)
        return core_schema.no_info_before_validator_function(_listed, listed)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """See pydantic."""
        one = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


Words = Annotated[str, Like(r"\S", "a text")]


class _Plain(GenerateJsonSchema):
    """JSON Schema without titles, which would say every name twice."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's own
        """See GenerateJsonSchema."""
        return False


def json_schema(form: type[Form], title: str) -> JsonSchema:
    """Return a form as JSON Schema."""
    made = form.model_json_schema(schema_generator=_Plain)
    for part in (made, *made.get("$defs", {}).values()):
        part.pop("title", None)
        part.pop("description", None)  # a docstring, which is for those who read the code
    return {"$schema": _Plain.schema_dialect, "title": title} | made


def keys(form: type[Form]) -> dict[str, str]:
    """Return the keys of a form and what each says."""
    fields = form.model_fields.items()
    return {field.alias or name: field.description or "" for name, field in fields}


def inner(form: type[Form], path: Sequence[str | int]) -> type[Form] | None:
    """Return the form of the table at ``path``; None where that is no form, such as a table of any names."""
    at: type[Form] | None = form
    for part in path:
        if isinstance(part, str) and at:
            fields = {field.alias or name: field for name, field in at.model_fields.items()}
            at = _of(fields[part].annotation) if part in fields else None
    return at


def _of(annotation: object) -> type[Form] | None:
    if isinstance(annotation, type) and issubclass(annotation, Form):
        return annotation
    return next((form for one in get_args(annotation) if (form := _of(one))), None)


def amiss(text: str) -> PydanticCustomError:
    """Return an error of a validator: what is wrong, and what to write instead."""
    return PydanticCustomError(OWN, "{text}", {"text": text})


def said(value: object) -> str:
    """Return a value as the file has it, in one line; a sign that nobody sees by its number."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return f"'{visible(str(value))}'"


def visible(text: str) -> str:
    """Return a text, cut, with signs that nobody sees, such as a no-break space, by their numbers."""
    cut = text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in cut)


def meant(value: object, known: Sequence[str | bool]) -> str:
    """Return what else could have been written: the likeliest first."""
    words = [said(one).strip("'") for one in known]
    near = difflib.get_close_matches(str(value), words, n=1)
    rest = ", ".join(words)
    return f", did you mean '{near[0]}'? Known: {rest}" if near else f", use {rest}"
