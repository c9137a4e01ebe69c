#!/bin/sh
# Runs `make test` with each of Python 3.10 to 3.13 that is on the PATH or kept by pyenv, except the version that SKIP
# names. Usage: each_python.sh MAKE
set -eu

found=
for version in 3.10 3.11 3.12 3.13; do
    [ "$version" != "${SKIP:-}" ] || continue
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" >/dev/null 2>&1; then
            echo "== Python $version"
            "$1" --no-print-directory test PYTHON="$python" VENV=".venv-$version"
            found="$found $version"
            break
        fi
    done
done
if [ -z "$found" ]; then
    echo "None of Python 3.10 to 3.13 was found." >&2
    exit 1
fi
echo "Passed on Python$found."
