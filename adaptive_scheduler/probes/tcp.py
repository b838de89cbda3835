"""Does somebody accept connections? The time until one stands, the name's lookup included; nothing is sent."""

import socket
import time

from adaptive_scheduler.events import Probe
from adaptive_scheduler.probes.base import ProbeError


def ask(probe: Probe, _cwd: str) -> tuple[float, str]:
    """Connect to "host:port" and leave."""
    host, _, port = probe.target[0].rpartition(":")
    if not host or not port.isdecimal():
        raise ProbeError(f"'{probe.target[0]}' is not HOST:PORT")
    began_s = time.perf_counter()
    with socket.create_connection((host.strip("[]"), int(port)), probe.timeout.total_seconds()):
        return 1000 * (time.perf_counter() - began_s), ""
