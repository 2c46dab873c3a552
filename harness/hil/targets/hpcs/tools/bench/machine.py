"""What a measurement was made on: without it no figure means anything."""

import os
import platform
from pathlib import Path

from hil.engine import environment


def describe() -> dict[str, object]:
    """Return processor, cores, load, kernel and versions; ``load`` is that of the last minute before."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "softhsm": environment.version("softhsm2-util"),
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
