"""The page of `simulate --nodes`: what a fleet would have done, node by node and all together."""

from typing import Any

from adaptive_scheduler.case import percent
from adaptive_scheduler.render.base import QUIET, columns, words_s
from adaptive_scheduler.terminal import console


def fleet(summary: dict[str, Any]) -> None:
    """Print the summary of a story about many machines."""
    out, nodes = console(), summary["nodes"]
    out.print(
        f"{len(nodes)} nodes of {summary['slots']} slots, {summary['tasks']} tasks, {summary['days']:g} days, "
        f"policy '{summary['policy']}'",
        style="bold",
    )
    for note in (summary["placed_by"], *summary["notes"]):
        out.print(note, style=QUIET)
    table = columns("Node", "Runs", "Share", "by idle", "CPU", "p95", "without us", "p95", "Full", "At once")
    for one in nodes:
        table.add_row(
            one["node"],
            str(one["runs"]),
            _share(one["share_of_runs"]),
            _share(one["share_of_idle"]),
            percent(one["cpu_mean"]),
            percent(one["cpu_p95"]),
            percent(one["cpu_mean_without"]),
            percent(one["cpu_p95_without"]),
            _share(one["full_share"]),
            str(one["peak_runs"]),
        )
    out.print(table)
    kept, least = summary["rate_kept"], summary["least_rate_kept"]
    rate = "" if kept is None else f"; {kept:.2f} starts a beat that the intervals owe, {least:.2f} at the least"
    out.print(f"Runs: {summary['runs']}, {summary['forced']} of them forced{rate}.")
    wait = summary["wait_s"]
    out.print(
        f"Started after due: half within {words_s(wait['p50'])}, 95 % within {words_s(wait['p95'])}, "
        f"all within {words_s(wait['max'])}."
    )
    deferred = [
        f"{code} {one['waits']} times ({one['task_ticks']} ticks)" for code, one in summary["deferrals"].items()
    ]
    out.print(f"Deferred: {', '.join(deferred) or 'nothing'}.")
    balance = summary["balance"]
    out.print(
        f"Mean CPU of the nodes: deviation {balance['cpu_deviation']:.1f} points and range "
        f"{balance['cpu_range']:.1f}, without us {balance['cpu_deviation_without']:.1f} and "
        f"{balance['cpu_range_without']:.1f}; {_share(balance['misplaced_share'])} of the runs would have to move "
        "for each node to have its share of what is idle."
    )
    met = summary["cpu_met"]
    out.print(
        f"CPU met by the runs: {percent(met['placed'])}; the same starts placed by dice {percent(met['by_dice'])}, "
        f"in turn {percent(met['in_turn'])}."
    )


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"
