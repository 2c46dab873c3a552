#!/usr/bin/env bash
# Build the image of a crypto unit, unless the one that its inputs name is there. Prints its name.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

python=$root/.venv/bin/python
python_of_base=3.11 # Debian 12
label=hsm-hil.image

# Wheels for the machine and the Python of the image, whatever Python the host has.
fetch_site() {
    local site=$1 arch platforms=() tag
    arch=$(uname -m)
    for tag in manylinux_2_34 manylinux_2_28 manylinux_2_17 manylinux2014; do
        platforms+=(--platform "${tag}_$arch")
    done
    say "fetching the wheels of the image"
    "$python" -m pip download -q --no-deps --require-hashes -r "$root/docker/requirements.lock" \
        --python-version "$python_of_base" --implementation cp --only-binary=:all: "${platforms[@]}" \
        --dest "$build/wheels" >"$build/wheels.log" 2>&1 ||
        die "cannot fetch the wheels of the image (no package index?); see .build/wheels.log"
    "$python" -m pip install -q --no-deps --require-hashes -r "$root/docker/requirements.lock" \
        --python-version "$python_of_base" --implementation cp --only-binary=:all: "${platforms[@]}" \
        --no-index --find-links "$build/wheels" --no-compile --target "$site" >>"$build/wheels.log" 2>&1 ||
        die "cannot unpack the wheels of the image; see .build/wheels.log"
}

build_image() {
    local name=$1 base context=$build/context
    base=$("$root/docker/base.sh")
    rm -rf "$context"
    mkdir "$context"
    fetch_site "$context/site"
    mkdir "$context/hsm_emulator"
    cp "$root"/emulator/hsm_emulator/*.py "$context/hsm_emulator"
    cp -r "$root/emulator/hsm_emulator/unit" "$root/emulator/hsm_emulator/wire" "$context/hsm_emulator"
    mkdir "$context/bench"
    (cd "$root/harness" && "$python" -m hil.targets.hpcs.rig.units.image bench | xargs cp --parents -t "$context/bench")
    find "$context/hsm_emulator" -name __pycache__ -prune -exec rm -r {} +
    say "building $name"
    docker build -q --network none --build-arg "BASE=$base" --label "$label=unit" -t "$name" \
        -f "$root/docker/Dockerfile" "$context" >"$build/image.log" 2>&1 ||
        die "cannot build the image; see .build/image.log"
    rm -r "$context"
}

engine_answers || die "no Docker engine answers; run this first: make engine"
[ -x "$python" ] || die "no project venv; run this first: make venv"
mkdir -p "$build"
name=$("$python" -m hil.targets.hpcs.rig.units.image)
# One build at a time: the workers of a parallel test run ask for the image together.
exec 9>"$build/image.lock"
flock -w 600 9 || die "another build of the image did not end within ten minutes"
docker image inspect "$name" >/dev/null 2>&1 || build_image "$name"
echo "$name"
