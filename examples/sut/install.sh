#!/bin/sh
# Put a system under test, as it was released, into a virtual environment of its own: .build/sut/NAME, here.
# usage: install.sh ansible | barbican | barbican-19        (luks takes Debian's cryptsetup-bin)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case "${1:-}" in
    ansible) packages=ansible-core==2.19.14 ;;
    barbican) packages=barbican==23.0.0 ;;
    # The last release whose rewrap works at all, with the SQLAlchemy of its time.
    barbican-19) packages='barbican==19.0.0 oslo.db==16.0.0 sqlalchemy==1.4.54' ;;
    *) echo "usage: $0 ansible | barbican | barbican-19" >&2; exit 64 ;;
esac
place=$PWD/.build/sut/$1
[ -x "$place/bin/python" ] || python3 -m venv "$place"
# shellcheck disable=SC2086 - several words
"$place/bin/pip" install --quiet --disable-pip-version-check $packages
case "$1" in
    # The gate through which its PKCS#11 calls go, in front of Debian's NSS softokn (libnss3).
    barbican*) cc -shared -fPIC -O2 -Wall -Werror -o "$place/p11gate.so" "$here/p11gate.c" -ldl ;;
esac
