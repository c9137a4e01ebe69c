"""The only module that knows how the address of a service and the URL of a ledger are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from scalein.errors import ConfigurationError

LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = rf"(?:{LABEL}\.)*{LABEL}\.?"
IPV6 = r"\[[0-9A-Fa-f:.]{2,45}\]"
ENDPOINT = rf"(?:(https?)://)?({HOST}|{IPV6})(?::([0-9]{{1,5}}))?/?"  # compiled where there is one
ENCODED = r"(?:[^\s/#?@:%\x00-\x1f\x7f]|%[0-9A-Fa-f]{2})*"
CREDENTIALS = rf"({ENCODED})(?::({ENCODED}))?"
TCP = rf"({HOST}|{IPV6})(?::([^/?]*))?(?:/([^?]*))?"
OPTIONS = {
    "redis": (),
    "rediss": ("ssl_ca_certs", "ssl_check_hostname"),
    "unix": ("db",),
}
MAX_PORT, MAX_HOST = 65_535, 253
FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// (TLS), or unix:///PATH"
ENCODE = (
    "it has a character that must be percent-encoded in the user name or the password: %2F for /, %23 for #, "
    "%3F for ?, %40 for @, %3A for :, %25 for %"
)


class Endpoint(NamedTuple):
    """Where a service is. Plain HTTP only ever to this machine."""

    host: str  # host or host:port
    secure: bool


class LedgerSource(NamedTuple):
    """Where the ledger is; empty: in memory. Its text form shows no password."""

    url: str
    ca_file: str = ""  # that the URL names; empty: the system's

    def __repr__(self) -> str:
        return "LedgerSource(***)"


def parse_endpoint(name: str, text: str) -> Endpoint | None:
    """None for an empty text. Raises ConfigurationError, which names the variable and shows no part of the text."""
    if not text:
        return None
    parts = re.fullmatch(ENDPOINT, text)
    if parts is None or not _is_host(parts[2]) or not _is_port(parts[3]):
        raise ConfigurationError(
            f"{name} must be host:port or a URL without a path, such as 127.0.0.1:8080"
        )
    scheme, host, port = parts.groups()
    local = (
        host.lower() in ("localhost", "[::1]")
        or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
    )
    if scheme == "http" and not local:
        raise ConfigurationError(f"{name} must be https: plain http is for this machine only")
    # The SDK appends ports 80 and 443 by itself and leaves every other to the host text.
    return Endpoint(f"{host}:{port}" if port else host, scheme == "https" or not local)


def parse_ledger(name: str, text: str) -> LedgerSource:
    """The URL as redis-py takes it. Raises ConfigurationError, which shows no part of it: it may hold a password."""
    if not text:
        return LedgerSource("")
    wrong = next(_faults(text), None)
    if wrong:
        raise ConfigurationError(
            f"{name} cannot be read: {wrong}. It takes {FORM}; empty means a ledger in memory"
        )
    query = dict(part.split("=", 1) for part in text.partition("?")[2].split("&") if part)
    return LedgerSource(text, unquote(query.get("ssl_ca_certs", "")))


def _faults(text: str) -> Iterator[str]:
    """What is wrong with a ledger's URL, in sentences without any part of it."""
    scheme, has_scheme, rest = text.partition("://")
    if not has_scheme or scheme not in OPTIONS:
        yield "its scheme is none of redis://, rediss://, unix://"
        return
    credentials, has_credentials, address = rest.rpartition("@")
    if has_credentials:
        yield from _faults_of_credentials(credentials)
    if re.search(r"%(?![0-9A-Fa-f]{2})", address):
        yield "it has a % that is not followed by two hexadecimal digits"
    if not _decodes(address):
        yield "it does not decode to UTF-8 text without control characters"
    address, _, query = address.partition("?")
    yield from _faults_of_path(address) if scheme == "unix" else _faults_of_host(address)
    yield from _faults_of_options(query, scheme)


def _faults_of_credentials(text: str) -> Iterator[str]:
    parts = re.fullmatch(CREDENTIALS, text)
    if parts is None:
        yield ENCODE
    elif not parts[2]:
        yield "it has no password before the @; without a user name the password follows a colon: redis://:PASSWORD@HOST"
    elif not _decodes(text):
        yield "its user name or password does not decode to UTF-8 text without control characters"


def _faults_of_path(text: str) -> Iterator[str]:
    if not re.fullmatch(r"/[^\s#]+", text):
        yield "it lacks the absolute path of a socket"


def _faults_of_host(text: str) -> Iterator[str]:
    parts = re.fullmatch(TCP, text)
    if parts is None or not _is_host(parts[1]):
        yield "it lacks a host name or address"
    elif not _is_port(parts[2]):
        yield f"its port is not a number from 1 to {MAX_PORT}"
    elif not _is_database(parts[3]):
        yield "its database, the part after the /, is not a number"


def _faults_of_options(query: str, scheme: str) -> Iterator[str]:
    known, names = OPTIONS[scheme], []
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        names.append(name)
        wrong = (
            name not in known
            or not value
            or "#" in value
            or (name == "db" and not _is_database(value))
        )
        if wrong or (name == "ssl_check_hostname" and value not in ("true", "false")):
            takes = ", ".join(known) or "none"
            yield f"an option after the ? is unknown or has no fitting value; {scheme}:// takes: {takes}"
    if len(set(names)) != len(names):
        yield "an option after the ? comes twice"


def _decodes(text: str) -> bool:
    try:
        return not re.search(r"[\x00-\x1f\x7f]", unquote(text, errors="strict"))
    except UnicodeDecodeError:
        return False


def _is_host(text: str) -> bool:
    if not text.startswith("["):
        return len(text) <= MAX_HOST
    import socket  # seldom needed, and then loaded soon anyway

    try:
        return bool(socket.inet_pton(socket.AF_INET6, text[1:-1]))
    except OSError:
        return False


def _is_port(text: str | None) -> bool:
    return text is None or (
        re.fullmatch(r"[0-9]{1,5}", text) is not None and 0 < int(text) <= MAX_PORT
    )


def _is_database(text: str | None) -> bool:
    return not text or bool(re.fullmatch(r"[0-9]{1,5}", text))
