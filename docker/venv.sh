#!/usr/bin/env bash
# Make or complete the project venv from requirements.lock, hashes checked. PYTHON=... picks the
# interpreter (3.11 to 3.13). Debian's python3 comes without the means to put pip into a venv;
# that is installed where we may, and done without where there is a pip for the system's Python.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

venv=$root/.venv
log=$build/venv.log
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
    "$venv/bin/python" -c "$supported" 2>/dev/null || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$venv/bin/python" -V)" = "$("$python" -V)" ]
}

# The stamp holds what was installed, so that a venv is done again when that changes, and only then.
stamp() { (cd "$root" && sha256sum requirements.lock pyproject.toml docker/venv.sh); }
complete() { usable && [ "$(cat "$venv/.complete" 2>/dev/null)" = "$(stamp)" ]; }
has_pip() { usable && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }

create() {
    if ! "$python" -m ensurepip --version >/dev/null 2>&1 && "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear --without-pip "$venv" &&
            "$python" -m pip --python "$venv/bin/python" install -q pip
    else
        "$python" -m venv --clear "$venv"
    fi
}

install_locked() {
    local pip=("$venv/bin/python" -m pip --disable-pip-version-check)
    cd "$root" &&
        "${pip[@]}" install --require-hashes -r requirements.lock &&
        "${pip[@]}" install --no-deps --no-build-isolation -e . &&
        here
}

# What pip writes of this checkout is its path in UTF-8, which an interpreter that is made to use ASCII cannot
# follow where a folder has another letter. So the way there is written without names as well.
here() {
    local packages
    for packages in "$venv"/lib/python3*/site-packages; do printf '../../../..%s\n' '' /harness /emulator >"$packages/hsm-hil-here.pth"; done
}

# A machine without any Python gets the one of the distribution.
if [ -z "${PYTHON:-}" ] && ! find_python >/dev/null && ! command -v python3 >/dev/null; then
    "$root/docker/packages.sh" python3-venv
fi
if ! python=$(find_python); then
    [ -z "${PYTHON:-}" ] || die "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13"
    die "no Python 3.11, 3.12 or 3.13 found; install one (Debian: python3), or name it: make venv PYTHON=/path/to/python3"
fi
if complete; then exit 0; fi
has_pip || PYTHON=$python "$root/docker/packages.sh" python3-venv
mkdir -p "$build"
: >"$log"
if ! has_pip; then
    say "making .venv with $("$python" -V)"
    create >>"$log" 2>&1 || die "cannot make a venv with $python; see .build/venv.log"
fi
say "installing the locked Python packages"
install_locked >>"$log" 2>&1 || die "cannot install the locked packages, see .build/venv.log; where no package index \
is reachable, set PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder with the wheels"
stamp >"$venv/.complete"
