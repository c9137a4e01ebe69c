"""One TLS context for each trust store, which all connections of the process share.

A context that reads the SDK's bundle, 240 kB, costs 13 to 60 ms of processor time. OpenSSL looks
into a hashed directory only for the certificates that a server's chain names: 0.2 ms. The trust
store is the first of these that exists:

1. the file or directory of a variable (ALIBABA_CLOUD_CA_BUNDLE, REQUESTS_CA_BUNDLE);
2. the runtime's own hashed directory;
3. the hashed directory that `scalein package` makes of the SDK's bundle;
4. the SDK's bundle, which also supplements a directory of 2 or 3 that lacks an issuer.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from threading import Lock

PACKAGED_DIRECTORY = str(Path(__file__).parent / "certificates")
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d")  # hash of the certificate's subject, and a number
MIN_CERTIFICATES = 50  # with fewer, a directory was made for something else than the public web
# X509_V_ERR_*: the issuer of the server's certificate, or of one that it sends, is not known.
ISSUER_UNKNOWN = (2, 19, 20, 21)


class Context(ssl.SSLContext):
    """Verifies the certificate and the host name, as an SSLContext of clients does by default."""

    supplement = ""  # a file of more certificates, which is read if the others do not suffice

    def read_supplement(self) -> None:
        """Trusts the supplement too. Threads may call."""
        if self.supplement:
            self.load_verify_locations(cafile=self.supplement)
            self.supplement = ""


class Contexts:
    """The contexts of a process. Threads may call: the first calls come from several at once."""

    def __init__(self, default: Callable[[], Context]) -> None:
        self._lock = Lock()
        self._default = default
        self._context_by_store: dict[str, Context] = {}

    def get(self, trust_store: str = "") -> Context:
        """Returns the context that trusts a file of certificates in PEM, or a hashed directory; ""
        is the default. Raises OSError or ValueError if it cannot be read.
        """
        with self._lock:
            context = self._context_by_store.get(trust_store)
            if context is None:
                context = new_context(trust_store) if trust_store else self._default()
                self._context_by_store[trust_store] = context
            return context


@cache
def contexts() -> Contexts:
    """Returns the contexts of this process."""
    return Contexts(default_context)


def new_context(trust_store: str) -> Context:
    """Returns a context that trusts the certificates of a file, or of a hashed directory."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    if Path(trust_store).is_dir():
        context.load_verify_locations(capath=trust_store)
    else:
        context.load_verify_locations(cafile=trust_store)
    return context


def default_context() -> Context:
    """Returns the context where no variable names a trust store."""
    return context_of((ssl.get_default_verify_paths().capath, PACKAGED_DIRECTORY), bundle())


def context_of(directories: tuple[str | None, ...], bundle_path: str) -> Context:
    """Returns the context of the first hashed directory, or of the bundle if none is."""
    directory = next((path for path in directories if path and is_hashed(path)), "")
    context = new_context(directory or bundle_path)
    context.supplement = bundle_path if directory else ""
    return context


def is_hashed(directory: str) -> bool:
    """Whether the directory has the certificates of a trust store by the names that OpenSSL asks
    for.
    """
    try:
        certificates = (
            path for path in Path(directory).iterdir() if HASHED_NAME.fullmatch(path.name)
        )
        return sum(1 for _ in islice(certificates, MIN_CERTIFICATES)) == MIN_CERTIFICATES
    except OSError:
        return False


def is_unverified(error: BaseException | None) -> bool:
    """Whether the certificate of a server did not verify, to OpenSSL or to a urllib3."""
    is_of_urllib3 = type(error).__name__ == "CertificateError"
    return isinstance(error, ssl.SSLCertVerificationError) or is_of_urllib3


def unverified_text(error: BaseException | None, host: str) -> str:
    """Returns what to say of such an error, with the reason that OpenSSL gives."""
    reason = str(getattr(error, "verify_message", "")).rstrip(".")
    return f"the certificate of {host} does not verify" + (f" ({reason})" if reason else "")


def bundle() -> str:
    """Returns the path of the certificates that the SDK trusts, in PEM."""
    spec = find_spec("aliyunsdkcore")  # does not import it
    folders = spec.submodule_search_locations if spec else None
    return f"{(folders or [''])[0]}/vendored/requests/packages/certifi/cacert.pem"
