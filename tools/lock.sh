#!/bin/sh
# Pins what is deployed, with hashes, for each runtime of Function Compute: locks/. Usage: lock.sh PYTHON
set -eu
cd "$(dirname "$0")/.."

[ -x .cache/uv/bin/uv ] || { "$1" -m venv .cache/uv && .cache/uv/bin/python -m pip install --quiet uv; }
for version in 3.10 3.12; do
    # cryptography serves RSA key pairs only, and is 15 MB: the SDK works without it (handler/scalein/cold_start.py)
    .cache/uv/bin/uv pip compile requirements.txt --quiet --no-header --generate-hashes \
        --python-version "$version" --python-platform x86_64-manylinux_2_28 \
        --no-emit-package cryptography --no-emit-package cffi --no-emit-package pycparser \
        --output-file "locks/python$version.txt"
done
