#!/usr/bin/env bash
# The Docker engine: docker/engine.sh start|stop|status|during COMMAND...
#   start   do nothing where an engine answers; else install it if need be, start it and wait for it
#   stop    stop the engine that `start` started from this checkout, and no other
#   status  exit 0 where an engine answers
#   during  run COMMAND with an engine and the image of a crypto unit where they can be had, without
#           where not; an engine that was started for it is stopped afterwards
# Containers of the bench have no network, so an engine of ours is started without a bridge and
# leaves the packet filter of the machine alone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

state=$build/engine
pidfile=$state/dockerd.pid
log=$state/dockerd.log
socket=/var/run/docker.sock
seconds=60

ours() { [ -s "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" = dockerd ]; }

await() { # await COMMAND...: true as soon as it succeeds, false after $seconds
    local deadline=$((SECONDS + seconds))
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}

dead() { ! kill -0 "$engine" 2>/dev/null; }
up_or_dead() { engine_answers || dead; }
gone() { ! ours; }

start() {
    if engine_answers; then return; fi
    if [ "$(id -u)" -ne 0 ]; then
        if [ -S "$socket" ] && [ ! -w "$socket" ]; then
            die "no access to the Docker engine; run this first: sudo usermod -aG docker $(id -un) (and log in again)"
        fi
        die "no Docker engine answers; run this first: sudo docker/engine.sh start"
    fi
    "$root/docker/packages.sh" docker.io
    command -v docker >/dev/null || "$root/docker/packages.sh" docker-cli # apart since Debian 13
    if engine_answers; then return; fi # the package may have started its service
    if [ -d /run/systemd/system ] && systemctl start docker && await engine_answers; then return; fi
    if ours; then # busy, or hung: a second one would not come up beside it
        await engine_answers || die "the Docker engine of this checkout does not answer; see ${log#"$PWD"/}"
        return
    fi
    own_folder "$build" "$state"
    rm -f "$pidfile" # of an engine that was killed
    say "starting a Docker engine, log in ${log#"$PWD"/}"
    # A session of its own: the engine outlives make and its terminal.
    setsid dockerd --pidfile "$pidfile" --bridge none --iptables=false --ip6tables=false \
        </dev/null >>"$log" 2>&1 &
    engine=$!
    if ! { await up_or_dead && engine_answers; }; then
        die "the Docker engine did not come up; see ${log#"$PWD"/}"
    fi
}

stop() {
    ours || { say "no engine of this checkout is running"; return; }
    kill "$(cat "$pidfile")" 2>/dev/null || die "not allowed to stop it; run: sudo docker/engine.sh stop"
    await gone || die "the Docker engine did not stop within $seconds seconds; see ${log#"$PWD"/}"
}

leave() { # another run may have found the engine meanwhile
    if [ -z "$(docker ps -q)" ]; then stop; else say "containers are running, so the Docker engine stays"; fi
}

during() {
    local mine=
    if ! engine_answers && "$root/docker/engine.sh" start && ours; then
        mine=1
        trap leave EXIT
    fi
    if engine_answers && ! "$root/docker/image.sh" >/dev/null; then
        [ -n "$mine" ] || exit 1
        # In a container without privileges an engine may well start, and then not run anything.
        trap - EXIT
        leave
    fi
    engine_answers || say "going on without an engine: what needs one is skipped"
    "$@"
}

case ${1:-} in
    start) start ;;
    stop) stop ;;
    status) engine_answers ;;
    during) shift && during "$@" ;;
    *) say "usage: docker/engine.sh start|stop|status|during COMMAND..."; exit 64 ;;
esac
