"""Certificates that a test makes: an authority, and what it signs or does not."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
HERE = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
ELSEWHERE = (x509.DNSName("ess.example.com"), x509.IPAddress(ipaddress.ip_address("10.1.2.3")))


class Authority(NamedTuple):
    """Signs certificates of servers. `file` has its own certificate, in PEM."""

    file: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    def certificate(
        self, names: tuple[x509.GeneralName, ...] = HERE, days: tuple[int, int] = (-1, 30)
    ) -> tuple[str, str]:
        """Returns the files of a certificate for these names and of its key; valid from and until
        so many days from now.
        """
        folder, key = self.file.parent, ec.generate_private_key(ec.SECP256R1())
        made, key_file = folder / f"{self.file.stem}-server.pem", folder / "server.key"
        subject = _name("server")
        made.write_bytes(_signed(subject, key, self.name, self.key, names, days))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(made), str(key_file)


def self_signed_in(folder: Path) -> tuple[str, str]:
    """Makes the files of a server's certificate that no authority signed, and of its key."""
    name, key = _name("server"), ec.generate_private_key(ec.SECP256R1())
    made, key_file = folder / "self-signed.pem", folder / "self-signed.key"
    made.write_bytes(_signed(name, key, name, key, HERE, (-1, 30)))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(made), str(key_file)


def authority_in(folder: Path, common_name: str = "Authority of a test") -> Authority:
    """Makes an authority, its file in a new folder of this one."""
    own = folder / common_name
    own.mkdir()
    name, key = _name(common_name), ec.generate_private_key(ec.SECP256R1())
    (own / "authority.pem").write_bytes(_signed(name, key, name, key, (), (-2, 60)))
    return Authority(own / "authority.pem", name, key)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "  Tests   of  scalein "),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: tuple[x509.GeneralName, ...],
    days: tuple[int, int],
) -> bytes:
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, SHA256()).public_bytes(Encoding.PEM)
