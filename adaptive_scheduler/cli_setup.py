"""Words in, words out: the verbs that set things up and take them away."""

from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler import completion
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import PrintOnly, ProjectName, System, duration

app = typer.Typer()

_BACKENDS = completion.one_of("auto", "cron", "systemd", "windows", "launchd")
_SERVICES = completion.one_of("scheduler", "node")


@app.command()
@verb
def install(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE -- OPTIONS",
            help="'scheduler' or 'node': keep 'cluster SERVICE OPTIONS' alive instead; nothing: call the cycle.",
            show_default=False,
            autocompletion=_SERVICES,
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend", metavar="NAME", help="auto, cron, systemd, windows or launchd.", autocompletion=_BACKENDS
        ),
    ] = "auto",
    every: Annotated[
        str | None, typer.Option("--every", metavar="D", help="Must be scheduler.tick, which it is by default.")
    ] = None,
    name: ProjectName = None,
    print_only: PrintOnly = False,
    system: System = False,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Whom a service of the machine runs as; not root.")
    ] = None,
) -> int:
    """Have the system's scheduler call a cycle every tick, or keep a service alive; again is the same as once."""
    if words:
        from adaptive_scheduler.commands import services

        role = services.checked_role(words[0])
        if every is not None:
            raise UsageError(f"--every is for the cycle; the service '{role}' never ends")
        return services.install(
            role, words[1:], backend=backend, name=name, system=system, user=user, print_only=print_only
        )
    if user is not None:
        raise UsageError("--user is for a service; a cycle runs as the owner of tasks.toml")
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
    service: Annotated[
        str | None,
        typer.Argument(metavar="SERVICE", help="'scheduler' or 'node'; nothing: the cycle.", autocompletion=_SERVICES),
    ] = None,
    backend: Annotated[
        str | None, typer.Option("--backend", metavar="NAME", help="Only this one.", autocompletion=_BACKENDS)
    ] = None,
    name: ProjectName = None,
    print_only: PrintOnly = False,
    system: System = False,
) -> int:
    """Remove what 'install' registered, and nothing else."""
    if service is not None:
        from adaptive_scheduler.commands import services

        role = services.checked_role(service)
        return services.uninstall(role, backend=backend, name=name, system=system, print_only=print_only)
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
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write tasks.toml.", autocompletion=completion.paths)
    ] = Path(),
) -> int:
    """Write a commented starter tasks.toml; never over an existing one."""
    from adaptive_scheduler.commands.starter import init as body

    return body(folder)


@app.command("help")
@verb
def help_(
    context: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC",
            help="A command, or another topic; nothing: the list of them.",
            show_default=False,
            autocompletion=completion.topics,
        ),
    ] = None,
    man: Annotated[bool, typer.Option("--man", help="Print it in troff, for man.")] = False,
) -> int:
    """Show a page of the manual, or the list of its topics."""
    from adaptive_scheduler.commands.help import help_ as body

    return body(context.find_root(), topic or [], man=man)
