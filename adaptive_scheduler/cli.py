"""Words in, words out: the options of every verb.

Each verb imports its room when it is called: a cycle of the OS scheduler pays for nothing it does not use.
"""

from typing import Annotated

import typer

from adaptive_scheduler import __version__, cli_cluster, cli_insight, cli_setup, cli_tasks, completion, footing
from adaptive_scheduler.commands import output
from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import AsJson, Config, TaskName, duration

app = typer.Typer(
    name="adaptive-scheduler",
    help="Run the scripts that are due, at the tempo this machine can bear. One call is one cycle.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    footing.find()
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        output.line(f"adaptive-scheduler {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Config = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = config


@app.command()
@verb
def run(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and change nothing.")] = False,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="NAME", help="Look at this task alone.", autocompletion=completion.tasks),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Start the named tasks now.")] = False,
    wait: Annotated[
        str | None, typer.Option("--wait", metavar="D", help="Wait this long for runs (default: to the next tick).")
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but problems.")] = False,
    faults_only: Annotated[
        bool, typer.Option("--faults-only", help="Print nothing but faults of the program: the rest is in the log.")
    ] = False,
) -> int:
    """Run one cycle: measure, decide, start what is due, collect what ended."""
    from adaptive_scheduler.commands.run import run as body

    return body(
        context.obj,
        tasks=task or [],
        dry_run=dry_run,
        force=force,
        wait=duration("--wait", wait),
        as_json=as_json,
        quiet=quiet,
        faults_only=faults_only,
    )


@app.command()
@verb
def status(
    context: typer.Context,
    as_json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it, afresh every 2 s.")] = False,
) -> int:
    """Show whether everything is fine, and where each task stands; exit 1 when something is late or failing."""
    from adaptive_scheduler.commands.status import status as body

    return body(context.obj, as_json=as_json, watch=watch)


@app.command()
@verb
def why(
    context: typer.Context,
    task: TaskName,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="ISO, HH:MM, 'yesterday HH:MM', '2h ago'.",
            autocompletion=completion.past_times,
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Explain why a task runs or does not, now or at a time in the past."""
    from adaptive_scheduler.commands.why import why as body

    return body(context.obj, task, at=at, as_json=as_json)


@app.command()
@verb
def history(
    context: typer.Context,
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="Only this task.", autocompletion=completion.tasks)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many runs.")] = 20,
    as_json: AsJson = False,
) -> int:
    """List past runs, the newest first."""
    from adaptive_scheduler.commands.history import history as body

    return body(context.obj, task, limit=limit, as_json=as_json)


@app.command()
@verb
def logs(
    context: typer.Context,
    task: TaskName,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="A run of 'history'.", autocompletion=completion.runs)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
) -> int:
    """Print what a run printed."""
    from adaptive_scheduler.commands.history import logs as body

    return body(context.obj, task, run_id=run_id, follow=follow)


@app.command()
@verb
def check(context: typer.Context, as_json: AsJson = False) -> int:
    """Find every fault of tasks.toml, and what around it would go wrong."""
    from adaptive_scheduler.commands.check import check as body

    return body(context.obj, as_json=as_json)


@app.command()
@verb
def stop(context: typer.Context, task: TaskName) -> int:
    """End the live run of a task, wherever it is."""
    from adaptive_scheduler.commands.hold import stop as body

    return body(context.obj, task)


@app.command()
@verb
def pause(
    context: typer.Context,
    task: TaskName,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="TIME",
            help="ISO, HH:MM, 'tomorrow HH:MM', 'in 2h'.",
            autocompletion=completion.future_times,
        ),
    ] = None,
) -> int:
    """Hold a task until a time, or until 'resume'."""
    from adaptive_scheduler.commands.hold import pause as body

    return body(context.obj, task, until=until)


@app.command()
@verb
def resume(context: typer.Context, task: TaskName) -> int:
    """Give a held task free."""
    from adaptive_scheduler.commands.hold import resume as body

    return body(context.obj, task)


app.add_typer(cli_insight.app)
app.add_typer(cli_setup.app)
app.add_typer(cli_cluster.app, name="cluster")
app.add_typer(cli_tasks.task_app, name="task")
app.add_typer(cli_tasks.import_app, name="import")
