#!/bin/sh
# Put a system under test, as it was released, into a virtual environment of its own: .build/sut/NAME.
# usage: install.sh ansible | barbican | barbican-19        (luks takes Debian's cryptsetup-bin)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case "${1:-}" in
    ansible) package=ansible-core==2.19.14 ;;
    barbican) package=barbican==23.0.0 ;;
    barbican-19) package=barbican==19.0.0 ;;
    *) echo "usage: $0 ansible | barbican | barbican-19" >&2; exit 64 ;;
esac
place=$here/../../.build/sut/$1
[ -x "$place/bin/python" ] || python3 -m venv "$place"
"$place/bin/pip" install --quiet --disable-pip-version-check "$package"
case "$1" in
    # The gate through which its PKCS#11 calls go, in front of Debian's NSS softokn (libnss3).
    barbican*) cc -shared -fPIC -O2 -Wall -Werror -o "$place/p11gate.so" "$here/p11gate.c" -ldl ;;
esac
