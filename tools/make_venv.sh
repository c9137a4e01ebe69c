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

# The machine's pip installs into the environment from outside (from 22.3): a pip of its own takes five seconds to make.
has_pip() { "$1" -m pip --python "$1" --version >/dev/null 2>&1; }
python=$("$python" -c 'import sys; print(sys.executable)') # a name on the PATH may be a shim

if [ ! -x "$venv/bin/scalein" ]; then # which is made last
    rm -rf "$venv"
    if has_pip "$python"; then "$python" -m venv --without-pip "$venv"; else "$python" -m venv "$venv"; fi
fi
if [ ! -x "$venv/bin/pip" ]; then
    cat >"$venv/bin/pip" <<SCRIPT
#!/bin/sh
exec "$python" -m pip --python "\$(dirname "\$0")/python" "\$@"
SCRIPT
    chmod +x "$venv/bin/pip"
fi
quiet=--quiet # what pip prints is progress, on a terminal
[ ! -t 1 ] || quiet=
echo "Installing what $requirements names into $venv ($("$venv/bin/python" --version)) ..."
# Byte code is written when a module is first imported: most modules never are.
"$venv/bin/pip" install $quiet --no-compile -r "$requirements"
cat >"$venv/bin/scalein" <<'SCRIPT'
#!/bin/sh
# The command line of this checkout.
bin=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$bin/../.." && pwd)
PYTHONPATH="$root/handler:$root" exec "$bin/python" -m scalein_cli "$@"
SCRIPT
chmod +x "$venv/bin/scalein"
touch "$venv/installed-$(basename "$requirements" .txt)"
