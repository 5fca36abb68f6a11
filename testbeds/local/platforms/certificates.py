"""Certificates of a stack: one authority, and for each name a folder that is replaced at once, as a rotation does.

`<folder>/<name>/current` is a link to the folder of the newest certificate, with `tls.crt`, `tls.key` and `ca.crt`.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testbeds.local.layout import LOOPBACK

if TYPE_CHECKING:
    from pathlib import Path

TLS = "tls"
"""In a stack's folder: where all of them are."""
CURRENT = "current"
FILES = ("tls.crt", "tls.key", "ca.crt")
_DAYS = 2
_AUTHORITY = "authority"


def issue(folder: Path, name: str) -> int:
    """Make a new certificate for a name, and put it in the place of the one before, all files at once.

    Args:
        folder: All certificates' folder; its authority is made with the first.
        name: The name, also as `<name>.local`; it is valid for loopback, too.

    Returns:
        Its serial number.
    """
    authority, authority_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName(f"{name}.local"), x509.DNSName("localhost"), x509.IPAddress(ip_address(LOOPBACK))]
    certificate = (
        _begun(name, key.public_key())
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    made = folder / name / uuid4().hex
    made.mkdir(parents=True)
    texts = (_pem(certificate), _key_pem(key), _pem(authority))
    for file, text in zip(FILES, texts, strict=True):
        (made / file).write_bytes(text)
    link = made.with_name(f".{made.name}")
    link.symlink_to(made.name)
    link.replace(folder / name / CURRENT)
    return certificate.serial_number


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS of a server that wants a certificate of its clients."""
    certificate, key, authority = (folder / file for file in FILES)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    place = folder / _AUTHORITY
    if not place.exists():
        place.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun("sample authority", key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        own = begun.issuer_name(_subject("sample authority")).add_extension(constraints, critical=True)
        (place / FILES[0]).write_bytes(_pem(own.sign(key, hashes.SHA256())))
        (place / FILES[1]).write_bytes(_key_pem(key))
    certificate = x509.load_pem_x509_certificate((place / FILES[0]).read_bytes())
    loaded = serialization.load_pem_private_key((place / FILES[1]).read_bytes(), None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise TypeError(place)
    return certificate, loaded


def _begun(name: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
