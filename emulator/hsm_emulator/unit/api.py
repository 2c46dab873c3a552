"""Admin HTTP of a crypto unit: one query, one door for commands.

The requests are answered in the thread of the server's loop, one after the other: a unit does one thing at a
time, and the token belongs to one thread. They take the firmware of that moment, as a power cycle brings a
new one.
"""

import json
from typing import Any

from hsm_emulator import bearer
from hsm_emulator.serve import Answer, Handler, Request
from hsm_emulator.unit.command import Command, HsmError, MalformedError
from hsm_emulator.unit.power import Power
from hsm_emulator.unit.token import TokenError

UNIT = "/v1/unit"
COMMANDS = f"{UNIT}/commands/"


def application(power: Power) -> Handler:
    """Return what answers the requests to a unit that is on.

    It checks the bearer, and turns every expected failure into its answer. No answer quotes the body.
    """

    def answer(request: Request) -> Answer:
        try:
            bearer.verify(power.secret, request.bearer)
            return _routed(power, request)
        except bearer.BearerError as error:
            return _error(401, str(error))
        except MalformedError as error:
            return _error(400, str(error))
        except HsmError as error:
            refusal = error.refusal
            return _error(409, refusal.text, return_code=refusal.return_code, reason_code=refusal.reason_code)
        except (TokenError, OSError) as error:
            return _error(500, f"The crypto unit failed, look at its registers before going on: {error}")

    return answer


def _routed(power: Power, request: Request) -> Answer:
    if (request.method, request.path) == ("GET", UNIT):
        return 200, power.describe()
    name = request.path.removeprefix(COMMANDS)
    if request.method != "POST" or name not in set(Command):
        return _error(404, f"there is no request {request.method} {request.path}")
    result = power.firmware.execute(Command(name), _decoded(request.body))
    return 200, {"result": result, "unit": power.describe()}


def _decoded(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedError("body: JSON is expected") from error


def _error(status: int, message: str, **codes: int) -> Answer:
    content: dict[str, Any] = {"error": {**codes, "message": message}}
    return status, content
