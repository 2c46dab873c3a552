"""Serve a Starlette application on a Unix socket with uvicorn: one process, one worker, no supervisor.

A supervisor would start a killed process again, and the crash under test would vanish.
"""

from pathlib import Path

import uvicorn
import uvicorn.lifespan.on
import uvicorn.protocols.http.h11_impl  # uvicorn imports both at its start; here they come with the program
from starlette.applications import Starlette

SUN_PATH_MAX = 107


def serve(app: Starlette, socket_path: Path) -> None:
    """Serve ``app`` until SIGTERM or SIGINT. A stale socket file is replaced."""
    if len(str(socket_path).encode()) > SUN_PATH_MAX:
        raise SystemExit(f"socket path over {SUN_PATH_MAX} bytes, use a shorter folder: {socket_path}")
    socket_path.unlink(missing_ok=True)
    config = uvicorn.Config(
        app,
        uds=str(socket_path),
        log_level="warning",
        access_log=False,
        loop="asyncio",
        http="h11",
        ws="none",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=1,
    )
    uvicorn.Server(config).run()
