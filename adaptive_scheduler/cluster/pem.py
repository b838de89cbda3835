"""Reading certificates and keys: whole, private, and of the authority that they claim. Each fault names its file."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.extras import lacking

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

CA, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
"""What a machine has in its folder, by these names."""


def library() -> None:
    """Raise UsageError when certificates cannot be made nor read here for want of a library."""
    if problem := lacking("certificates", "dask", "cryptography"):
        raise UsageError(problem)


def certificate(path: Path) -> "x509.Certificate":
    """Return the certificate in a file; UsageError when there is none that can be read."""
    library()
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(content(path))
    except ValueError as error:
        raise UsageError(f"'{path}' holds no certificate; copy it again, or make the certificates anew") from error


def key(path: Path) -> "PrivateKeyTypes":
    """Return the private key in a file; UsageError when there is none, or others than its owner can read it."""
    library()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    _stays_private(path)
    try:
        return load_pem_private_key(content(path), password=None)
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted, and nobody is here to type a password
        raise UsageError(f"'{path}' holds no key without a password; copy it again, or make it anew") from error


def content(path: Path) -> bytes:
    """Return what is in a file; UsageError when it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"'{path}' is missing; copy the whole folder that 'adaptive-scheduler cluster certs' made for this machine"
        ) from error
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}; give it to the user who runs this") from error


def belongs(path: Path, private: "PrivateKeyTypes", certified: "x509.Certificate", beside: Path) -> None:
    """Raise UsageError when a key is not the one that a certificate is for."""
    if private.public_key() != certified.public_key():
        raise UsageError(f"'{path}' is not the key of '{beside}'; both must come from the same folder, copied whole")


def issued_by(path: Path, certified: "x509.Certificate", authority: "x509.Certificate", beside: Path) -> None:
    """Raise UsageError when a certificate was not made with this CA."""
    from cryptography.exceptions import InvalidSignature

    try:
        certified.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:  # another name, or another kind of key
        raise UsageError(
            f"'{path}' was not made with the CA in '{beside}'; both must come from the same folder, copied whole"
        ) from error


def valid_at(path: Path, certified: "x509.Certificate", now: datetime, way_out: str) -> None:
    """Raise UsageError when a certificate is not valid any more, or not yet."""
    first, last = certified.not_valid_before_utc, certified.not_valid_after_utc
    if now > last:
        raise UsageError(f"'{path}' expired on {last:%Y-%m-%d}; {way_out}")
    if now < first:
        raise UsageError(f"'{path}' is not valid before {first:%Y-%m-%d}; set the clock of this machine right")


def _stays_private(path: Path) -> None:
    """Raise UsageError when others than the owner may use the file, as far as the system's modes tell."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever reads it says why that is impossible
    if sys.platform != "win32" and mode & 0o077:
        raise UsageError(f"'{path}' is a key that others can read (mode {mode & 0o777:04o}); run: chmod 600 '{path}'")
