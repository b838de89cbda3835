"""Who may talk to whom: the certificates of this machine, and whether a scheduler takes them, said in one sentence.

Dask checks that a certificate is of our CA and nothing else: any node could pose as the scheduler. Here its names are
checked too, before dask is asked for anything.
"""

import ssl
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adaptive_scheduler import addresses
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster import dial, pem

if TYPE_CHECKING:
    from distributed import Security

GREETING_S = 0.3
"""How long a scheduler without TLS may think before we ask whether it has TLS: that one waits for us to speak."""

SOON = timedelta(days=30)
"""So long before certificates expire it is told: they have to be carried to machines."""

RENEWAL = "make it anew: adaptive-scheduler cluster certs DIR --renew --host NAME"

NOT_YET_VALID, EXPIRED, OTHER_HOST, OTHER_ADDRESS = 9, 10, 62, 64
"""OpenSSL's verdicts on a certificate (x509_vfy.h)."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """The folder of this machine with ca.pem, cert.pem and key.pem."""

    folder: Path

    @classmethod
    def of(cls, folder: str, *, now: datetime | None = None) -> "Certificates":
        """Return the certificates in a folder; UsageError names the file at fault and the way out.

        Without `now` it is the true time, which TLS itself goes by.
        """
        own = cls(Path(folder))
        authority, certificate = pem.certificate(own.ca), pem.certificate(own.certificate)
        pem.belongs(own.key, pem.key(own.key), certificate, own.certificate)
        pem.issued_by(own.certificate, certificate, authority, own.ca)
        for path, one in ((own.ca, authority), (own.certificate, certificate)):
            pem.valid_at(path, one, now or Clock().now(), RENEWAL)
        return own

    def expire_soon(self, now: datetime) -> str:
        """Return which of them expires within a month and the way out, empty when none does; raises UsageError."""
        ends = {path: pem.certificate(path).not_valid_after_utc for path in (self.ca, self.certificate)}
        path = min(ends, key=lambda one: ends[one])
        if ends[path] - now > SOON:
            return ""
        anew = RENEWAL if path == self.certificate else "make a new folder for all machines: cluster certs NEWDIR"
        return f"'{path}' expires on {ends[path]:%Y-%m-%d}; {anew}"

    @property
    def ca(self) -> Path:
        """The certificate of the only authority that is believed."""
        return self.folder / pem.CA

    @property
    def certificate(self) -> Path:
        """What this machine shows to others."""
        return self.folder / pem.CERTIFICATE

    @property
    def key(self) -> Path:
        """What proves that the certificate is ours."""
        return self.folder / pem.KEY

    def context(self) -> ssl.SSLContext:
        """Return what a connection to a scheduler needs; raises OSError when the files have gone."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as dask does: a site's own CA may be older than its rules
        return context


def security(certificates: Certificates | None) -> "Security":
    """Return the same certificates for every role that dask knows; None is loopback without TLS."""
    from distributed import Security

    if certificates is None:
        return Security(require_encryption=False)  # type: ignore[no-untyped-call]  # dask types little of itself
    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_cert": str(certificates.certificate) for role in roles}
    files |= {f"tls_{role}_key": str(certificates.key) for role in roles}
    return Security(  # type: ignore[no-untyped-call]
        require_encryption=True,
        tls_ca_file=str(certificates.ca),
        tls_min_version=ssl.TLSVersion.TLSv1_2,
        **files,
    )


def refusal(address: str, certificates: Certificates | None, timeout_s: float) -> str:
    """Return why no scheduler can be asked there, empty when one answers; raises OSError for files that have gone."""
    try:
        master = addresses.parse(address)
    except ValueError as error:
        return f"'{address}' {error}"
    scheme, host, port = master
    if scheme == "tcp" and not master.is_loopback:
        return (
            f"'{address}' is not on this machine, and TLS is required off loopback; "
            "make certificates with 'adaptive-scheduler cluster certs' and use tls://"
        )
    if scheme == "tls" and certificates is None:
        return (
            f"'{address}' needs certificates; make them with 'adaptive-scheduler cluster certs' and name their folder"
        )
    if scheme == "tcp" and certificates is not None:
        return f"'{address}' is without TLS, and there are certificates; write tls://, or leave the certificates out"
    context = certificates.context() if certificates else None
    deadline_s = time.monotonic() + timeout_s
    try:
        with dial.connect(host, port, deadline_s) as plain:
            if context is None:
                if dial.silent(plain, min(GREETING_S, timeout_s)) and dial.speaks_tls(host, port, deadline_s):
                    return f"'{address}' speaks TLS; write tls:// and name the folder of this machine's certificates"
                answers = dial.greeted(plain, deadline_s)
            else:
                plain.settimeout(dial.left_s(deadline_s))
                with context.wrap_socket(plain, server_hostname=host) as secured:
                    # With TLS 1.3 it says what it thinks of our certificate only when we read.
                    answers = dial.greeted(secured, deadline_s)
    except dial.NotReachedError as error:
        return str(error)
    except TimeoutError:
        return f"'{address}' takes connections but says nothing within {timeout_s:g} s; look at its log"
    except ssl.SSLError as error:
        return _mistrust(error, address, host, certificates)
    except OSError:
        return f"'{address}' hangs up before it says a word; look at its log"
    return "" if answers else f"who answers at '{address}' is no dask scheduler; look which program has the port"


def _mistrust(error: ssl.SSLError, address: str, host: str, certificates: Certificates | None) -> str:
    """Return what TLS says in a sentence: who does not believe whom."""
    ours = certificates.folder if certificates else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == EXPIRED:
            return (
                f"the certificate of '{address}' has expired; make it anew with --renew and start the scheduler again"
            )
        if error.verify_code == NOT_YET_VALID:
            return f"the certificate of '{address}' is not valid yet; set the clocks of both machines right"
        if error.verify_code in (OTHER_HOST, OTHER_ADDRESS):
            return (
                f"the certificate of '{address}' is not for '{host}'; use a name that it is for, "
                f"or make it anew with --renew --host NAME={host}"
            )
        return (
            f"the certificate of '{address}' was not made with the CA in '{ours}'; "
            "is it another cluster, or are these another cluster's certificates?"
        )
    if dial.is_alert(error):
        words = (error.reason or "").partition("ALERT_")[2].replace("_", " ").lower()
        return f"'{address}' refuses the certificate in '{ours}' ({words}); compare the CA and the clock of both"
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return f"'{address}' hangs up before it says a word; look at its log"
    return f"'{address}' does not speak TLS; start it with certificates: adaptive-scheduler cluster scheduler"
