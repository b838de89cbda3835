"""The closed list of reasons, in the order in which they refuse, and what each means."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Why a task did or did not run; MEANINGS says each in a sentence."""

    RUN = "RUN"
    FORCED = "FORCED"
    EVENT = "EVENT"
    DISABLED = "DISABLED"
    PAUSED = "PAUSED"
    RUNNING = "RUNNING"
    BACKOFF = "BACKOFF"
    WINDOW = "WINDOW"
    NOT_DUE = "NOT_DUE"
    CPU_CEILING = "CPU_CEILING"
    DEP_FAILED = "DEP_FAILED"
    DEP_WAIT = "DEP_WAIT"
    NO_NODE = "NO_NODE"
    MEMORY_GATE = "MEMORY_GATE"
    MEMORY_NEED = "MEMORY_NEED"
    HEAVY_PAIR = "HEAVY_PAIR"
    NO_SLOT = "NO_SLOT"
    ERROR = "ERROR"

    @property
    def starts(self) -> bool:
        """Whether the decision starts the task."""
        return self in STARTS


STARTS = (Code.RUN, Code.FORCED, Code.EVENT)

HELD_BACK = (
    *(Code.CPU_CEILING, Code.DEP_FAILED, Code.DEP_WAIT, Code.NO_NODE),
    *(Code.MEMORY_GATE, Code.MEMORY_NEED, Code.HEAVY_PAIR, Code.NO_SLOT, Code.ERROR),
)
"""The codes of a task that was due and did not start; the others are everyday business, or meant."""

MEANINGS: Mapping[Code, str] = {
    Code.RUN: "It was due and nothing stood in its way: started.",
    Code.FORCED: "It had waited `max_defer`, or `--force` asked: started past what held it back.",
    Code.EVENT: "An event made it due between its beats: started.",
    Code.DISABLED: "`enabled = false`, or `os` names another system.",
    Code.PAUSED: "Held by `pause` until the time given there or until `resume`.",
    Code.RUNNING: "An earlier run of it is still going; a task never runs twice at once.",
    Code.BACKOFF: "It failed, and its next try is not before `retry_delay` (doubled each time).",
    Code.WINDOW: "The local time is outside its `window`.",
    Code.NOT_DUE: "Its adaptive interval has not passed since its last beat; without one it waits for an event.",
    Code.CPU_CEILING: "Its base interval has passed, but the CPU is above the ceiling for its age.",
    Code.DEP_FAILED: "The latest finished run of a task it depends on did not succeed.",
    Code.DEP_WAIT: "A task it depends on runs first, has no result yet, or an outdated one.",
    Code.NO_NODE: "Its `where` names what no node has that can be reached, or nobody answers.",
    Code.MEMORY_GATE: "Memory use is above the limit for its priority.",
    Code.MEMORY_NEED: "Less memory is free, and not promised to running tasks, than its runs grow to.",
    Code.HEAVY_PAIR: "A task is running that it gets in the way of; they run apart while there is time.",
    Code.NO_SLOT: "`max_parallel` runs are live already.",
    Code.ERROR: "It was to start, but its run could not be set up; the reason says what failed.",
}
"""The closed list of reasons, as `why`, the README and the ledger use it."""
