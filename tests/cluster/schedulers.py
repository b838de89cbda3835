"""Real schedulers of dask on the loopback, all in one process of their own, gone when the test lets go of its stdin."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from adaptive_scheduler.cluster.tls import Certificates, security

ROOT = Path(__file__).parents[2]


@contextmanager
def schedulers(wanted: Mapping[str, Path | None]) -> Iterator[dict[str, str]]:
    """Start one with each folder of certificates, or without TLS for None; yields their addresses."""
    folders = {name: str(folder) if folder else None for name, folder in wanted.items()}
    with TemporaryFile("w+") as complaints:  # of every handshake that we spoil
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.schedulers", json.dumps(folders)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            assert ready, (process.wait(), complaints.seek(0), complaints.read())
            yield json.loads(ready)
        finally:
            process.communicate(timeout=60)


async def serve(folders: Mapping[str, str | None]) -> None:
    """Serve until stdin ends."""
    from distributed import Scheduler

    async with AsyncExitStack() as stack:
        addresses = {}
        for name, folder in folders.items():
            ours = Certificates(Path(folder)) if folder else None
            scheduler = Scheduler(
                protocol="tls" if ours else "tcp",
                host="127.0.0.1",
                port=0,
                dashboard=False,
                dashboard_address="127.0.0.1:0",
                security=security(ours),
            )
            addresses[name] = (await stack.enter_async_context(scheduler)).address
        sys.stdout.write(json.dumps(addresses) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
