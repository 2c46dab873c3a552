# shellcheck shell=bash disable=SC2034
# Shared by the scripts of this folder; sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/.build

# What a shell may carry: the bench talks to DOCKER_HOST, whatever context the client would take, and a PYTHONPATH
# holds no module of ours.
export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
unset DOCKER_CONTEXT PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT PYTHONWARNINGS PYTHONDEVMODE

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Make folders that belong to whoever has the checkout, also under sudo: the next step may run without it.
own_folder() {
    mkdir -p "$@"
    [ "$(id -u)" -ne 0 ] || chown --reference "$root" "$@"
}

# An engine that accepts the connection and then says nothing counts as none, hence the deadline.
engine_answers() { timeout 5 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
