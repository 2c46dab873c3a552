"""REST of the service: one table of routes, one function that checks, calls and answers.

Every request has a thread of its own: most handlers block (SQL, PKCS#11), and some wait for the end of a
rewrap.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hsm_emulator import bearer
from hsm_emulator.kms import keys, rotation
from hsm_emulator.kms.errors import Code, KmsError
from hsm_emulator.kms.keys import KeyRequest
from hsm_emulator.kms.service import Service
from hsm_emulator.kms.store import StoreError
from hsm_emulator.serve import Answer, Handler, Request, failure

Json = dict[str, Any]
Handle = Callable[[Service, KeyRequest], Answer]


@dataclass(frozen=True)
class Route:
    """One request that the service knows; ``public``: needs no bearer token."""

    method: str
    path: re.Pattern[str]
    handle: Handle
    public: bool = False


def _entry(method: str, path: str, work: Callable[[Service, KeyRequest], Json], status: int = 200) -> Route:
    """Return the entry of a handler whose answer always has the same ``status``."""
    return Route(method, _pattern(path), lambda service, call: (status, work(service, call)))


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


# fmt: off
ENTRIES = (
    Route( "POST",   _pattern("/identity/token"),                rotation.log_in, public=True),
    _entry("GET",    "/api/v2/instance",                         rotation.show_instance),
    _entry("GET",    "/api/v2/keys",                             keys.show_page),
    _entry("POST",   "/api/v2/keys",                             keys.create, status=201),
    _entry("GET",    "/api/v2/keys/{key}",                       keys.show),
    _entry("DELETE", "/api/v2/keys/{key}",                       keys.destroy),
    _entry("GET",    "/api/v2/keys/{key}/metadata",              keys.show_metadata),
    _entry("POST",   "/api/v2/keys/{key}/restore",               keys.restore),
    _entry("POST",   "/api/v2/keys/{key}/actions/wrap",          keys.wrap),
    _entry("POST",   "/api/v2/keys/{key}/actions/unwrap",        keys.unwrap),
    _entry("POST",   "/api/v2/keys/{key}/actions/rewrap",        keys.rewrap),
    _entry("POST",   "/api/v2/keys/{key}/actions/rotate",        keys.rotate),
    _entry("POST",   "/api/v2/keys/{key}/actions/{action}",      keys.change_state),
    Route( "POST",   _pattern("/api/v2/rotation/rewrap"),        rotation.request_rewrap),
    Route( "GET",    _pattern("/api/v2/rotation/rewrap"),        rotation.show_rewrap),
    _entry("GET",    "/api/v2/rotation",                         rotation.show),
)
# fmt: on


def application(service: Service) -> Handler:
    """Return what answers the requests to a service."""

    def answer(request: Request) -> Answer:
        try:
            return _answer(service, request)
        except KmsError as error:
            return error.status, failure(error.code, str(error))
        except StoreError as error:
            unavailable = KmsError(Code.STORE_UNAVAILABLE, f"key store: {error}")
            return unavailable.status, failure(unavailable.code, str(unavailable))

    return answer


def _answer(service: Service, request: Request) -> Answer:
    for entry in ENTRIES:
        found = entry.path.fullmatch(request.path) if entry.method == request.method else None
        if found:
            if not entry.public:
                _authorize(service, request)
            call = KeyRequest(found.groupdict(), dict(request.query), _body(request.body))
            return entry.handle(service, call)
    raise KmsError(Code.NOT_FOUND, "there is no such request")


def _authorize(service: Service, request: Request) -> None:
    try:
        bearer.verify(service.iam_secret, request.bearer)
    except bearer.BearerError as error:
        raise KmsError(Code.UNAUTHORIZED, str(error)) from error


def _body(raw: bytes) -> Json:
    try:
        body = json.loads(raw) if raw else {}
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise KmsError(Code.BAD_REQUEST, "body: JSON expected") from error
    if not isinstance(body, dict):
        raise KmsError(Code.BAD_REQUEST, "body: a JSON object expected")
    return body
