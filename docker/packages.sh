#!/usr/bin/env bash
# Install system packages: docker/packages.sh NAME...
# What is there already is left alone. Without root or apt one line says what to install.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Whether a package is there is asked of what it provides, so that other distributions,
# and a Docker engine installed by other means, are accepted too.
has_pip() { "$1" -m pip --version || "$1" -m ensurepip --version; }

provided() {
    case $1 in
        docker.io)   command -v dockerd ;;
        docker-cli)  command -v docker ;;
        libc6-dev)   test -e /usr/include/stdlib.h ;;
        libnss3)     compgen -G '/usr/lib/*/libsoftokn3.so' ;;
        libnss3-tools) command -v certutil ;;
        opensc)      command -v pkcs11-tool ;;
        python3-venv) has_pip "$root/.venv/bin/python" || has_pip "${PYTHON:-python3}" ;;
        postgresql)  compgen -G '/usr/lib/postgresql/*/bin/postgres' || command -v postgres ;;
        softhsm2)    command -v softhsm2-util ;;
        *)           command -v "$1" ;;
    esac >/dev/null 2>&1
}

missing=()
for package in "$@"; do
    provided "$package" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    die "missing system packages (Debian's names): ${missing[*]}; install them and run this again"
fi
if [ "$(id -u)" -ne 0 ]; then
    die "missing system packages; run this first: sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=60 -o Acquire::Retries=3 \
        install --no-install-recommends "${missing[@]}" </dev/null >>"$build/packages.log" 2>&1
}

own_folder "$build"
say "installing system packages: ${missing[*]}"
# A package list from an earlier update is often good enough, and one broken third-party
# source makes an update fail that got all of Debian's own lists.
install || { apt-get -qq update >>"$build/packages.log" 2>&1 || true; install; } ||
    die "cannot install ${missing[*]} (no network?); see .build/packages.log"
