"""Does a web server answer? One GET, the time from the name's lookup to the end of the answer.

At most 64 KiB of it are read. No proxy, no cookies; a redirect is an answer and is not followed, because the
time is to be that of this server. Certificates are verified.
"""

import http.client
import ssl
import time
from urllib.parse import quote, urlsplit

from adaptive_scheduler.events import Probe
from adaptive_scheduler.probes.base import ProbeError

MOST_BYTES = 64 * 1024
BROKEN = 500
"""From this status on a server says that it is in trouble."""

SAFE = "/?%:@!$&'()*+,;=~"
"""What may stand in a URL as it is; what the user has quoted stays so."""

HEADERS = {"User-Agent": "adaptive-scheduler", "Accept": "*/*", "Connection": "close"}


def ask(probe: Probe, _cwd: str) -> tuple[float, str]:
    """Fetch a URL."""
    url = urlsplit(probe.target[0])
    if url.hostname is None or url.scheme not in ("http", "https"):
        raise ProbeError(f"'{probe.target[0]}' is not a URL that begins with http:// or https://")
    timeout_s = probe.timeout.total_seconds()
    if url.scheme == "https":
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            url.hostname, url.port, timeout=timeout_s, context=context
        )
    else:
        line = http.client.HTTPConnection(url.hostname, url.port, timeout=timeout_s)
    what = quote(url.path or "/", safe=SAFE) + (f"?{quote(url.query, safe=SAFE)}" if url.query else "")
    began_s = time.perf_counter()
    try:
        line.request("GET", what, headers=HEADERS)
        answer = line.getresponse()
        answer.read(MOST_BYTES)
    except http.client.RemoteDisconnected as error:
        raise ProbeError("hung up without an answer") from error
    except http.client.HTTPException as error:
        raise ProbeError("answered with garbage") from error
    except ssl.SSLCertVerificationError as error:
        raise ProbeError(f"certificate not accepted: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise ProbeError(f"no TLS was agreed on: {error.reason or error}") from error
    finally:
        line.close()
    took_ms = 1000 * (time.perf_counter() - began_s)
    return took_ms, f"HTTP {answer.status}" if answer.status >= BROKEN else ""
