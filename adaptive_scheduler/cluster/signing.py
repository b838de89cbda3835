"""What a certificate says: keys of the curve P-256, signed with SHA-256, good for both ends of a connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

WRONG_CLOCKS = timedelta(days=1)
"""How long before it was made a certificate is valid: no two machines agree on the time."""

LONGEST_COMMON_NAME = 64
"""X.520's limit; nobody compares this name, the others have no limit."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate, and the key that makes others with it."""

    certificate: "x509.Certificate"
    key: "EllipticCurvePrivateKey"


def new_key() -> "EllipticCurvePrivateKey":
    """Return a new private key."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def new_authority(now: datetime, until: datetime) -> Authority:
    """Return a new CA, which signs machines and no further CA."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    key, name = new_key(), _name("adaptive-scheduler cluster CA")
    builder = (
        _about(name, key.public_key(), now, until)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return Authority(builder.sign(key, SHA256()), key)


def for_host(
    names: Sequence[str], key: "EllipticCurvePublicKey", authority: Authority, now: datetime, until: datetime
) -> "x509.Certificate":
    """Return a certificate for a machine by all its names and addresses; the first is the one that people read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    both_ends = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _about(_name(names[0]), key, now, until)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both_ends), critical=False)
        .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        .add_extension(signer, critical=False)
    )
    return builder.sign(authority.key, SHA256())


def certificate_text(certificate: "x509.Certificate") -> bytes:
    """Return a certificate as its file's content."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def key_text(key: "EllipticCurvePrivateKey") -> bytes:
    """Return a key as its file's content, without a password: services start with nobody there to type it."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _about(
    name: "x509.Name", key: "EllipticCurvePublicKey", now: datetime, until: datetime
) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - WRONG_CLOCKS)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:LONGEST_COMMON_NAME])])


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _san(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
