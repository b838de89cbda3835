"""Words in, words out: the verbs that write tasks.toml."""

from typing import Annotated

import typer

from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import AsJson, TaskName

task_app = typer.Typer(no_args_is_help=True, help="Edit tasks.toml by command.")
import_app = typer.Typer(no_args_is_help=True, help="Make tasks of what another scheduler runs.")

Write = Annotated[bool, typer.Option("--write", help="Add them to tasks.toml instead of printing them.")]


@import_app.command()
@verb
def crontab(
    context: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A crontab, - for stdin; without: that of 'crontab -l'.")
    ] = None,
    system: Annotated[
        bool, typer.Option("--system", help="Its lines name users, as those of /etc/crontab and /etc/cron.d do.")
    ] = False,
    write: Write = False,
) -> int:
    """Make tasks of a crontab, with a remark for whatever is not kept."""
    from adaptive_scheduler.commands.imports import crontab as body

    return body(context.obj, file, system=system, write=write)


@import_app.command("task-scheduler")
@verb
def task_scheduler(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="XML of 'schtasks /query /xml' or Export-ScheduledTask, - for stdin.")
    ],
    write: Write = False,
) -> int:
    """Make tasks of those of the Windows Task Scheduler, with a remark for whatever is not kept."""
    from adaptive_scheduler.commands.imports import task_scheduler as body

    return body(context.obj, file, write=write)


@task_app.command()
@verb
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that no task has.")],
    script: Annotated[str, typer.Argument(metavar="SCRIPT", help="Its path, relative to tasks.toml.")],
    every: Annotated[
        str | None, typer.Option("--every", metavar="D", help="Its interval (1h, unless --on is given).")
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option("--on", metavar="EVENT", help="Due at once on it; repeatable.")
    ] = None,
    priority: Annotated[
        str | None, typer.Option("--priority", metavar="P", help="critical, high, medium or low.")
    ] = None,
    arg: Annotated[list[str] | None, typer.Option("--arg", metavar="X", help="An argument; repeatable.")] = None,
    interpreter: Annotated[
        list[str] | None, typer.Option("--interpreter", metavar="X", help="A word of what runs it; repeatable.")
    ] = None,
    after: Annotated[
        list[str] | None, typer.Option("--after", metavar="TASK", help="Only after its success; repeatable.")
    ] = None,
    window: Annotated[
        list[str] | None, typer.Option("--window", metavar="HH:MM-HH:MM", help="Local times; repeatable.")
    ] = None,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="D", help="A longer run is ended.")] = None,
    description: Annotated[str | None, typer.Option("--description", metavar="T", help="What it is for.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Add it switched off.")] = False,
) -> int:
    """Add a task to tasks.toml; a faulty one is refused, and the file stays as it was."""
    from adaptive_scheduler.commands.tasks import add as body

    values = {
        "description": description,
        "priority": priority,
        "enabled": False if disabled else None,
        "interval": every or (None if on else "1h"),
        "on": on,
        "window": window,
        "depends_on": after,
        "script": script,
        "args": arg,
        "interpreter": interpreter,
        "timeout": timeout,
    }
    return body(context.obj, name, values)


@task_app.command()
@verb
def remove(context: typer.Context, name: TaskName) -> int:
    """Take a task out of tasks.toml, unless others depend on it."""
    from adaptive_scheduler.commands.tasks import remove as body

    return body(context.obj, name)


@task_app.command("set")
@verb
def change(
    context: typer.Context,
    name: TaskName,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key of tasks.toml, such as interval.")],
    value: Annotated[list[str], typer.Argument(metavar="VALUE", help="Its value; several for a list.")],
) -> int:
    """Set one key of a task; after -- a value may begin with a dash."""
    from adaptive_scheduler.commands.tasks import change as body

    return body(context.obj, name, key, value)


@task_app.command()
@verb
def enable(context: typer.Context, name: TaskName) -> int:
    """Switch a task on."""
    from adaptive_scheduler.commands.tasks import switch

    return switch(context.obj, name, enabled=True)


@task_app.command()
@verb
def disable(context: typer.Context, name: TaskName) -> int:
    """Switch a task off, until 'task enable'; 'pause' holds it for a while."""
    from adaptive_scheduler.commands.tasks import switch

    return switch(context.obj, name, enabled=False)


@task_app.command("list")
@verb
def show(context: typer.Context, as_json: AsJson = False) -> int:
    """List the tasks as tasks.toml has them, whatever the state of things."""
    from adaptive_scheduler.commands.tasks import show as body

    return body(context.obj, as_json=as_json)
