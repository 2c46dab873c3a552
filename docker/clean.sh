#!/usr/bin/env bash
# Remove what this checkout made: build files, caches, containers whose run is dead, unused images.
# Kept: .venv (it costs a minute and is never stale), runs (evidence), an engine that runs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if engine_answers; then
    if [ -x "$root/.venv/bin/python" ]; then (cd "$root" && .venv/bin/python -c 'from hil.targets.hpcs.rig.units import docker; docker.reap_leftovers()'); fi
    # Without force the engine refuses an image that a container uses: another run keeps its own.
    for kind in unit base; do
        docker image ls -q --filter "label=hsm-hil.image=$kind" | sort -u |
            xargs -r docker image rm >/dev/null 2>&1 || true
    done
fi
cd "$root"
find . -path ./.venv -prune -o -path ./runs -prune -o -name __pycache__ -prune -exec rm -r {} +
rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis build
[ ! -d .build ] || find .build -mindepth 1 -maxdepth 1 ! -name engine -exec rm -r {} +
[ -s .build/engine/dockerd.pid ] || rm -rf .build
