#!/usr/bin/env bash
# Lock the Python packages: requirements.lock for the project venv (Python 3.11 to 3.13, with the
# build backend), docker/requirements.lock for the unit image, a subset at the same versions.
# Arguments go to the resolver: docker/lock.sh --upgrade, docker/lock.sh --upgrade-package NAME.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

uv=$build/uv/bin/uv
[ -x "$uv" ] || "$root/.venv/bin/python" -m pip install -q --target "$build/uv" uv==0.13.9 ||
    die "cannot install the resolver (no package index?)"

compile() {
    "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate "$@" >/dev/null
}

cd "$root"
backend=$("$root/.venv/bin/python" -c \
    'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
echo "$backend" | compile "$@" --extra dev -o requirements.lock pyproject.toml -
compile -c requirements.lock -o docker/requirements.lock docker/requirements.in
