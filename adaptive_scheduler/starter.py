"""The tasks.toml that `init` writes: it runs as it stands, and shows every common key with its reason."""

from pathlib import Path

from adaptive_scheduler import files
from adaptive_scheduler.errors import UsageError
from adaptive_scheduler.places import FILE_NAME

STARTER = """\
#:schema ./tasks.schema.json
# For completion in editors (Taplo, Even Better TOML): adaptive-scheduler schema > tasks.schema.json
# Durations: 90s, 10m, 2h30m, 1d. Sizes: 500kB, 1MB. Paths are relative to this file.
# After a change: adaptive-scheduler check; adaptive-scheduler run --dry-run

[scheduler]
tick = "5m"                   # how often cron, systemd or the Task Scheduler calls 'adaptive-scheduler run'
state_dir = "outputs"         # state, log, history and the output of runs
max_parallel = 2              # runs at once; critical tasks may pass it
# keep_runs = 50              # past runs of a task whose output is kept
# keep_bytes = "200MB"        # ... and these together
# output_max = "1MB"          # of one run: head and tail are kept, the middle is cut

[rhythm]                      # the interval of a task follows the CPU
low_cpu = 20                  # below 20 %: interval x faster
high_cpu = 70                 # above 70 %: interval x slower
faster = 0.8
slower = 1.5
# learned = "off"             # "auto": what 'learn' found refines this, where it proved better on this machine

[memory_gate]
limit = 60                    # per cent; above it all but critical tasks wait ...
hard_limit = 90               # ... at most for max_defer, unless even this is passed
# high = 80                   # another limit for tasks of high priority

[interpreters]                # .py and .ps1 are known
".sh" = ["bash"]

# [log]
# format = "json"             # for programs
# max_size = "5MB"
# keep = 5

# [metrics]                   # for Prometheus, by node_exporter's textfile collector
# textfile = "/var/lib/node_exporter/adaptive.prom"
# project = "office"          # a label, where two projects share a machine

# [history]
# keep = "400d"

# [notify]                    # who is told of what; addresses are secrets, only their names stand here
# to = ["OPS_CHAT"]           # variables with Apprise URLs, of the environment or of this file of NAME=VALUE lines:
# secrets = "secrets.env"     # for your eyes only: chmod 600
# on = ["failure", "recovery", "overdue", "starving", "missed_cycles", "event", "long_run", "short_run", "heavy_run"]
# failures = 1                # told after so many in a row
# ping = "PING_CYCLE"         # variable with the URL of a dead-man's switch, pinged at start and end of each cycle

# [events.cpu_spike]          # built in: cpu_spike, memory_leak, high_latency, missed_cycles
# level = "keen"              # keen, calm (the default) or off
# cool_down = "2h"            # silent for so long after it fired
# max_per_hour = 4

# [events.memory_full]        # one of your own
# when = "memory_usage > 85 for 3 cycles"

# [probes.db]                 # what is asked each cycle, to see how long the answer takes
# tcp = "db:5432"             # or http = "https://localhost/health", or command = ["pg_isready", "-q"]
# timeout = "5s"

# [cluster]                   # tasks with where run on the nodes of this scheduler; the rest here
# master = "tls://master.example:8786"
# certificates = "certs/this-machine"     # made by 'adaptive-scheduler cluster certs'
# timeout = "3s"
# when_unreachable = "defer"  # local: run here what asks for no label and no node
# lost_after = "1h"           # a run out of reach for so long is given up
# on_loss = "report"          # rerun: once more, and perhaps twice then

[tasks.health_check]
description = "Is this machine healthy?"
priority = "critical"         # critical, high, medium or low
interval = "10m"
script = "builtin:check_health.py"      # shipped with the program
warning_codes = [10]          # 10 means findings: shown loudly, but no failure
timeout = "2m"

[tasks.daily_routine]
description = "A page about the day"
priority = "low"
interval = "24h"
script = "builtin:daily_routine.py"
depends_on = ["health_check"]
expected_duration = "1m"
# window = ["22:00-05:00"]    # local times in which it may start

[tasks.learn_rhythm]
description = "When is this machine calm?"
priority = "low"
interval = "7d"
script = "builtin:learn_rhythm.py"
expected_duration = "30s"

[tasks.leak_response]         # without an interval: only events start it
description = "Who leaks memory, and how long until it is full?"
priority = "critical"         # a full memory would hold back any other
on = ["memory_leak"]
script = "builtin:leak_report.py"
warning_codes = [10]          # 10 means the leaker is still there

# [tasks.backup]
# description = "The home folder, to the other disk"
# priority = "high"
# interval = "6h"             # without an interval only events start it
# on = ["memory_full"]        # these events make it due at once
# steps = [                   # several scripts in order, instead of script
#     { name = "Save", script = "backup.py", args = ["--to", "/mnt/backup"] },
#     { name = "Tidy", script = "tidy.ps1", os = "windows" },
# ]
# keep_going = false          # true: the steps after a failed one run too
# interpreter = ["/opt/venv/bin/python"]    # when scripts need packages of their own
# cwd = "work"
# env = { LANG = "C.UTF-8" }
# timeout = "2h"              # by default 1 h, and learned after 10 runs: 3 times what they took
# retries = 2                 # after a failure, at later cycles
# retry_delay = "5m"          # doubled for each further one
# success_codes = [0]
# expected_duration = "40m"    # until past runs tell; then it matters only where it is more
# memory = "500MB"            # what it takes, until past runs tell: it starts when that much is free
# memory_limit = 80           # instead of the gate's
# max_defer = "12h"           # load holds it back no longer than this; by default 4 intervals
# adaptive = false            # true: the interval follows the CPU
# background = true           # lower CPU and I/O priority
# enabled = false
# os = "linux"                # linux, windows or macos alone
# notify = false              # true: [notify] tells of it
# ping = "PING_BACKUP"        # variable with a URL that is pinged when it starts, succeeds or fails

# [tasks.render]
# interval = "1h"
# script = "render.py"
# where = { labels = ["gpu"], os = "windows" }    # or node = "box7"; "any" for any node
# deploy = "path"             # its scripts lie on the nodes already, below --scripts
# on_loss = "rerun"
"""


def write_starter(folder: Path) -> Path:
    """Write a starter tasks.toml into a folder and return its path.

    Raises UsageError when one is there already, which stays untouched, or when it cannot be written.
    """
    path = folder / FILE_NAME
    try:
        files.create(path, STARTER.encode())
    except FileExistsError as error:
        raise UsageError(f"'{path}' exists and stays as it is; give another folder to 'init'") from error
    except OSError as error:
        raise UsageError(f"'{path}' cannot be written ({error.strerror}); give another folder to 'init'") from error
    return path
