"""Words in, words out: the verbs of many machines."""

from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler import completion
from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Run tasks on other machines.")


@app.command()
@verb
def certs(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the CA is, or will be.", autocompletion=completion.paths)
    ],
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="NAME", help="A machine, repeatable; with other names: NAME=ALIAS,10.0.0.5."),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=3650, help="How long they are valid (default: 825).")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Replace the certificates that are there.")] = False,
    expel: Annotated[
        list[str] | None,
        typer.Option(
            "--expel", metavar="NAME", help="A machine to throw out: a new CA, and new certificates for the rest."
        ),
    ] = None,
) -> int:
    """Make the cluster's own CA and a certificate for each machine."""
    from adaptive_scheduler.commands.certs import write as body

    return body(folder, host or [], days=days, renew=renew, expel=expel or [])


Certificates = Annotated[
    Path | None,
    typer.Option(
        "--certificates",
        metavar="DIR",
        help="This machine's folder of 'cluster certs'; without: loopback.",
        autocompletion=completion.paths,
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Look at the options and certificates, and start nothing.")]
Child = Annotated[bool, typer.Option("--child", hidden=True)]


@app.command()
@verb
def scheduler(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65_535)] = 8786,
    certificates: Certificates = None,
    check: Check = False,
    child: Child = False,
) -> int:
    """Be the scheduler that hands runs to nodes; ends when told to."""
    from adaptive_scheduler.commands.cluster import scheduler as body

    return body(host, port, certificates, check=check, child=child)


@app.command()
@verb
def node(
    master: Annotated[str, typer.Option("--master", metavar="ADDRESS", help="The scheduler: tls://HOST:8786.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="By default this machine's.")] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", min=1, max=1000, help="Runs at once (default: half the CPUs).")
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", metavar="L", help="Repeatable.")] = None,
    certificates: Certificates = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Where the scheduler reaches us.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65_535, help="8788; any free one on loopback.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="What it knows of its runs.", autocompletion=completion.paths),
    ] = None,
    scripts: Annotated[
        Path | None,
        typer.Option(
            "--scripts", metavar="DIR", help='Scripts of tasks with deploy = "path".', autocompletion=completion.paths
        ),
    ] = None,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="NAME=VALUE lines for its scripts; mode 600.",
            autocompletion=completion.paths,
        ),
    ] = None,
    interpreter: Annotated[
        list[str] | None, typer.Option("--interpreter", metavar=".EXT=PROGRAM", help="Repeatable.")
    ] = None,
    check: Check = False,
    child: Child = False,
) -> int:
    """Be a node that does the runs of a cluster; ends when told to."""
    from adaptive_scheduler.commands.cluster import node as body

    return body(
        master,
        name=name,
        folder=folder,
        slots=slots,
        labels=label or [],
        certificates=certificates,
        host=host,
        port=port,
        scripts=scripts,
        env_file=env_file,
        interpreters=interpreter or [],
        check=check,
        child=child,
    )


@app.command()
@verb
def status(
    context: typer.Context,
    master: Annotated[
        str | None, typer.Option("--master", metavar="ADDRESS", help="Instead of that of tasks.toml.")
    ] = None,
    certificates: Certificates = None,
    as_json: AsJson = False,
) -> int:
    """Show the nodes, their load, and why one gets no work; exit 1 when something is wrong."""
    from adaptive_scheduler.commands.cluster import status as body

    return body(context.obj, master=master, certificates=certificates, as_json=as_json)
