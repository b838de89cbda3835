"""Words in, words out: the verbs of many machines."""

from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler.guard import verb

app = typer.Typer(no_args_is_help=True, help="Run tasks on other machines.")


@app.command()
@verb
def certs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the CA is, or will be.")],
    host: Annotated[
        list[str],
        typer.Option("--host", metavar="NAME", help="A machine, repeatable; with other names: NAME=ALIAS,10.0.0.5."),
    ],
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=3650, help="How long they are valid (default: 825).")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Replace the certificates that are there.")] = False,
) -> int:
    """Make the cluster's own CA and a certificate for each machine."""
    from adaptive_scheduler.commands.certs import write as body

    return body(folder, host, days=days, renew=renew)
