#!/bin/sh
# Breaks the modules that decide, in one place at a time, and lists what no test noticed (half an hour).
# Usage: MODULES="decision/planner" mutants.sh PYTHON
set -eu
MODULES=${MODULES:-decision/planner decision/guardrails}
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
"$(dirname "$python")/pip" install --quiet cosmic-ray==8.7.0
export PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_PROFILE=mutants

prepare() { # a copy of the tree for each module, for a mutant is a changed file
    copy="$root/.cache/mutants/$1"
    rm -rf "$copy"
    mkdir -p "$copy"
    (cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy")
    cd "$copy"
    sed "s|MODULE|$1|; s|PYTHON|$python|" "$root/tools/mutants.toml" >mutants.toml
    "$(dirname "$python")/cosmic-ray" baseline mutants.toml # tests that fail anyway would notice every mutant
    "$(dirname "$python")/cosmic-ray" init mutants.toml mutants.sqlite
    "$(dirname "$python")/cr-filter-operators" mutants.sqlite mutants.toml
}

for module in $MODULES; do
    prepare "$module"
    "$(dirname "$python")/cosmic-ray" exec mutants.toml mutants.sqlite &
done
wait
for module in $MODULES; do
    cd "$root/.cache/mutants/$module"
    echo "== $module.py"
    "$(dirname "$python")/cr-report" --surviving-only --show-diff mutants.sqlite
done
