#!/usr/bin/env bash
# Prepare a backend of the bench: docker/backend.sh auto|process|docker
set -euo pipefail
. "$(dirname "$0")/lib.sh"

case ${1:-} in
    process) ;;
    # Never start an engine that nobody asked for; use the one that answers.
    auto) if engine_answers; then "$root/docker/image.sh" >/dev/null; fi ;;
    docker) "$root/docker/engine.sh" start && "$root/docker/image.sh" >/dev/null ;;
    *) say "BACKEND is one of auto, process, docker"; exit 64 ;;
esac
