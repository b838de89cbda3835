"""`cluster certs`: the certificates of a cluster, and what whoever holds them can do."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster import certs
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import UsageError


def write(folder: Path, hosts: Sequence[str], *, days: int | None, renew: bool, expel: Sequence[str] = ()) -> int:
    """Write the CA when there is none, and a folder for each host; print what was written and who may have it."""
    if not (hosts or expel):
        raise UsageError("nothing to make; name a machine: --host NAME")
    life = certs.HOST_LIFE if days is None else timedelta(days=days)
    # The true time, whatever a test pretends: TLS knows no other.
    wanted = [certs.Host.of(host) for host in hosts]
    made = certs.make(folder, wanted, now=Clock().now(), life=life, renew=renew, expel=expel)
    if made.new_ca:
        output.line(f"made the CA '{folder / 'ca.pem'}'")
    for host, place in zip(made.hosts, made.folders, strict=True):
        names = ", ".join((host.name, *host.also))
        output.line(f"wrote '{place}' for {names}, valid until {made.until:%Y-%m-%d}; copy it there as it is")
    output.line(
        f"keep '{folder / certs.CA_KEY}' to yourself: it makes certificates. "
        "Whoever holds one of the folders can run programs on every node."
    )
    if expel:
        gone = ", ".join(f"'{name}'" for name in expel)
        output.line(
            f"{gone} can get in until the scheduler is started again: copy the new folders over the old ones, "
            "then do that; nodes leave it and join anew by themselves, and runs go on meanwhile"
        )
    return 0
