"""`cluster scheduler`, `cluster node` and `cluster status`: the processes of a cluster, and how it stands."""

import os
import platform
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptive_scheduler import addresses, dispatch
from adaptive_scheduler.clock import Clock
from adaptive_scheduler.cluster import respawn
from adaptive_scheduler.cluster.tls import Certificates
from adaptive_scheduler.commands import output
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.extras import lacking
from adaptive_scheduler.fleet import Cluster, Fleet
from adaptive_scheduler.kinds import NODE_PATTERN
from adaptive_scheduler.opening import open_world

NODE_PORT = 8788
"""Where a node listens for its scheduler, unless both are on this machine."""

UNUSABLE = 1


def scheduler(host: str, port: int, certificates: Path | None, *, check: bool, child: bool) -> int:
    """Be the scheduler of a cluster, started again whenever it ends; `check` only looks at the options."""
    _need_the_engine()
    own = None if certificates is None else Certificates.of(str(certificates))
    if own is None and not addresses.Master("tcp", host, port).is_loopback:
        raise UsageError(
            f"--host '{host}' can be reached from elsewhere, and TLS is required there: make certificates with "
            "'adaptive-scheduler cluster certs' and name this machine's folder with --certificates"
        )
    if not child:
        _advise_root("the scheduler", "scheduler")
        _advise_renewal(own)
    if check:
        output.line(f"would listen at {addresses.Master('tls' if own else 'tcp', host, port)}")
        return 0
    if child:
        from adaptive_scheduler.cluster.scheduler import serve

        try:
            return serve(host, port, own)
        except (OSError, RuntimeError) as error:  # the engine says RuntimeError, and means its cause
            cause = error.__cause__ or error
            if not isinstance(cause, OSError):
                raise
            raise UsageError(f"cannot listen at {host}:{port}: {cause.strerror or cause}") from error
    return respawn.keep_going(_again(), lambda text: output.problem(f"scheduler {text}"))


