"""The tables of tasks.toml as pydantic models: their keys, defaults, bounds, and words for editors.

What values say about each other is in crosschecks.py. Defaults stand here as the file would write them,
for the JSON Schema; the ones in force are those of settings.py and model.py, and a test holds the two together.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from adaptive_scheduler.kinds import (
    ANYWHERE,
    EXAMPLE_PROM,
    ONE_OR_MORE,
    Address,
    AddressName,
    Argv,
    Duration,
    EnvName,
    ExitCode,
    Extension,
    FineDuration,
    Line,
    MasterAddress,
    Matter,
    NodeName,
    Percent,
    PromFile,
    Size,
    Span,
    System,
    Text,
    Url,
    Word,
    between,
)
from adaptive_scheduler.notify import About

NAME_PATTERN = r"^[^\s.\-/\\:][^\s/\\:]{0,63}$"
"""Roughly what crosschecks.py says about names, in what every dialect of patterns can say."""

_TICK = between("1m", "1h", "system schedulers call once a minute at most, and a load seen rarely says little")
_INTERVAL = between("1s", "366d", "with its stretchings every next look must still be a valid date")
_COOL_DOWN = between("1m", "30d", "in a shorter one nothing gets calm, after a longer one nobody remembers")
_PROBE = between("100ms", "60s", "probes are given up before the cycle ends")
_HISTORY = between("1d", "36500d", "younger history is in use")
_MASTER = between("500ms", "60s", "a cycle has other things to do")
_LOST = between("1m", "30d", "sooner nobody knows, and later nobody cares")
_NO_OTHERS: dict[str, Any] = {"additionalProperties": False, "minProperties": 1}
_SCRIPT = "Path of the script, relative to this file, or `builtin:NAME`."


def _key(default: Any, description: str, **limits: Any) -> Any:
    """Declare a key with its default as the file would write it; None where there is none."""
    return Field(default, description=description, **limits)


def _required(description: str, example: str) -> Any:
    return Field(description=description, examples=[example])


def _table(model: type[BaseModel], description: str) -> Any:
    return Field(default_factory=model, description=description)


class Table(BaseModel):
    """What all tables share: no unknown keys, and no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class SchedulerTable(Table):
    """How often cycles come, where the files are, and how much runs at once."""

    tick: Annotated[Duration, AfterValidator(_TICK)] = _key(
        "5m", "How often the system's scheduler calls `adaptive-scheduler run`."
    )
    state_dir: Word = _key("outputs", "Folder of state, log, history and runs; relative to this file.")
    max_parallel: int = _key(2, "How many runs may be live at once; critical ones may pass it.", ge=1, le=1000)
    keep_runs: int = _key(50, "How many past runs of a task keep their output.", ge=1, le=100_000)
    keep_bytes: Size = _key("200MB", "How much the past runs of one task may take together.")
    output_max: Size = _key("1MB", "How much output of a run is kept: head and tail; the middle is cut.")


class RhythmTable(Table):
    """The classic rule: faster on a calm machine, slower on a busy one."""

    low_cpu: Percent = _key(20, "Below this CPU use (per cent) tasks come at interval x `faster`.")
    high_cpu: Percent = _key(70, "Above this CPU use (per cent) tasks come at interval x `slower`.")
    faster: float = _key(0.8, "Factor of the interval on a calm machine.", gt=0, le=1)
    slower: float = _key(1.5, "Factor of the interval on a busy machine.", ge=1, le=10)
    learned: Literal["auto", "off"] = _key(
        "auto", "Whether what `learn` found may take the place of this rule, where its back-test was better."
    )


class MemoryGateTable(Table):
    """Memory use (per cent) above which due tasks wait; critical tasks never do."""

    limit: Percent = _key(60, "Above this memory use tasks that are not critical wait.")
    hard_limit: Percent = _key(90, "Above this even a task that has waited `max_defer` waits.")
    high: Percent = _key(None, "The limit for tasks of high priority, instead of `limit`.")
    medium: Percent = _key(None, "The limit for tasks of medium priority, instead of `limit`.")
    low: Percent = _key(None, "The limit for tasks of low priority, instead of `limit`.")


class LogTable(Table):
    """The log of the scheduler itself."""

    format: Literal["text", "json"] = _key("text", "Lines for people, or JSON lines for programs.")
    max_size: Size = _key("5MB", "Size at which the log is rotated.")
    keep: int = _key(5, "How many rotated logs are kept.", ge=1, le=1000)


