#!/usr/bin/env bash
# Prepare a backend of the bench: docker/backend.sh auto|process|docker
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
    process) ;;
    # Use the engine that answers, never start one that nobody asked for; without an image hil takes processes.
    auto)
        if engine_answers && ! "$root/docker/image.sh" >/dev/null; then
            say "no image of a crypto unit, so the units run as plain processes"
        fi
        ;;
    docker) "$root/docker/engine.sh" start && "$root/docker/image.sh" >/dev/null ;;
    *) say "BACKEND is one of auto, process, docker"; exit 64 ;;
esac