def node(
    master: str,
    *,
    name: str | None,
    folder: Path | None,
    slots: int | None,
    labels: Sequence[str],
    certificates: Path | None,
    host: str | None,
    port: int | None,
    scripts: Path | None,
    env_file: Path | None,
    interpreters: Sequence[str],
    check: bool,
    child: bool,
) -> int:
    """Be a node of a cluster, started again whenever it ends; `check` only looks at the options."""
    _need_the_engine()
    from adaptive_scheduler.cluster.node import Wish, serve

    try:
        address = addresses.parse(master)
    except ValueError as error:
        raise UsageError(f"--master '{master}' {error}") from error
    mine = name or re.sub(r"[^A-Za-z0-9._-]", "-", platform.node().partition(".")[0]) or "node"
    for option, value in (("--name", mine), *(("--label", label) for label in labels)):
        if re.fullmatch(NODE_PATTERN, value) is None:
            raise UsageError(f"{option} '{value}': letters, digits, '.', '_' and '-', at most 63")
    if address.is_encrypted != (certificates is not None):
        missing = "names no certificates; tls:// needs this machine's folder: --certificates DIR"
        raise UsageError(f"--master '{master}' {missing if address.is_encrypted else 'is without TLS; use tls://'}")
    if not address.is_encrypted and not address.is_loopback:
        raise UsageError(f"--master '{master}' leaves this machine without TLS; use tls:// and --certificates")
    for option, path in (("--scripts", scripts), ("--env-file", env_file)):
        if path is not None and not path.exists():
            raise UsageError(f"{option} '{path}' is not there")
    if env_file is not None and os.name == "posix" and env_file.stat().st_mode & 0o077:
        raise UsageError(f"--env-file '{env_file}' can be read by others; chmod 600 it")
    wish = Wish(
        master=str(address),
        name=mine,
        folder=(folder or _own_folder(os.environ) / mine).absolute(),
        slots=slots or max(1, (os.cpu_count() or 2) // 2),
        host=host or ("127.0.0.1" if address.is_loopback else _facing(address)),
        port=port if port is not None else (0 if address.is_loopback else NODE_PORT),
        labels=tuple(labels),
        certificates=None if certificates is None else Certificates.of(str(certificates)),
        scripts=None if scripts is None else scripts.absolute(),
        env_file=None if env_file is None else env_file.absolute(),
        interpreters=dict(_interpreter(one) for one in interpreters),
    )
    if not child:
        _advise_root(f"node '{mine}'", "node")
        _advise_renewal(wish.certificates)
    if check:
        output.line(f"would join {wish.master} as '{mine}' with {wish.slots} slots; its folder is '{wish.folder}'")
        return 0
    if child:
        try:
            return serve(wish)
        except OSError as error:
            raise UsageError(f"node '{mine}' cannot work in '{wish.folder}': {error}") from error
    return respawn.keep_going(_again(), lambda text: output.problem(f"node '{mine}' {text}"))


def status(config: str | None, *, master: str | None, certificates: Path | None, as_json: bool) -> int:
    """Show the nodes of a cluster; exit 1 when it cannot be asked or a node is unusable."""
    _need_the_engine()
    wanted = _cluster(config, master, certificates)
    from adaptive_scheduler.cluster.link import Link, LinkDownError

    try:
        link = Link(wanted)
    except LinkDownError as error:
        fleet = Fleet(problem=str(error), asked=True)
    else:
        fleet = link.fleet()
        link.close()
    if as_json:
        from adaptive_scheduler import plain_cluster

        output.as_json(plain_cluster.cluster(wanted.master, fleet))
    else:
        from adaptive_scheduler.render import machines as page

        page.cluster(wanted.master, fleet)
    return UNUSABLE if fleet.problem or any(one.unusable for one in fleet.nodes) else 0


def _cluster(config: str | None, master: str | None, certificates: Path | None) -> Cluster:
    if master is not None:
        try:
            address = addresses.parse(master)
        except ValueError as error:
            raise UsageError(f"--master '{master}' {error}") from error
        return Cluster(str(address), "" if certificates is None else str(certificates.absolute()))
    cluster = open_world(config, strict=True, write=False).world.config.cluster
    if cluster is None:
        raise UsageError("tasks.toml has no [cluster]; add one, or name the scheduler with --master")
    return cluster


def _need_the_engine() -> None:
    if problem := lacking("clusters", "dask", "distributed"):
        raise UsageError(problem)


def _again() -> list[str]:
    """Return this very command as the process that does the work."""
    return [sys.executable, "-P", "-X", "utf8", "-m", "adaptive_scheduler", *sys.argv[1:], "--child"]


def _interpreter(text: str) -> tuple[str, tuple[str, ...]]:
    suffix, _, words = text.partition("=")
    if not suffix.startswith(".") or not words.strip():
        raise UsageError(f"--interpreter '{text}': write .EXT=PROGRAM, such as .sh=/bin/bash")
    return suffix.lower(), tuple(words.split())


def _facing(master: addresses.Master) -> str:
    """Return our address on the way to the scheduler: it calls back there, and nobody else is listened to."""
    try:
        found = socket.getaddrinfo(master.host, master.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(found[0], found[1]) as probe:
            probe.connect(found[4])  # sends nothing: it asks for the route
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UsageError(
            f"no way to '{master.host}' ({error.strerror or error}); name our own address: --host"
        ) from error


def _own_folder(environ: Mapping[str, str]) -> Path:
    """Return where nodes keep what they know when nobody says where."""
    if dispatch.PLATFORM == "windows":
        return Path(environ.get("LOCALAPPDATA") or Path.home()) / "adaptive-scheduler" / "nodes"
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "adaptive-scheduler" / "nodes"


def _advise_renewal(own: Certificates | None) -> None:
    if own is not None and (soon := own.expire_soon(Clock().now())):
        output.problem(soon)


def _advise_root(who: str, role: str) -> None:
    """Say what it means to be root here, and the way out."""
    if sys.platform != "win32" and os.geteuid() == 0:
        output.problem(
            f"{who} runs as root, and so does all that whoever holds a certificate of the cluster sends it; "
            f"use a user of its own: 'adaptive-scheduler install --system --user NAME {role} -- OPTIONS', "
            "or 'sudo -u NAME' before this"
        )