class HistoryTable(Table):
    """The history of samples, runs and decisions."""

    keep: Annotated[Duration, AfterValidator(_HISTORY)] = _key("400d", "How long the history is kept.")


class MetricsTable(Table):
    """Metrics for Prometheus, written after each cycle."""

    textfile: PromFile = _required("File for node_exporter's textfile collector; relative to this file.", EXAMPLE_PROM)
    project: Line = _key(
        None, "Value of a label `project` on all metrics; needed where two projects share a machine.", min_length=1
    )


class StepTable(Table):
    """One script of a task with several."""

    name: Line = _key(None, "Its name in the log; by default the script's.", min_length=1)
    script: Word = _required(_SCRIPT, "backup.py")
    args: list[Text] = _key([], "Arguments, passed on as they are, never through a shell.")
    interpreter: Argv = _key(None, "Command that runs the script, instead of the task's.")
    os: System = _key(None, "Run this step on this system only.")


class WhereTable(Table):
    """What a task wants of the node that runs it."""

    model_config = ConfigDict(json_schema_extra={"type": ["object", "string"], "pattern": "^any$"})

    labels: list[NodeName] = _key([], "Labels that the node must have, all of them.", examples=[["gpu"]])
    os: System = _key(None, "The node's system.")
    node: NodeName = _key(None, "The node's name.")


class ClusterTable(Table):
    """The scheduler of the cluster that tasks with `where` go to."""

    master: MasterAddress = _key(None, "Its address; tcp:// on this machine alone.")
    certificates: Word = _key(None, "Folder with ca.pem, cert.pem and key.pem of this machine; relative to this file.")
    timeout: Annotated[FineDuration, AfterValidator(_MASTER)] = _key("3s", "How long a cycle waits for an answer.")
    when_unreachable: Literal["defer", "local"] = _key(
        "defer", "Tasks wait while nobody answers, or run here where they ask for no label and no node."
    )
    lost_after: Annotated[Duration, AfterValidator(_LOST)] = _key(
        None, "A run out of reach for so long is given up; by default 1 h, or 3 times what it usually takes."
    )
    on_loss: Literal["report", "rerun"] = _key(
        "report", "What a run cut off on its node becomes: told, or run once more, perhaps twice then."
    )


class NotifyTable(Table):
    """Who is told of what, and the dead-man's switch of the cycles; addresses stand here by their names alone."""

    to: Annotated[list[AddressName], ONE_OR_MORE] = _key(
        [], "Variables that hold Apprise URLs, to which notices go.", examples=[["OPS_CHAT"]]
    )
    on: list[Matter] = _key([about.value for about in About], "What is told.", min_length=1)
    failures: int = _key(1, "After how many failures in a row a task is told to be failing.", ge=1, le=1000)
    ping: AddressName = _key(None, "Variable with the URL that is pinged at the start and end of each cycle.")
    secrets: Word = _key(
        None, "File of NAME=VALUE lines, mode 600, for variables that the environment lacks; relative to this file."
    )


