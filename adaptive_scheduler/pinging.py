"""Tell a dead-man's switch that something began or ended, in the convention of Healthchecks.

The address itself means success, `/start` and `/fail` behind its path the others; `rid` joins the start and the
end of one run. Proxies of the environment and certificates are respected.
See https://healthchecks.io/docs/http_api/ ("Send a start signal", "Use rid query parameter").
"""

import ssl
import uuid
from datetime import timedelta
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from adaptive_scheduler.notify import Ping, Signal
from adaptive_scheduler.probes.base import in_words

PATIENCE = timedelta(seconds=10)
"""How long each step of an answer may take."""

RUNS = uuid.UUID("5f2d3c4e-7a39-5b0c-9d54-2e0c1d6f8b11")
"""The namespace that makes a run's id a UUID, which is what `rid` must be."""


def ping(address: str, one: Ping, text: str) -> str:
    """Send a signal with a text for people; returns what went wrong, empty when nothing did. Never raises."""
    try:
        target = address_for(address, one)
        request = Request(target, data=text.encode(errors="replace"), headers={"User-Agent": "adaptive-scheduler"})  # noqa: S310  # address_for lets http and https pass
        with urlopen(request, timeout=PATIENCE.total_seconds()):  # noqa: S310  # see above
            pass  # the status is the answer: nobody wants to read on, perhaps for ever
    except HTTPError as error:
        return f"HTTP {error.code}"
    except URLError as error:
        cause = error.reason
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"certificate not accepted: {cause.verify_message}"
        return in_words(cause, PATIENCE) if isinstance(cause, BaseException) else str(cause)
    except Exception as error:  # whatever an address can do to the library
        return in_words(error, PATIENCE)
    return ""


def address_for(address: str, one: Ping) -> str:
    """Return where a signal goes; ValueError, which does not quote it, when it is no address of the web."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it holds no address that begins with http:// or https://")
    suffix = "" if one.signal is Signal.SUCCESS else f"/{one.signal.value}"
    rid = urlencode({"rid": str(uuid.uuid5(RUNS, one.run_id))}) if one.run_id else ""
    return urlunsplit(
        parts._replace(path=parts.path.rstrip("/") + suffix, query="&".join(filter(None, (parts.query, rid))))
    )
