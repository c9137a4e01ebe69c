#!/bin/sh
# Installs what a file names into a virtual environment, made where it is missing.
# Usage: make_venv.sh PYTHON FOLDER REQUIREMENTS
set -eu

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

venv=$2
requirements=$3
python=
for candidate in "$1" python3 python3.13 python3.12 python3.11 python3.10 python; do
    if new_enough "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "scalein needs Python 3.10 or later. Install it, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi

if [ ! -x "$venv/bin/scalein" ]; then # which is made last
    rm -rf "$venv"
    "$python" -m venv "$venv" >/dev/null 2>&1 ||
        { rm -rf "$venv"; "$python" -m venv --without-pip "$venv"; }
fi
if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    pip() { "$venv/bin/python" -m pip "$@"; }
else # Debian's python3 without python3-venv: the machine's pip installs into the environment from outside
    pip() { "$python" -m pip --python "$venv/bin/python" "$@"; }
fi
quiet=--quiet # what pip prints is progress, on a terminal
[ ! -t 1 ] || quiet=
echo "Installing what $requirements names into $venv ($("$venv/bin/python" --version)) ..."
# Byte code is written when a module is first imported: most modules never are.
pip install $quiet --no-compile -r "$requirements"
cat >"$venv/bin/scalein" <<'SCRIPT'
#!/bin/sh
# The command line of this checkout.
bin=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$bin/../.." && pwd)
PYTHONPATH="$root/handler:$root" exec "$bin/python" -m scalein_cli "$@"
SCRIPT
chmod +x "$venv/bin/scalein"
touch "$venv/installed-$(basename "$requirements" .txt)"
