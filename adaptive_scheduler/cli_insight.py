"""Words in, words out: the verbs that look back and ahead."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import AsJson, duration, share

app = typer.Typer()


@app.command()
@verb
def simulate(
    context: typer.Context,
    trace: Annotated[Path | None, typer.Option("--trace", metavar="FILE", help="CSV, plain or .gz.")] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="This machine's own last days.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="NAME", help="fixed, seed, learned, or all (with --json: seed by default)."),
    ] = None,
    warmup: Annotated[
        str | None, typer.Option("--warmup", metavar="D", help="Leave the first stretch out (all: 14d by default).")
    ] = None,
    jitter: Annotated[str, typer.Option("--jitter", metavar="D", help="Ticks come up to this late.")] = "0",
    drop: Annotated[str, typer.Option("--drop", metavar="P%", help="This share of the ticks is lost.")] = "0%",
    refit: Annotated[str, typer.Option("--refit", metavar="D", help="With 'learned': learn anew this often.")] = "7d",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the dice for --jitter and --drop.")] = 0,
    show_all: Annotated[bool, typer.Option("--all", help="With --json: refusals too.")] = False,
    as_json: AsJson = False,
) -> int:
    """Replay a recorded load: what would have run when."""
    from adaptive_scheduler.commands.simulate import simulate as body
    from adaptive_scheduler.simulate import Policy

    policy = policy or ("seed" if as_json else "all")
    if policy not in [*Policy, "all"]:
        raise UsageError(f"unknown policy '{policy}'; choose one of: {', '.join(Policy)}, all")
    return body(
        context.obj,
        trace=trace,
        days=days,
        policies=list(Policy) if policy == "all" else [Policy(policy)],
        warmup=duration("--warmup", warmup),
        jitter=duration("--jitter", jitter) or timedelta(0),
        drop=share(drop),
        seed=seed,
        refit=duration("--refit", refit) or timedelta(days=7),
        show_all=show_all,
        as_json=as_json,
    )


@app.command()
@verb
def trends(
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=36_500, help="Look back this far.")] = 90,
    as_json: AsJson = False,
) -> int:
    """Show what this machine's days look like: busy hours, quiet times, heavy tasks, changes, overlaps."""
    from adaptive_scheduler.commands.trends import trends as body

    return body(context.obj, days=days, as_json=as_json)


@app.command()
@verb
def forecast(
    context: typer.Context,
    hours: Annotated[int, typer.Option("--hours", metavar="N", min=1, max=168, help="Look ahead this far.")] = 24,
    as_json: AsJson = False,
) -> int:
    """Show the CPU that is expected of the next hours, and what will probably run when."""
    from adaptive_scheduler.commands.forecast import forecast as body

    return body(context.obj, hours=hours, as_json=as_json)


@app.command()
@verb
def learn(context: typer.Context, as_json: AsJson = False) -> int:
    """Learn this machine's calm hours from its history, test that, and write rhythm.json."""
    from adaptive_scheduler.commands.learn import learn as body

    return body(context.obj, as_json=as_json)


@app.command()
@verb
def events(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option("--kind", metavar="NAME", help="Only this event.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many events.")] = 20,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="What would have fired: CSV, plain or .gz.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what happened, who is to blame and what it started; or what would have fired in a trace."""
    from adaptive_scheduler.commands.events import events as body

    return body(context.obj, kind=kind, limit=limit, trace=trace, as_json=as_json)
