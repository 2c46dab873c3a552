"""REST of the service: one table of routes, one endpoint that checks, calls and answers.

Most handlers block (SQLite, PKCS#11), so they run in a thread of Starlette's pool; those that wait for the
end of a rewrap are coroutines, which hold no thread meanwhile.
"""

import json
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator import bearer
from emulator.kms import keys, rotation
from emulator.kms.errors import Code, KmsError
from emulator.kms.keys import Call
from emulator.kms.rotation import Answer
from emulator.kms.service import Service

log = logging.getLogger(__name__)

Json = dict[str, Any]
Handler = Callable[[Service, Call], Awaitable[Answer]]
Blocking = Callable[[Service, Call], Json]


@dataclass(frozen=True)
class Entry:
    """One request that the service knows; ``public``: needs no bearer token."""

    method: str
    path: str
    handler: Handler
    public: bool = False


def _blocks(method: str, path: str, blocking: Blocking, status: int = 200, *, public: bool = False) -> Entry:
    """Return the entry of a handler that blocks; ``status`` is that of its answer."""

    async def handler(service: Service, call: Call) -> Answer:
        return status, await run_in_threadpool(blocking, service, call)

    return Entry(method, path, handler, public)


# fmt: off
ENTRIES = (
    _blocks("POST",   "/identity/token",                         rotation.log_in, public=True),
    _blocks("GET",    "/api/v2/instance",                        rotation.show_instance),
    _blocks("GET",    "/api/v2/keys",                            keys.show_page),
    _blocks("POST",   "/api/v2/keys",                            keys.create, status=201),
    _blocks("GET",    "/api/v2/keys/{key}",                      keys.show),
    _blocks("DELETE", "/api/v2/keys/{key}",                      keys.destroy),
    _blocks("GET",    "/api/v2/keys/{key}/metadata",             keys.show_metadata),
    _blocks("POST",   "/api/v2/keys/{key}/restore",              keys.restore),
    _blocks("POST",   "/api/v2/keys/{key}/actions/wrap",         keys.wrap),
    _blocks("POST",   "/api/v2/keys/{key}/actions/unwrap",       keys.unwrap),
    _blocks("POST",   "/api/v2/keys/{key}/actions/rewrap",       keys.rewrap),
    _blocks("POST",   "/api/v2/keys/{key}/actions/rotate",       keys.rotate),
    _blocks("POST",   "/api/v2/keys/{key}/actions/{action}",     keys.change_state),
    Entry(  "POST",   "/api/v2/rotation/rewrap",                 rotation.request_rewrap),
    Entry(  "GET",    "/api/v2/rotation/rewrap",                 rotation.show_rewrap),
    _blocks("GET",    "/api/v2/rotation",                        rotation.show),
)
# fmt: on


def application(service: Service) -> Starlette:
    """Return the REST application of a service."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(service.stop)

    routes = [Route(entry.path, _endpoint(service, entry), methods=[entry.method]) for entry in ENTRIES]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _no_route})


async def _no_route(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _failure(status, Code.NOT_FOUND, "there is no such request")


def _endpoint(service: Service, entry: Entry) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def endpoint(request: Request) -> JSONResponse:
        try:
            raw = await request.body()  # read before any refusal: a client may still be sending it
            if not entry.public:
                _authorize(service, request)
            call = Call(dict(request.path_params), dict(request.query_params), _body(raw))
            status, answer = await entry.handler(service, call)
            return JSONResponse(answer, status)
        except ClientDisconnect:
            return _failure(400, Code.BAD_REQUEST, "the client left in mid-request")
        except KmsError as error:
            return _failure(error.status, error.code, str(error))
        except sqlite3.Error as error:
            unavailable = KmsError(Code.STORE_UNAVAILABLE, f"key store: {error}")
            return _failure(unavailable.status, unavailable.code, str(unavailable))
        except Exception:
            log.exception("%s %s ended by a defect of the service", entry.method, entry.path)
            return _failure(500, "INTERNAL_ERROR", "the service has failed, see its log")

    return endpoint


def _authorize(service: Service, request: Request) -> None:
    try:
        bearer.verify(service.iam_secret, request.headers.get("authorization"))
    except bearer.BearerError as error:
        raise KmsError(Code.UNAUTHORIZED, str(error)) from error


def _body(raw: bytes) -> Json:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise KmsError(Code.BAD_REQUEST, "body: JSON expected") from error
    if not isinstance(body, dict):
        raise KmsError(Code.BAD_REQUEST, "body: a JSON object expected")
    return body


def _failure(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
