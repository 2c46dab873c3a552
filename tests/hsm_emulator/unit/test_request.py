"""The bodies of commands."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsm_emulator.unit.command import COMMANDS, Command, MalformedError, WrappedKey
from hsm_emulator.unit.request import COUNTER_MAX, PARAMETERS, CommandRequest, parse

HEX = "0f" * 32
PART = {"public_key": "AA==", "wrapped": "AQ=="}

GOOD: dict[Command, dict[str, Any]] = {
    Command.ADMIN_ADD: {"name": "admin1", "public_key": "AA=="},
    Command.ADMIN_RM: {"ski": HEX},
    Command.THRESHOLD_SET: {"signature": 1, "revocation": 8},
    Command.ZEROIZE: {},
    Command.IMPORTER: {},
    Command.GENERATE: {},
    Command.EXPORT: {"register": "new", "public_key": "AA=="},
    Command.IMPORT: {"importer_id": HEX, "wrapped": "AA==", "public_key": "AA=="},
    Command.LOAD: {"importer_id": HEX, "parts": [PART, PART]},
    Command.COMMIT: {"pattern": HEX},
    Command.SETIMM: {"pattern": HEX},
    Command.CLRNEW: {},
    Command.CLRCUR: {},
}

BAD: list[tuple[Command, dict[str, Any]]] = [
    (Command.GENERATE, {"more": 1}),
    (Command.COMMIT, {}),
    (Command.COMMIT, {"pattern": HEX.upper()}),
    (Command.COMMIT, {"pattern": HEX[:-1]}),
    (Command.COMMIT, {"pattern": 7}),
    (Command.ADMIN_ADD, {"name": 1, "public_key": "AA=="}),
    (Command.ADMIN_ADD, {"name": "a", "public_key": "not base64"}),
    (Command.ADMIN_ADD, {"name": "a", "public_key": "é"}),
    (Command.THRESHOLD_SET, {"signature": True, "revocation": 1}),
    (Command.THRESHOLD_SET, {"signature": 9, "revocation": 1}),
    (Command.THRESHOLD_SET, {"signature": 1, "revocation": -1}),
    (Command.EXPORT, {"register": "old", "public_key": "AA=="}),
    (Command.EXPORT, {"register": [], "public_key": "AA=="}),
    (Command.LOAD, {"importer_id": HEX, "parts": [PART]}),
    (Command.LOAD, {"importer_id": HEX, "parts": [PART] * 4}),
    (Command.LOAD, {"importer_id": HEX, "parts": [PART, {}]}),
    (Command.LOAD, {"importer_id": HEX, "parts": "AA=="}),
]


def body(parameters: object, counter: object = 1, signatures: object = ()) -> dict[str, object]:
    """Return a body."""
    return {
        "counter": counter,
        "parameters": parameters,
        "signatures": list(signatures) if isinstance(signatures, tuple) else signatures,
    }


def test_tables_cover_every_command() -> None:
    """Every command has its signatures and its parameters in the tables."""
    assert set(COMMANDS) == set(PARAMETERS) == set(GOOD) == set(Command)


@pytest.mark.parametrize("command", Command)
def test_well_formed(command: Command) -> None:
    """A well-formed body keeps its parameters as signed, and decodes each of them."""
    request = parse(command, body(GOOD[command]))
    assert request.signed == GOOD[command]
    assert set(request.parameters) == set(PARAMETERS[command])


def test_decoded_forms() -> None:
    """Base64 becomes bytes, parts become wrapped keys, signatures become signatures."""
    signatures = ({"ski": HEX, "signature": "AQI="},)
    request = parse(Command.LOAD, body(GOOD[Command.LOAD], 5, signatures))
    assert request.counter == 5
    assert request.parameters["parts"] == (WrappedKey(b"\0", b"\1"),) * 2
    assert [(each.ski, each.value) for each in request.signatures] == [(HEX, b"\1\2")]


@pytest.mark.parametrize(("command", "parameters"), BAD)
def test_malformed_parameters(command: Command, parameters: dict[str, Any]) -> None:
    """A missing, unknown, mistyped or out-of-range parameter is malformed."""
    with pytest.raises(MalformedError):
        parse(command, body(parameters))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"counter": 1, "parameters": {}},
        body([]),
        body({}, True),
        body({}, "1"),
        body({}, -1),
        body({}, COUNTER_MAX + 1),
        body({}, 1.0),
        body({}, 1, {}),
        body({}, 1, ({"ski": HEX},)),
        body({}, 1, ({"ski": "zz", "signature": ""},)),
        body({}, 1, ({"ski": HEX, "signature": 1},)),
    ],
)
def test_malformed_bodies(value: object) -> None:
    """A body that is no command is malformed, not an accident."""
    with pytest.raises(MalformedError):
        parse(Command.GENERATE, value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([HEX, "AA=="]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(
    command=st.sampled_from(list(Command)),
    values=st.lists(JSON, min_size=3, max_size=3),
    counter=st.integers() | JSON,
    signatures=JSON,
)
def test_any_json(command: Command, values: list[Any], counter: object, signatures: object) -> None:
    """Whatever JSON stands in a body, it is a request or malformed; nothing else is ever raised."""
    parameters = dict(zip(PARAMETERS[command], values, strict=False))
    try:
        request = parse(command, body(parameters, counter, signatures))
    except MalformedError:
        return
    assert isinstance(request, CommandRequest)