class TaskTable(Table):
    """One task: what to run, how often, and on what conditions."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["script"]}, {"required": ["steps"]}],
            "anyOf": [{"required": ["interval"]}, {"required": ["on"]}],
        }
    )

    description: Line = _key("", "What it is for, in a few words.")
    priority: Literal["critical", "high", "medium", "low"] = _key(
        "medium", "Order among due tasks; critical ones wait for no memory and no slot."
    )
    interval: Annotated[Duration, AfterValidator(_INTERVAL)] = _key(
        None, "Base interval, which the load stretches or shrinks; without one only `on` starts it.", examples=["10m"]
    )
    on: list[str] = _key(
        [], "Events that make it due at once: built-in ones or those of [events].", examples=[["cpu_spike"]]
    )
    script: Word = _key(None, _SCRIPT, examples=["backup.py"])
    steps: list[StepTable] = _key(None, "Several scripts in order, instead of `script`.", min_length=1)
    args: list[Text] = _key([], "Arguments of `script`, passed on as they are, never through a shell.")
    interpreter: Argv = _key(None, "Command that runs the script, instead of the one for its type.")
    os: System = _key(None, "Run this task on this system only.")
    depends_on: list[str] = _key([], "Tasks whose latest run must have succeeded, recently.")
    adaptive: bool = _key(True, "Whether CPU use changes the interval.")
    enabled: bool = _key(True, "Whether it runs at all.")
    window: list[Span] = _key(None, "Local times in which it may start; may pass midnight.", min_length=1)
    max_defer: Duration = _key(
        None, "How long after it became due load may still hold it back; 4 intervals by default."
    )
    timeout: Duration = _key(
        None,
        "A run that takes longer is ended, with all its processes; by default 1 h, and after 10 successful runs "
        "3 times what 9 of 10 of them took, 10 min at least.",
    )
    retries: int = _key(0, "How often a failed run is tried again before its next beat.", ge=0, le=100)
    retry_delay: Duration = _key("1m", "Wait before the first retry; doubled for each further one.")
    success_codes: list[ExitCode] = _key([0], "Exit codes that mean success.", min_length=1)
    warning_codes: list[ExitCode] = _key([], "Exit codes that mean success with a loud warning.")
    memory_limit: Percent = _key(None, "Memory limit (per cent) of this task, instead of memory_gate's.")
    env: dict[EnvName, Text] = _key({}, "Environment variables for its scripts, as text.")
    cwd: Word = _key(None, "Folder it runs in, relative to this file; this file's folder by default.")
    background: bool = _key(None, "Run at lower CPU and I/O priority; by default all but critical tasks do.")
    expected_duration: Duration = _key(None, "How long it usually takes, until that is learned.")
    memory: Size = _key(None, "How much memory its processes take together at most, until that is learned.")
    keep_going: bool = _key(False, "Run the steps after a failed one too.")
    where: Annotated[WhereTable, ANYWHERE] = _key(
        None, "Which node runs it; `any` for any, and this machine without.", examples=["any", {"labels": ["gpu"]}]
    )
    deploy: Literal["content", "path"] = _key(
        "content", "How its scripts get to a node: with the task, or by hand below the node's --scripts folder."
    )
    on_loss: Literal["report", "rerun"] = _key(None, "What a run cut off on its node becomes; else that of [cluster].")
    notify: bool = _key(True, "Whether [notify] tells of it.")
    ping: AddressName = _key(None, "Variable with the URL that is pinged when it starts, succeeds or fails.")


class EventTable(Table):
    """How one event is watched for; one of the user's own has a condition."""

    level: Literal["keen", "calm", "off"] = _key("calm", "How readily it fires; `off` for not at all.")
    when: Word = _key(None, "Condition of an event of your own.", examples=["memory_usage > 85 for 3 cycles"])
    cool_down: Annotated[Duration, AfterValidator(_COOL_DOWN)] = _key(
        None, "How long it stays silent after it fired; by default as long as its kind does."
    )
    max_per_hour: int = _key(4, "How often it may fire within an hour.", ge=1, le=60)


class ProbeTable(Table):
    """What is asked each cycle, to see how long the answer takes."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [one]} for one in ("tcp", "http", "command")]})

    tcp: Address = _key(None, "Host and port that a connection is made to.")
    http: Url = _key(None, "URL that is fetched.")
    command: Argv = _key(None, "Command with its arguments that is run.", examples=[["pg_isready", "-q"]])
    timeout: Annotated[FineDuration, AfterValidator(_PROBE)] = _key("5s", "An answer that takes longer is none.")


_NAME = Annotated[str, WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]


class File(Table):
    """The tasks of adaptive-scheduler, and the rules they run by."""

    model_config = ConfigDict(title="tasks.toml of adaptive-scheduler", json_schema_extra={"required": ["tasks"]})

    scheduler: SchedulerTable = _table(SchedulerTable, "The scheduler itself.")
    rhythm: RhythmTable = _table(RhythmTable, "How CPU use changes the intervals.")
    memory_gate: MemoryGateTable = _table(MemoryGateTable, "Who waits for memory.")
    interpreters: dict[Extension, Argv] = _key(
        {}, "Command for each type of script.", examples=[{".sh": ["bash"]}], json_schema_extra=_NO_OTHERS
    )
    cluster: ClusterTable = _key(None, "The cluster that tasks with `where` go to.")
    notify: NotifyTable = _table(NotifyTable, "Who is told of what.")
    log: LogTable = _table(LogTable, "The log.")
    metrics: MetricsTable = _key(None, "Metrics for Prometheus, by way of node_exporter.")
    history: HistoryTable = _table(HistoryTable, "The history.")
    events: dict[_NAME, EventTable] = _key(
        {}, "What is watched for, one table each: [events.NAME].", json_schema_extra={"additionalProperties": False}
    )
    probes: dict[_NAME, ProbeTable] = _key(
        {}, "Whose answers are timed, one table each: [probes.NAME].", json_schema_extra={"additionalProperties": False}
    )
    tasks: dict[_NAME, TaskTable] = _key({}, "The tasks, one table each: [tasks.NAME].", json_schema_extra=_NO_OTHERS)
