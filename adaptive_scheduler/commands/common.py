"""What several verbs share: names that must exist."""

from collections.abc import Iterable

from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.settings import Config


def known_tasks(config: Config, names: Iterable[str]) -> frozenset[str]:
    """Return the names as a set; UsageError, with a suggestion, for one that tasks.toml does not have."""
    for name in names:
        if name not in config.tasks:
            from difflib import get_close_matches

            close = get_close_matches(name, config.tasks, n=1)
            hint = f"did you mean '{close[0]}'?" if close else "its tasks: " + ", ".join(config.tasks)
            raise UsageError(f"no task '{name}' in '{config.path}'; {hint}")
    return frozenset(names)
