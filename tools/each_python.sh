#!/bin/sh
# Runs `make test` with each of Python 3.10 to 3.13 that is on the PATH or kept by pyenv, except the versions that
# SKIP names. Makes all environments first. Usage: each_python.sh MAKE
set -eu

make_for() { # TARGET VERSION PYTHON
    "$make" --no-print-directory "$1" PYTHON="$3" VENV=".venv-$2"
}

make=$1
shift
for version in 3.10 3.11 3.12 3.13; do
    case " ${SKIP:-} " in *" $version "*) continue ;; esac
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" >/dev/null 2>&1; then
            make_for setup "$version" "$python"
            set -- "$@" "$version" "$python"
            break
        fi
    done
done
if [ $# = 0 ]; then
    echo "None of Python 3.10 to 3.13 was found." >&2
    exit 1
fi
passed=
while [ $# -gt 0 ]; do
    echo "== Python $1"
    make_for test "$1" "$2"
    passed="$passed $1"
    shift 2
done
echo "Passed on Python$passed."
