"""Words in, words out: the verbs that look back and ahead."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from adaptive_scheduler import completion
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.guard import verb
from adaptive_scheduler.options import AsJson, duration, share, size

app = typer.Typer()


@app.command()
@verb
def simulate(
    context: typer.Context,
    trace: Annotated[
        Path | None, typer.Option("--trace", metavar="FILE", help="CSV, plain or .gz.", autocompletion=completion.paths)
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="This machine's own last days.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="NAME",
            help="fixed, seed, learned, or all (with --json: seed by default).",
            autocompletion=completion.one_of("fixed", "seed", "learned", "all"),
        ),
    ] = None,
    warmup: Annotated[
        str | None, typer.Option("--warmup", metavar="D", help="Leave the first stretch out (all: 14d by default).")
    ] = None,
    jitter: Annotated[str, typer.Option("--jitter", metavar="D", help="Ticks come up to this late.")] = "0",
    drop: Annotated[str, typer.Option("--drop", metavar="P%", help="This share of the ticks is lost.")] = "0%",
    refit: Annotated[
        str | None, typer.Option("--refit", metavar="D", help="With 'learned': learn anew this often (7d).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of all dice.")] = 0,
    show_all: Annotated[bool, typer.Option("--all", help="With --json: refusals too.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--traces",
            metavar="DIR",
            help="Many machines: every trace there is a node.",
            autocompletion=completion.paths,
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            "--nodes",
            metavar="N",
            min=1,
            max=10_000,
            help="Many machines: so many nodes; beyond the traces they are copies of them, each shifted by dice, by "
            "some days and up to half an hour.",
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option(
            "--tasks", metavar="N", min=1, max=100_000, help="Of nodes: the tasks over and over, till there are N."
        ),
    ] = None,
    span: Annotated[
        str | None, typer.Option("--span", metavar="D", help="Of nodes: so long; shorter traces are wrapped round.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", min=1, help="Runs at once on a node (4).")
    ] = None,
    cores: Annotated[
        float | None, typer.Option("--cores", metavar="N", min=0.1, help="Of each node (4); a run keeps one busy.")
    ] = None,
    node_memory: Annotated[
        str | None, typer.Option("--node-memory", metavar="SIZE", help="Of each node; else no run needs memory.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Replay a recorded load: what would have run when; with --nodes or --traces on many machines."""
    from adaptive_scheduler.simulate import Policy

    many = folder is not None or nodes is not None
    default = "seed" if as_json or many else "all"
    policy = policy or default
    if policy not in [*Policy, "all"]:
        raise UsageError(f"unknown policy '{policy}'; choose one of: {', '.join(Policy)}, all")
    of_one = {"--warmup": warmup, "--refit": refit}
    of_many = {"--tasks": tasks, "--span": span, "--slots": slots, "--cores": cores, "--node-memory": node_memory}
    for option, given in (of_one if many else of_many).items():
        if given is not None:
            whose = "one machine alone" if many else "many machines: add --nodes N or --traces DIR"
            raise UsageError(f"{option} is for {whose}")
    late, lost = duration("--jitter", jitter) or timedelta(0), share(drop)
    if many:
        from adaptive_scheduler.commands.simulate_fleet import Wanted, simulate_fleet

        if policy not in (Policy.FIXED, Policy.SEED):
            raise UsageError(f"--policy {policy} is for one machine alone; many are asked one way: fixed or seed")
        if (trace is not None) + (days is not None) + (folder is not None) != 1:
            raise UsageError("name the load of the nodes: one of --traces DIR, --trace FILE, --days N")
        wanted = Wanted(folder, trace, days, nodes, tasks, duration("--span", span), slots or 4, cores or 4.0)
        wanted = replace(
            wanted, memory=size("--node-memory", node_memory), policy=Policy(policy), jitter=late, drop=lost, seed=seed
        )
        return simulate_fleet(context.obj, wanted, show_all=show_all, as_json=as_json)
    from adaptive_scheduler.commands.simulate import simulate as body

    return body(
        context.obj,
        trace=trace,
        days=days,
        policies=list(Policy) if policy == "all" else [Policy(policy)],
        warmup=duration("--warmup", warmup),
        jitter=late,
        drop=lost,
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
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="NAME", help="Only this event.", autocompletion=completion.events)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many events.")] = 20,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace", metavar="FILE", help="What would have fired: CSV, plain or .gz.", autocompletion=completion.paths
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what happened, who is to blame and what it started; or what would have fired in a trace."""
    from adaptive_scheduler.commands.events import events as body

    return body(context.obj, kind=kind, limit=limit, trace=trace, as_json=as_json)


@app.command()
@verb
def notify(context: typer.Context, as_json: AsJson = False) -> int:
    """Send a test notice to every address of [notify], and say what became of it."""
    from adaptive_scheduler.commands.notify import notify as body

    return body(context.obj, as_json=as_json)


@app.command()
@verb
def report(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE.html",
            help="Where to; report.html in scheduler.state_dir by default.",
            autocompletion=completion.paths,
        ),
    ] = None,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=36_500, help="Look back this far.")] = 90,
) -> int:
    """Write one HTML file with everything that is known of this machine: load, runs, rhythm, events."""
    from adaptive_scheduler.commands.report import report as body

    return body(context.obj, path=path, days=days)
