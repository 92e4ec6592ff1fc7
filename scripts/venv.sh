#!/bin/sh
# Makes .venv with the given Python. Debian splits the venv module off into a package of its own: bring it when we may.
set -eu
python=$1
if ! "$python" -c "import ensurepip" 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "setup: installing python3-venv"
        apt-get update -qq >/dev/null && apt-get install -y -qq python3-venv >/dev/null
    else
        echo "setup: $python has no venv module; install it first (on Debian: apt-get install python3-venv)" >&2
        exit 1
    fi
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed" >&2; exit 1; }
"$python" -m venv .venv
