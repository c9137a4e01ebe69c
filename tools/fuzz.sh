#!/bin/sh
# Fuzzes the intake with Atheris, where that installs. Usage: fuzz.sh PYTHON SECONDS
set -eu

if ! "$1" -c "import atheris" >/dev/null 2>&1 && ! "$(dirname "$1")/pip" install --quiet atheris==3.0.0 >/dev/null 2>&1; then
    echo "Atheris does not install for $("$1" --version) on this machine: nothing was fuzzed beyond what the tests do."
    exit 0
fi
echo "Fuzzing the intake for $2 s ..."
"$1" tools/fuzz_intake.py "-max_total_time=$2"
