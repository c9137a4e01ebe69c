#!/bin/sh
# Installs a Debian package where it is missing and apt is there. Usage: install_server.sh rabbitmq-server|redis-server|chromium
set -eu

server=$1
if [ -x "/usr/lib/rabbitmq/bin/$server" ] || command -v "$server" >/dev/null 2>&1; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This needs $server, and there is no apt-get to install it: use brew, dnf, or whatever is there." >&2
    exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "This needs $server. Install it: sudo apt-get install $server" >&2
        exit 1
    fi
    root=sudo
fi
echo "Installing $server with apt-get (a minute or two) ..."
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq -o DPkg::Lock::Timeout=600
$root apt-get install -o DPkg::Lock::Timeout=600 -y -qq --no-install-recommends "$server" >/dev/null
