"""A self-signed certificate for HTTPS, made with OpenSSL's command; valid for this machine."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CertificateError(Exception):
    """The certificate could not be made; the text says why."""


@contextmanager
def self_signed_certificate(host: str) -> Iterator[tuple[str, str]]:
    """Yields the files of the certificate and of its key. Raises CertificateError."""
    with tempfile.TemporaryDirectory(prefix="localcloud-tls-") as folder:
        yield _create(host, Path(folder))


def _create(host: str, folder: Path) -> tuple[str, str]:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    names = f"subjectAltName=DNS:localhost,IP:127.0.0.1,{kind}:{host}"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
        *("-subj", "/CN=localhost", "-addext", names, "-keyout", str(key)),
        *("-out", str(certificate)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CertificateError("HTTPS needs the openssl command") from error
    except subprocess.CalledProcessError as error:
        raise CertificateError(f"openssl failed: {error.stderr.strip()[-200:]}") from error
    return str(certificate), str(key)
