#!/usr/bin/env bash
# The base image of a crypto unit: Debian 12 with a token, its server and Python. Prints its name.
# BASE=registry takes debian:bookworm-slim and adds the packages, BASE=mmdebstrap makes it from
# Debian's packages alone, for places where no image can be pulled; BASE=auto (default) tries in
# this order. The name holds a hash of this file, so the base is made once.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

packages="python3 softhsm2 p11-kit"
suite=bookworm
label=hsm-hil.image

from_registry() {
    timeout 300 docker pull -q "debian:$suite-slim" >/dev/null 2>&1 || return 1
    say "making the base image from debian:$suite-slim"
    # The network of the host, as an engine may have no bridge.
    docker build -q --network host --label "$label=base" -t "$1" - >"$build/base.log" 2>&1 <<-EOF
	FROM debian:$suite-slim
	RUN apt-get update && apt-get install -y --no-install-recommends $packages && rm -rf /var/lib/apt/lists/*
	EOF
}

from_packages() {
    "$root/docker/packages.sh" mmdebstrap || exit 1
    say "making the base image from Debian's packages with mmdebstrap (half a minute)"
    # By way of a file: an import of half a system would stand there under the name of a whole one.
    rm -f "$build/base.tar"
    mmdebstrap --variant=minbase --include="${packages// /,}" "$suite" "$build/base.tar" 2>"$build/base.log" &&
        docker import --change "LABEL $label=base" "$build/base.tar" "$1" >/dev/null &&
        rm "$build/base.tar"
}

mkdir -p "$build"
name=hsm-hil/base:$(sha256sum "$0" | cut -c1-12)
if ! docker image inspect "$name" >/dev/null 2>&1; then
    case ${BASE:-auto} in
        auto) from_registry "$name" || from_packages "$name" ;;
        registry) from_registry "$name" ;;
        mmdebstrap) from_packages "$name" ;;
        *) say "BASE is one of auto, registry, mmdebstrap"; exit 64 ;;
    esac || die "cannot make the base image (no registry and no Debian mirror, or not root); see .build/base.log"
fi
echo "$name"
