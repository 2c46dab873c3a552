#!/usr/bin/env bash
# The Docker engine: docker/engine.sh start|stop|status
#   start   do nothing where an engine answers; else install it if need be, start it and wait for it
#   stop    stop the engine that `start` started from this checkout, and no other
#   status  exit 0 where an engine answers
# Containers of the bench have no network, so an engine of ours is started without a bridge and
# leaves the packet filter of the machine alone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

state=$build/engine
pidfile=$state/dockerd.pid
log=$state/dockerd.log
seconds=60

ours() { [ -s "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = dockerd ]; }

await() { # await COMMAND...: true as soon as it succeeds, false after $seconds
    local deadline=$((SECONDS + seconds))
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}

up_or_dead() { engine_answers || ! ours; }
gone() { ! ours; }

start() {
    if engine_answers; then return; fi
    "$root/docker/packages.sh" docker.io
    if engine_answers; then return; fi # the package may have started its service
    [ "$(id -u)" -eq 0 ] ||
        die "no Docker engine answers; run this first: sudo docker/engine.sh start (or join the group docker)"
    if [ -d /run/systemd/system ] && systemctl start docker && await engine_answers; then return; fi
    mkdir -p "$state"
    rm -f "$pidfile" # of an engine that was killed
    say "starting a Docker engine, log in ${log#"$PWD"/}"
    # A session of its own: the engine outlives make and its terminal.
    setsid dockerd --pidfile "$pidfile" --bridge none --iptables=false --ip6tables=false \
        </dev/null >>"$log" 2>&1 &
    if ! { await test -s "$pidfile" && await up_or_dead && engine_answers; }; then
        die "the Docker engine did not come up; see ${log#"$PWD"/}"
    fi
}

stop() {
    ours || { say "no engine of this checkout is running"; return; }
    kill "$(cat "$pidfile")"
    await gone || die "the Docker engine did not stop within $seconds seconds; see ${log#"$PWD"/}"
}

case ${1:-} in
    start) start ;;
    stop) stop ;;
    status) engine_answers ;;
    *) say "usage: docker/engine.sh start|stop|status"; exit 64 ;;
esac
