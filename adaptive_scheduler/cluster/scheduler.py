"""The process that is the scheduler of a cluster: one port, and none of the engine's defaults that would harm us."""

import asyncio
import logging
import os
from pathlib import Path

from adaptive_scheduler.cluster import respawn
from adaptive_scheduler.cluster.tls import Certificates, security


def serve(host: str, port: int, certificates: Certificates | None) -> int:
    """Be the scheduler until the process that keeps us going ends; raises OSError when the port cannot be had."""
    import dask

    from adaptive_scheduler.cluster.engine import SETTINGS, QuietScheduler

    async def run() -> None:
        scheduler = QuietScheduler(
            host=host,
            port=port,
            protocol="tls" if certificates else "tcp",
            security=security(certificates),
            dashboard=False,
        )
        async with scheduler:
            print(f"scheduler at {scheduler.address}", flush=True)
            await scheduler.finished()  # type: ignore[no-untyped-call]  # the engine types little of itself

    logging.getLogger("distributed").setLevel(logging.ERROR)
    respawn.end_with_parent(lambda: os._exit(0))
    with dask.config.set(SETTINGS):
        asyncio.run(run())
    return 0


def certificates_of(folder: Path | None) -> Certificates | None:
    """Return the certificates in a folder, None without one; raises UsageError."""
    return None if folder is None else Certificates.of(str(folder))
