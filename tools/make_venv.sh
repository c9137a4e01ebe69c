#!/bin/sh
# Makes a new virtual environment with what requirements-dev.txt names. Usage: make_venv.sh PYTHON FOLDER
set -eu

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

venv=$2
python=
for candidate in "$1" python3 python3.13 python3.12 python3.11 python3.10 python; do
    if new_enough "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "scalein needs Python 3.10 or later. Install it, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi

echo "Setting up $venv with $("$python" --version) (a minute, the first time) ..."
rm -rf "$venv"
if "$python" -m venv "$venv" >/dev/null 2>&1; then
    pip() { "$venv/bin/python" -m pip "$@"; }
else # Debian's python3 without python3-venv: the machine's pip installs into the environment from outside
    rm -rf "$venv"
    "$python" -m venv --without-pip "$venv"
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi
pip install --quiet --no-compile -r requirements-dev.txt
"$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" || true # as pip would, on all processors; some files never compile
cat >"$venv/bin/scalein" <<'SCRIPT'
#!/bin/sh
# The command line of this checkout.
bin=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$bin/../.." && pwd)
PYTHONPATH="$root/handler:$root" exec "$bin/python" -m scalein_cli "$@"
SCRIPT
chmod +x "$venv/bin/scalein"
touch "$venv/ready"
