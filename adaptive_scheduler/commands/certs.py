"""`cluster certs`: the certificates of a cluster, and what whoever holds them can do."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster import certs
from adaptive_scheduler.commands import output


def write(folder: Path, hosts: Sequence[str], *, days: int | None, renew: bool) -> int:
    """Write the CA when there is none, and a folder for each host; print what was written and who may have it."""
    life = certs.HOST_LIFE if days is None else timedelta(days=days)
    # The true time, whatever a test pretends: TLS knows no other.
    wanted = [certs.Host.of(host) for host in hosts]
    made = certs.make(folder, wanted, now=Clock().now(), life=life, renew=renew)
    if made.new_ca:
        output.line(f"made the CA '{folder / 'ca.pem'}'")
    for host, place in zip(wanted, made.folders, strict=True):
        names = ", ".join((host.name, *host.also))
        output.line(f"wrote '{place}' for {names}, valid until {made.until:%Y-%m-%d}; copy it there as it is")
    output.line(
        f"keep '{folder / certs.CA_KEY}' to yourself: it makes certificates. "
        "Whoever holds one of the folders can run programs on every node."
    )
    return 0
