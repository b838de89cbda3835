"""Making certificates: a private CA for one cluster alone, and one certificate for each of its machines.

Whoever holds a certificate of this CA may run programs on every machine of the cluster: it signs for nobody else,
and its key stays where the certificates are made.
"""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from adaptive_scheduler.cluster import pem, signing
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.files import private_folder, replace_file, sync_folder

CA_KEY = "ca-key.pem"
CA_LIFE = timedelta(days=3653)
"""Ten years, leap days included."""
HOST_LIFE = timedelta(days=825)
"""The most that the strictest verifiers accept of a server with a private CA (https://support.apple.com/en-us/103769)."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
NAME = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine by the name of its folder, and what else others may call it by."""

    name: str
    also: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Host":
        """Return the host that "name" or "name=alias,10.0.0.5" means; UsageError quotes what is no name."""
        name, has_aliases, rest = text.partition("=")
        host = cls(name, tuple(rest.split(",")) if has_aliases else ())
        for one in (host.name, *host.also):
            if not _is_address(one) and (not NAME.fullmatch(one) or one.rpartition(".")[2].isdecimal()):
                raise UsageError(
                    f"--host '{text}': '{one}' is neither a name nor an address; write NAME or NAME=ALIAS,10.0.0.5"
                )
        if ":" in name or name.casefold() in (pem.CA, CA_KEY):
            raise UsageError(f"--host '{text}': '{name}' cannot name a folder; write NAME={name}")
        return host

    @property
    def names(self) -> tuple[str, ...]:
        """All that its certificate is for; loopback too, since scheduler and node may share a machine."""
        return tuple(dict.fromkeys((self.name, *self.also, *LOOPBACK)))


@dataclass(frozen=True, slots=True)
class Made:
    """What `make` wrote: the CA only when it was not there before, and a folder for each host with its last day."""

    new_ca: bool
    hosts: tuple[Host, ...]
    folders: tuple[Path, ...]
    until: datetime


def make(
    folder: Path,
    hosts: Sequence[Host],
    *,
    now: datetime,
    life: timedelta = HOST_LIFE,
    renew: bool = False,
    expel: Sequence[str] = (),
) -> Made:
    """Write a folder for each host, and the CA when there is none yet: all of it or nothing.

    What is renewed keeps its other names where none are given. To `expel` a machine there is a new CA, and everybody
    else that has a folder gets a new certificate: what the old one has signed is worth nothing where the new one is.

    Raises UsageError without the library for it, for half a CA, for a host that has its folder already unless `renew`,
    and for what cannot be written.
    """
    pem.library()
    names = [host.name.casefold() for host in hosts]
    if twice := [host.name for host in hosts if names.count(host.name.casefold()) > 1]:
        raise UsageError(f"--host '{twice[0]}' is named twice; write all its names at once: NAME=ALIAS,ADDRESS")
    try:
        if expel:
            hosts, renew = [*_others(folder, expel, names), *hosts], True
        found = None if expel else _existing_ca(folder, now)
        for host in hosts:
            _may_be_written(folder / host.name, renew)
        hosts = [host if host.also else _known(folder / host.name) or host for host in hosts]
        ca = found or signing.new_authority(now, now + CA_LIFE)
        until = min(now + life, ca.certificate.not_valid_after_utc)
        private_folder(folder)
        # In the folder itself, so that a rename finishes it; what it replaces ends there too.
        with tempfile.TemporaryDirectory(prefix=".certs-", dir=folder) as temporary:
            staging = Path(temporary)
            moves: list[tuple[Path, Path]] = []
            if not found:
                replace_file(staging / CA_KEY, signing.key_text(ca.key))
                replace_file(staging / pem.CA, signing.certificate_text(ca.certificate))
                for one in (CA_KEY, pem.CA):
                    moves += [(folder / one, staging / f"{one}=")] if (folder / one).exists() else []
                    moves.append((staging / one, folder / one))
            for host in hosts:
                place = folder / host.name
                _write_host(staging / host.name, host, ca, now, until)
                moves += [(place, staging / f"{host.name}=")] if place.exists() else []
                moves.append((staging / host.name, place))
            moves += [(folder / name, staging / f"{name}=") for name in dict.fromkeys(expel)]
            _rename_all(moves)
        sync_folder(folder)
    except OSError as error:
        raise UsageError(f"'{folder}' cannot be written: {error.strerror}; nothing was changed") from error
    return Made(not found, tuple(hosts), tuple(folder / host.name for host in hosts), until)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # an interface's name means nothing to other machines


