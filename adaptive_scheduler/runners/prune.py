"""Old runs make room for new ones: by count and by bytes, the oldest first, the protected and the live never.

A folder is renamed before it is emptied, so that nobody meets half a run.
"""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from adaptive_scheduler import files
from adaptive_scheduler.runfolder import RunFolder

REMOVED = "."
"""What is being removed has a name that begins so; no run id does."""


def run_ids(task_folder: Path) -> list[str]:
    """Return the ids of the runs in a task's folder, the oldest first; none when there is no folder."""
    try:
        return sorted(one.name for one in task_folder.iterdir() if not one.name.startswith(REMOVED) and one.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def prune(task_folder: Path, keep: int, max_bytes: int, protect: Collection[str]) -> None:
    """Remove runs above `keep` in number or `max_bytes` in all; what cannot be removed stays for now."""
    for remains in task_folder.glob(f"{REMOVED}*"):
        _remove(remains)
    spent = begun = 0
    for run_id in reversed(run_ids(task_folder)):
        folder = RunFolder(task_folder / run_id)
        if _has_begun(folder):
            begun += 1
            spent += _bytes(folder.path)
            is_wanted = begun <= keep and spent <= max_bytes
        else:
            # Its cycle died, or could not write the state, before this was a run, or its node never began it. The
            # newest may just be being made.
            is_wanted = not begun
        if is_wanted or run_id in protect or _lives(folder):
            continue
        removed = task_folder / f"{REMOVED}{run_id}"
        with suppress(OSError):
            folder.path.rename(removed)
            _remove(removed)


def _has_begun(folder: RunFolder) -> bool:
    """Say whether there is more in a folder than what is prepared before the start is in the state."""
    try:
        prepared = (folder.spec, folder.intent)
        return not all(one in prepared or files.is_temporary(one) for one in folder.path.iterdir())
    except OSError:
        return True


def _lives(folder: RunFolder) -> bool:
    try:
        return not folder.done.exists() and folder.is_alive()
    except OSError:
        return True


def _bytes(folder: Path) -> int:
    """Return what a folder takes; another cycle may be removing it."""
    total = 0
    with suppress(OSError):
        for file in folder.iterdir():
            with suppress(OSError):
                total += file.stat().st_size
    return total


def _remove(folder: Path) -> None:
    import shutil  # few cycles remove anything

    shutil.rmtree(folder, ignore_errors=True)
