"""The requests about the instance and its rotation; none of them needs an open gate."""

import concurrent.futures
import hmac
from typing import Any

from hsm_emulator import bearer
from hsm_emulator.kms.errors import Code, KmsError, UnitUnavailable
from hsm_emulator.kms.keys import KeyRequest
from hsm_emulator.kms.model import mk_id
from hsm_emulator.kms.registers import MasterKeyRegister
from hsm_emulator.kms.rewrap import Job, JobState
from hsm_emulator.kms.service import Service
from hsm_emulator.kms.units import UnitLink
from hsm_emulator.serve import Answer

Json = dict[str, Any]
SUBJECT = "operator"
WAIT_SECONDS_MAX = 3600


def log_in(service: Service, call: KeyRequest) -> Answer:
    """POST identity/token: a bearer token for the API key."""
    expected = service.config.apikey.read_text().strip()
    given = call.body.get("apikey")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise KmsError(Code.UNAUTHORIZED, "the API key is not that of this instance")
    token = bearer.issue(service.iam_secret, SUBJECT)
    return 200, {"access_token": token, "expires_in": bearer.LIFETIME_SECONDS}


def show_instance(_service: Service, _call: KeyRequest) -> Json:
    """GET instance: what a caller asks first, and so learns that its token has expired."""
    return {"state": "active"}


def show(service: Service, _call: KeyRequest) -> Json:
    """GET rotation: whether one is open, rows by master-key id, registers of the operational units."""
    units = [_unit(service, unit) for unit in service.units]
    with service.open_store() as store:
        try:
            rotation = service.rotation(store)
        except UnitUnavailable:  # the units' entries say so; a rotation stays open until all are seen
            rotation = store.rotation()
        rows = {key.hex(): count for key, count in store.rows_by_master_key().items()}
    return {"in_progress": rotation is not None, "rows": rows, "units": units}


def request_rewrap(service: Service, call: KeyRequest) -> Answer:
    """POST rewrap: start the job, or join the running one, and wait for its end for ``wait`` seconds at most.

    202 where it still runs then, or where nobody asked to wait. The job goes on without its clients.
    """
    seconds = call.seconds("wait", WAIT_SECONDS_MAX)
    job = service.request_rewrap()
    if seconds:
        job = _ended(service, seconds)
    return 202 if job.state is JobState.RUNNING else 200, _job(job)


def show_rewrap(service: Service, call: KeyRequest) -> Answer:
    """GET rewrap: the latest job, as soon as it does not run, after ``wait`` seconds at the latest."""
    return 200, _job(_ended(service, call.seconds("wait", WAIT_SECONDS_MAX)))


def _ended(service: Service, seconds: float) -> Job:
    if seconds and service.rewrapper.job.state is JobState.RUNNING:
        concurrent.futures.wait({service.rewrapper.finished}, timeout=seconds)
    return service.rewrapper.job


def _job(job: Job) -> Json:
    rotation = job.rotation
    return {
        "job": {
            "state": job.state,
            "from": mk_id(rotation.source).hex() if rotation else None,
            "to": mk_id(rotation.target).hex() if rotation else None,
            "rewrapped": job.rewrapped,
            "total": job.total,
            "error": job.error,
        }
    }


def _unit(service: Service, unit: UnitLink) -> Json:
    try:
        registers = unit.registers(service.config.poll_seconds)
    except UnitUnavailable as error:
        return {"number": unit.number, "registers": None, "error": str(error)}
    shown = {"current": _register(registers.current), "new": _register(registers.new)}
    return {"number": unit.number, "registers": shown}


def _register(register: MasterKeyRegister) -> Json:
    key_id = register.key_id.hex() if register.key_id else None
    return {"state": register.state, "pattern": register.pattern.hex(), "key_id": key_id}
