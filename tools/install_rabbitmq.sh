#!/bin/sh
# Installs RabbitMQ where it is missing and apt is there. Usage: install_rabbitmq.sh
set -eu

if [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || command -v rabbitmq-server >/dev/null 2>&1; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This needs RabbitMQ, and there is no apt-get to install it: brew install rabbitmq, dnf install rabbitmq-server, or see rabbitmq.com." >&2
    exit 1
fi
root=
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "This needs RabbitMQ. Install it: sudo apt-get install rabbitmq-server" >&2
        exit 1
    fi
    root=sudo
fi
echo "Installing rabbitmq-server with apt-get (a minute or two) ..."
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
$root apt-get install -y -qq --no-install-recommends rabbitmq-server >/dev/null
