"""A hashed directory of certificates, in which OpenSSL looks up single ones (capath)."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections import Counter
from collections.abc import Iterator

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Tags of ASN.1. OpenSSL compares texts of these kinds as UTF-8, whatever their case and spaces
# (X509_NAME_hash).
VERSION, SEQUENCE, SET, UTF8 = 0xA0, 0x30, 0x31, 0x0C
ENCODING_BY_TAG = {
    UTF8: "utf-8",
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # T61String
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
SPACES = re.compile(rb"[ \t\n\v\f\r]+")


def hashed_directory(bundle: str) -> dict[str, bytes]:
    """Returns the files of the directory by name, each one certificate of the bundle in PEM."""
    files: dict[str, bytes] = {}
    numbers: Counter[str] = Counter()
    for pem in dict.fromkeys(PEM.findall(bundle)):
        certificate = f"{pem}\n".encode("ascii")
        name = subject_hash(certificate)
        files[f"{name}.{numbers[name]}"] = certificate
        numbers[name] += 1
    return files


def subject_hash(pem: bytes) -> str:
    """Returns what `openssl x509 -subject_hash` prints of the certificate."""
    digest = hashlib.sha1(_canonical_subject(pem), usedforsecurity=False).digest()
    return digest[:4][::-1].hex()


def _canonical_subject(pem: bytes) -> bytes:
    ((_, certificate),) = _elements(ssl.PEM_cert_to_DER_cert(pem.decode("ascii")))
    _, to_be_signed = next(_elements(certificate))
    fields = [field for field in _elements(to_be_signed) if field[0] != VERSION]
    _, subject = fields[4]  # after serial number, signature algorithm, issuer and validity
    return b"".join(_canonical_set(attributes) for _, attributes in _elements(subject))


def _canonical_set(attributes: bytes) -> bytes:
    members = []
    for _, attribute in _elements(attributes):
        (kind, type_id), (tag, value) = _elements(attribute)
        if tag in ENCODING_BY_TAG:
            text = value.decode(ENCODING_BY_TAG[tag]).encode("utf-8")
            # `lower` of bytes changes letters of ASCII only, as OpenSSL does.
            tag, value = UTF8, SPACES.sub(b" ", text).strip().lower()
        members.append(_element(SEQUENCE, _element(kind, type_id) + _element(tag, value)))
    return _element(SET, b"".join(sorted(members)))


def _elements(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields tag and content of each element of a DER encoding, not of those within."""
    position = 0
    while position < len(encoded):
        tag, length = encoded[position], encoded[position + 1]
        position += 2
        if length & 0x80:  # the length of the length
            end = position + (length & 0x7F)
            length, position = int.from_bytes(encoded[position:end], "big"), end
        yield tag, encoded[position : position + length]
        position += length


def _element(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content
