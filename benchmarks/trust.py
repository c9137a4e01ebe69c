"""A certificate authority for one run, and trust stores of full size that hold its certificate.

Certificates are made with OpenSSL's command. The stores are those of a Python deployment: each
`cacert.pem` of a folder of packages, and a directory of hashed names as OpenSSL looks them up.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")
KEY = ("-newkey", "rsa:2048", "-nodes")
NAME = "localhost"


class Authority(NamedTuple):
    """The files of a certificate authority, and of a server's certificate that it signed."""

    certificate: Path
    server_certificate: Path
    server_key: Path


def make_authority(folder: Path) -> Authority:
    """Makes an authority and a certificate for `localhost`, for one day."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    request, extensions = folder / "server.csr", folder / "server.ext"
    made = Authority(authority, folder / "server.pem", folder / "server.key")
    subject = ("-subj", "/O=scalein benchmarks/CN=Authority of one run")
    _openssl(
        "req", "-x509", *KEY, "-days", "1", *subject, "-keyout", authority_key, "-out", authority
    )
    _openssl(
        "req", "-new", *KEY, "-subj", f"/CN={NAME}", "-keyout", made.server_key, "-out", request
    )
    extensions.write_text(f"subjectAltName=DNS:{NAME},IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    signer = ("-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "1")
    _openssl(
        *("x509", "-req", "-in", request, *signer),
        *("-extfile", extensions, "-out", made.server_certificate),
    )
    return made


def add_to_stores(certificate: Path, packages: Path) -> None:
    """Adds a certificate to every trust store in a folder of packages: bundles, and directories of
    hashed names.
    """
    for bundle in packages.rglob("cacert.pem"):
        with bundle.open("a", encoding="ascii") as file:
            file.write("\n" + certificate.read_text(encoding="ascii"))
    for directory in {path.parent for path in packages.rglob("*.0") if _is_hashed(path)}:
        shutil.copyfile(certificate, directory / f"{_hash(certificate)}.0")


def make_directory(bundle: Path, directory: Path) -> Path:
    """Writes the certificates of a bundle into a directory, under hashed names. Returns it."""
    directory.mkdir()
    for number, text in enumerate(_certificates(bundle)):
        (directory / f"{number}.pem").write_text(text, encoding="ascii")
    _openssl("rehash", directory)
    return directory


def certificate_count(bundle: Path) -> int:
    return sum(1 for _ in _certificates(bundle))


def _certificates(bundle: Path) -> Iterator[str]:
    return (match[0] for match in CERTIFICATE.finditer(bundle.read_text(encoding="utf-8")))


def _is_hashed(path: Path) -> bool:
    return HASHED_NAME.fullmatch(path.name) is not None


def _hash(certificate: Path) -> str:
    return _openssl("x509", "-noout", "-subject_hash", "-in", certificate).strip()


def _openssl(*arguments: str | Path) -> str:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