def _known(place: Path) -> Host | None:
    """Return a host as its certificate names it, None when it has none."""
    from cryptography import x509

    if not (place / pem.CERTIFICATE).exists():
        return None
    extensions = pem.certificate(place / pem.CERTIFICATE).extensions
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return Host(place.name, tuple(str(one.value) for one in found if str(one.value) not in (place.name, *LOOPBACK)))


def _others(folder: Path, expel: Sequence[str], named: Sequence[str]) -> list[Host]:
    """Return who else has a folder: neither to go nor named; UsageError when somebody to go has none."""
    known = [host for place in sorted(folder.glob("*/")) if (host := _known(place)) is not None]
    for name in expel:
        if name not in [host.name for host in known]:
            there = ", ".join(f"'{host.name}'" for host in known) or "none"
            raise UsageError(f"--expel '{name}': '{folder}' has no folder of that name; there is {there}")
        if name.casefold() in named:
            raise UsageError(f"--expel '{name}': it cannot go and be made anew at once; leave --host {name} out")
    return [host for host in known if host.name not in expel and host.name.casefold() not in named]


def _existing_ca(folder: Path, now: datetime) -> signing.Authority | None:
    """Return the CA of an earlier call, None when there is none; UsageError for half of one or a useless one."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    missing = [one for one in (pem.CA, CA_KEY) if not (folder / one).exists()]
    if len(missing) == 2:
        return None
    if missing:
        raise UsageError(
            f"'{folder / missing[0]}' is missing, and half a CA makes no certificates; put it back, "
            "or use a new folder and give every machine its new certificate"
        )
    certificate, key = pem.certificate(folder / pem.CA), pem.key(folder / CA_KEY)
    pem.belongs(folder / CA_KEY, key, certificate, folder / pem.CA)
    pem.valid_at(folder / pem.CA, certificate, now, "use a new folder, and give every machine its new certificate")
    if not isinstance(key, EllipticCurvePrivateKey):
        raise UsageError(f"'{folder / CA_KEY}' was not made here; use a new folder")
    return signing.Authority(certificate, key)


def _may_be_written(place: Path, renew: bool) -> None:
    """Raise UsageError for a folder that would be lost, or that holds more than what is renewed."""
    if not place.exists():
        return
    if not renew:
        raise UsageError(f"'{place}' is there already; remove it, or add --renew to make its certificate anew")
    if others := sorted({one.name for one in place.iterdir()} - {pem.CA, pem.CERTIFICATE, pem.KEY}):
        raise UsageError(f"'{place / others[0]}' was not made here and would be lost; move it away")


def _write_host(place: Path, host: Host, ca: signing.Authority, now: datetime, until: datetime) -> None:
    key = signing.new_key()
    private_folder(place)
    replace_file(place / pem.KEY, signing.key_text(key))
    certificate = signing.for_host(host.names, key.public_key(), ca, now, until)
    replace_file(place / pem.CERTIFICATE, signing.certificate_text(certificate))
    replace_file(place / pem.CA, signing.certificate_text(ca.certificate))


def _rename_all(moves: list[tuple[Path, Path]]) -> None:
    """Rename each or none: what was renamed before a failure is renamed back."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except BaseException:  # Ctrl-C too: what is still in the staging folder goes with it
        for source, target in reversed(done):
            target.rename(source)
        raise
