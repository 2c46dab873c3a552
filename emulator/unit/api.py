"""Admin HTTP of a crypto unit: one query, one door for commands.

The handlers run the firmware in the event loop's own thread and do not yield while a command runs: a unit
does one thing at a time, and the token belongs to one thread. They take the firmware of that moment, as a
power cycle brings a new one.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator import bearer
from emulator.unit.command import Command, HsmError, MalformedError
from emulator.unit.power import Power
from emulator.unit.token import TokenError

Handler = Callable[[Request], Awaitable[JSONResponse]]


def application(power: Power) -> Starlette:
    """Return the application of a unit that is on; while it is served, SIGHUP is a power cycle."""

    async def query(_: Request) -> JSONResponse:
        return JSONResponse(power.describe())

    async def command(request: Request) -> JSONResponse:
        name = request.path_params["command"]
        if name not in set(Command):
            return _error(404, f"unknown command {name}")
        body = _decoded(await request.body())
        result = power.firmware.execute(Command(name), body)
        return JSONResponse({"result": result, "unit": power.describe()})

    return Starlette(
        routes=[
            Route("/v1/unit", _guarded(query, power), methods=["GET"]),
            Route("/v1/unit/commands/{command}", _guarded(command, power), methods=["POST"]),
        ],
        lifespan=lambda _: power.cycled_by_hangup(),
    )


def _guarded(handler: Handler, power: Power) -> Handler:
    """Check the bearer, and turn every expected failure into its answer. No answer quotes the body."""

    async def guarded(request: Request) -> JSONResponse:
        try:
            bearer.verify(power.secret, request.headers.get("authorization"))
            return await handler(request)
        except bearer.BearerError as error:
            return _error(401, str(error))
        except MalformedError as error:
            return _error(400, str(error))
        except HsmError as error:
            refusal = error.refusal
            return _error(409, refusal.text, return_code=refusal.return_code, reason_code=refusal.reason_code)
        except (TokenError, OSError) as error:
            return _error(500, f"The crypto unit failed, look at its registers before going on: {error}")

    return guarded


def _decoded(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedError("body: JSON is expected") from error


def _error(status: int, message: str, **codes: int) -> JSONResponse:
    content: dict[str, Any] = {"error": {**codes, "message": message}}
    return JSONResponse(content, status_code=status)
