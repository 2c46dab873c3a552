#!/usr/bin/env bash
# Make or complete the project venv from requirements.lock, hashes checked. PYTHON=... picks the
# interpreter (3.11 to 3.13). Debian's python3 comes without the means to put pip into a venv;
# that is installed where we may, and done without where there is a pip for the system's Python.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

venv=$root/.venv
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if "$candidate" -c "$supported" 2>/dev/null; then command -v "$candidate" && return; fi
    done
    return 1
}

# An interpreter asked for by name replaces a venv of another version; a venv whose interpreter
# is gone is replaced in any case.
usable() {
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$supported" 2>/dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$venv/bin/python" -V)" = "$("$python" -V)" ]
}

create() {
    say "making .venv with $("$python" -V)"
    if "$python" -m ensurepip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$venv"
    elif "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear --without-pip "$venv" &&
            "$python" -m pip --python "$venv/bin/python" install -q pip
    else
        PYTHON=$python "$root/docker/packages.sh" python3-venv
        "$python" -m venv --clear "$venv"
    fi
}

if ! python=$(find_python); then
    [ -z "${PYTHON:-}" ] || die "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13"
    die "no Python 3.11, 3.12 or 3.13 found; install one (Debian: python3), or name it: make venv PYTHON=/path/to/python3"
fi
usable || create || die "cannot make a venv with $python"

pip() { "$venv/bin/python" -m pip --disable-pip-version-check -q "$@"; }
say "installing the locked Python packages"
cd "$root"
pip install --require-hashes -r requirements.lock &&
    pip install --no-deps --no-build-isolation -e . ||
    die "cannot install the locked packages into .venv (message above); without an index, set PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder with the wheels"
touch "$venv/.complete"
