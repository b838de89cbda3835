"""Words in, words out: the verbs that set things up and take them away."""

from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import PrintOnly, ProjectName, System, duration

app = typer.Typer()


@app.command()
@verb
def install(
    context: typer.Context,
    backend: Annotated[
        str, typer.Option("--backend", metavar="NAME", help="auto, cron, systemd, windows or launchd.")
    ] = "auto",
    every: Annotated[
        str | None, typer.Option("--every", metavar="D", help="Must be scheduler.tick, which it is by default.")
    ] = None,
    name: ProjectName = None,
    print_only: PrintOnly = False,
    system: System = False,
) -> int:
    """Have the system's scheduler call a cycle every tick; again is the same as once."""
    from adaptive_scheduler.commands.install import install as body

    return body(
        context.obj,
        backend=backend,
        every=duration("--every", every),
        name=name,
        system=system,
        print_only=print_only,
    )


@app.command()
@verb
def uninstall(
    context: typer.Context,
    backend: Annotated[str | None, typer.Option("--backend", metavar="NAME", help="Only this one.")] = None,
    name: ProjectName = None,
    print_only: PrintOnly = False,
    system: System = False,
) -> int:
    """Remove what 'install' registered, and nothing else."""
    from adaptive_scheduler.commands.install import uninstall as body

    return body(context.obj, backend=backend, name=name, system=system, print_only=print_only)


@app.command()
@verb
def schema() -> int:
    """Print the JSON Schema of tasks.toml, for editors."""
    from adaptive_scheduler.commands.starter import schema as body

    return body()


@app.command()
@verb
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write tasks.toml.")] = Path(),
) -> int:
    """Write a commented starter tasks.toml; never over an existing one."""
    from adaptive_scheduler.commands.starter import init as body

    return body(folder)
