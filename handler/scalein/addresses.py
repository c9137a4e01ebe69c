"""Parses the address of a service, and checks the URLs of a ledger and of a proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from scalein.errors import ConfigurationError

LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = rf"(?:{LABEL}\.)*{LABEL}\.?"
IPV6 = r"\[[0-9A-Fa-f:.]{2,45}\]"
ENDPOINT = rf"(?:(https?)://)?({HOST}|{IPV6})(?::([0-9]{{1,5}}))?/?"  # compiled only when needed
ENCODED = r"(?:[^\s/#?@:%\x00-\x1f\x7f]|%[0-9A-Fa-f]{2})*"
CREDENTIALS = rf"({ENCODED})(?::({ENCODED}))?"
TCP = rf"({HOST}|{IPV6})(?::([^/?]*))?(?:/([^?]*))?"
PROXY = rf"(?:https?://)?(?:[^\s/#?@]*@)?({HOST}|{IPV6})(?::([0-9]{{1,5}}))?/?"
PROXY_NAMES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
OPTIONS_BY_SCHEME = {
    "redis": (),
    "rediss": ("ssl_ca_certs", "ssl_check_hostname"),
    "unix": ("db",),
}
MAX_PORT, MAX_HOST_CHARACTERS = 65_535, 253
LEDGER_FORM = (
    "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// (TLS), or unix:///PATH[?db=N]"
)
MUST_BE_ENCODED = (
    "it has a character that must be percent-encoded in the user name or the password: "
    "%2F for /, %23 for #, %3F for ?, %40 for @, %3A for :, %25 for %"
)
USER_ALONE = (
    "it has no password before the @; without a user name the password follows a colon: "
    "redis://:PASSWORD@HOST"
)


class Endpoint(NamedTuple):
    """The address of a service. `secure` is False only for this machine: plain HTTP."""

    host: str  # host or host:port
    secure: bool


def parse_endpoint(name: str, text: str) -> Endpoint | None:
    """Returns the endpoint, None for an empty text.

    Raises ConfigurationError, which names the variable and shows no part of the text.
    """
    if not text:
        return None
    match = re.fullmatch(ENDPOINT, text)
    if match is None or not _is_host(match[2]) or not _is_port(match[3]):
        raise ConfigurationError(
            f"{name} is not an address. Set it to HOST, HOST:PORT or a URL without a path, such as"
            " 127.0.0.1:8080."
        )
    scheme, host, port = match.groups()
    is_local = _is_this_machine(host)
    if scheme == "http" and not is_local:
        raise ConfigurationError(
            f"{name} must be https: plain http is allowed for this machine only."
        )
    # The SDK appends ports 80 and 443 by itself and leaves any other port to the host text.
    return Endpoint(f"{host}:{port}" if port else host, scheme == "https" or not is_local)


def check_proxies(environment: Mapping[str, str]) -> None:
    """Raises ConfigurationError if a proxy of the environment cannot be used. The SDK would call
    without it. The error shows no part of it: it may hold a password.
    """
    for name in PROXY_NAMES:
        text = environment.get(name, "")
        match = re.fullmatch(PROXY, text, re.IGNORECASE) if text else None
        if text and (match is None or not _is_host(match[1]) or not _is_port(match[2])):
            raise ConfigurationError(
                f"{name} is not the address of an HTTP proxy. Set it to"
                " http://[USER:PASSWORD@]HOST[:PORT], or remove it; SOCKS is not supported."
            )


def check_ledger_url(name: str, url: str) -> None:
    """Raises ConfigurationError if redis-py could not use the URL. The error shows no part of it:
    it may hold a password.
    """
    fault = next(_ledger_faults(url), None)
    if fault:
        raise ConfigurationError(
            f"{name} cannot be read: {fault}. Set it to {LEDGER_FORM}; leave it empty for a ledger"
            " in memory."
        )


def ca_file_of(url: str) -> str:
    """Returns the file of certificates that a correct ledger URL names, "" for the system's."""
    query = url.partition("?")[2]
    options = dict(part.split("=", 1) for part in query.split("&") if part)
    return unquote(options.get("ssl_ca_certs", ""))


def _ledger_faults(url: str) -> Iterator[str]:
    """Clauses that say what is wrong with a ledger's URL, without any part of it."""
    scheme, has_scheme, rest = url.partition("://")
    if not has_scheme or scheme not in OPTIONS_BY_SCHEME:
        yield "its scheme is none of redis://, rediss://, unix://"
        return
    credentials, has_credentials, address = rest.rpartition("@")
    if has_credentials:
        yield from _credential_faults(credentials)
    if re.search(r"%(?![0-9A-Fa-f]{2})", address):
        yield "it has a % that is not followed by two hexadecimal digits"
    if not _decodes(address):
        yield "it does not decode to UTF-8 text without control characters"
    address, _, query = address.partition("?")
    yield from _path_faults(address) if scheme == "unix" else _host_faults(address)
    yield from _option_faults(query, scheme)


def _credential_faults(credentials: str) -> Iterator[str]:
    match = re.fullmatch(CREDENTIALS, credentials)
    if match is None:
        yield MUST_BE_ENCODED
    elif not match[2]:
        yield USER_ALONE
    elif not _decodes(credentials):
        yield "its user name or password does not decode to UTF-8 text without control characters"


def _path_faults(path: str) -> Iterator[str]:
    if not re.fullmatch(r"/[^\s#]+", path):
        yield "it lacks the absolute path of a socket"


def _host_faults(address: str) -> Iterator[str]:
    match = re.fullmatch(TCP, address)
    if match is None or not _is_host(match[1]):
        yield "it lacks a host name or address"
    elif not _is_port(match[2]):
        yield f"its port is not a number from 1 to {MAX_PORT}"
    elif not _is_database(match[3]):
        yield "its database, the part after the /, is not a number"


def _option_faults(query: str, scheme: str) -> Iterator[str]:
    options = [part.partition("=") for part in query.split("&") if part]
    if not all(_is_option(scheme, name, value) for name, _, value in options):
        known = ", ".join(OPTIONS_BY_SCHEME[scheme]) or "no options"
        yield f"an option after the ? is unknown or its value is wrong; {scheme}:// takes {known}"
    names = [name for name, _, _ in options]
    if len(set(names)) != len(names):
        yield "an option after the ? comes twice"


def _is_option(scheme: str, name: str, value: str) -> bool:
    if name not in OPTIONS_BY_SCHEME[scheme] or not value or "#" in value:
        return False
    if name == "db":
        return _is_database(value)
    return name != "ssl_check_hostname" or value in ("true", "false")


def _decodes(text: str) -> bool:
    try:
        return not re.search(r"[\x00-\x1f\x7f]", unquote(text, errors="strict"))
    except UnicodeDecodeError:
        return False


def _is_this_machine(host: str) -> bool:
    if host.lower() in ("localhost", "[::1]"):
        return True
    return re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _is_host(text: str) -> bool:
    if not text.startswith("["):
        return len(text) <= MAX_HOST_CHARACTERS
    import socket  # costs a cold start, and few addresses need it

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
