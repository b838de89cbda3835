"""Events for real: a process that burns all CPUs, one that leaks 2 MB/s, a proxy that delays, and a calm stretch.

    python benchmarks/real_events.py --calm 60 --burn 10 --leak 62 --again 5

Real cycles of a project in a temporary folder, one a minute, over a history of three made-up calm days, so that
nothing has to be learned first. It needs Linux, a machine with nothing else to do, and 8 GB for the leak: what
grows for less than an hour is no leak.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from adaptive_scheduler.events import Answer
from adaptive_scheduler.history import History
from adaptive_scheduler.machine import Sample

CONFIG = """
[scheduler]
tick = "1m"
[probes.service]
http = "http://127.0.0.1:{port}/"
timeout = "5s"
[tasks.spike]
on = ["cpu_spike"]
script = "facts.py"
[tasks.leak]
on = ["memory_leak"]
script = "facts.py"
[tasks.late]
on = ["high_latency"]
script = "facts.py"
[tasks.beat]
interval = "5m"
script = "beat.py"
"""
FACTS = "import os\nprint(os.environ['ADAPTIVE_TASK'], os.environ.get('ADAPTIVE_EVENT'))\n"
BURN = "while True: pass"
LEAK = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(b'x') * 200_000)\n    time.sleep(0.1)\n"
SERVICE = """
import http.server, os, sys, time
class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.path.exists(sys.argv[1]): time.sleep(0.4)
        self.send_response(200); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'ok')
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
"""


def named(folder: Path, name: str, code: str, *args: str, stdout: int | None = None) -> "subprocess.Popen[str]":
    """Start Python under another name, as people will see it."""
    link = folder / name
    if not link.exists():
        link.symlink_to(sys.executable)
    return subprocess.Popen([str(link), "-c", code, *args], text=True, stdout=stdout)


def made_up(folder: Path, now: datetime) -> None:
    """Write three calm days into the history of a state folder."""
    history, dice = History(folder), random.Random(7)
    folder.mkdir(mode=0o700)
    memory = 100 * _used_share()
    for number in range(3 * 288, 0, -1):
        at = now - number * timedelta(minutes=5)
        sample = Sample(at, 3 + 4 * dice.random(), memory + dice.random() / 2, 3 + 3 * dice.random())
        latencies = [("disk", Answer(at, 0.5 + dice.random())), ("service", Answer(at, 2 + 4 * dice.random()))]
        history.record(at, 0, sample, [], timedelta(minutes=1), latencies=latencies)


def _used_share() -> float:
    import psutil

    return float(psutil.virtual_memory().percent) / 100


def cycles(project: Path, minutes: int, what: str) -> None:
    """Run one cycle a minute, and print what each saw and started."""
    for _ in range(minutes):
        began = time.monotonic()
        command = [sys.executable, "-m", "adaptive_scheduler", "--config", str(project / "tasks.toml")]
        done = subprocess.run([*command, "run", "--json"], capture_output=True, text=True, check=False)
        report = json.loads(done.stdout)
        ran = [run["task"] for run in report["runs"] if run["task"] != "beat"]
        took_ms = 1000 * (time.monotonic() - began)
        print(f"{datetime.now():%H:%M:%S} {what}: CPU {report['cpu']} % memory {report['memory']} %", end=" ")
        print(f"ran {ran} events {[one['event'] for one in report.get('events', [])]} ({took_ms:.0f} ms) {done.stderr}")
        time.sleep(max(0.0, 60 - (time.monotonic() - began)))


def main() -> None:
    """Live through it."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--calm", type=int, default=10, help="minutes before")
    ask.add_argument("--burn", type=int, default=10, help="minutes with all CPUs burning and the service late")
    ask.add_argument("--leak", type=int, default=62, help="minutes with a leaker of 2 MB/s")
    ask.add_argument("--again", type=int, default=5, help="minutes with the leaker started anew")
    asked = ask.parse_args()
    project = Path(tempfile.mkdtemp(prefix="real-events-"))
    late = project / "late"
    service = named(project, "service", SERVICE, str(late), stdout=subprocess.PIPE)
    assert service.stdout is not None
    (project / "tasks.toml").write_text(CONFIG.format(port=service.stdout.readline().strip()))
    (project / "facts.py").write_text(FACTS)
    (project / "beat.py").write_text("")
    made_up(project / "outputs", datetime.now().astimezone())
    troubles = [service]
    try:
        cycles(project, asked.calm, "calm")
        if asked.burn:
            late.touch()
            burners = [named(project, "burner", BURN) for _ in range(os.cpu_count() or 1)]
            troubles += burners
            cycles(project, asked.burn, "burning, late")
            for burner in burners:
                burner.kill()
            late.unlink()
        if asked.leak:
            troubles.append(leaker := named(project, "leaker", LEAK))
            cycles(project, asked.leak, "leaking")
            leaker.kill()
            troubles.append(named(project, "leaker", LEAK))
            cycles(project, asked.again, "leaking anew")
    finally:
        for one in troubles:
            one.send_signal(signal.SIGKILL)
            one.wait()
    for verb in ("events", "status"):
        subprocess.run(
            [sys.executable, "-m", "adaptive_scheduler", "--config", str(project / "tasks.toml"), verb], check=False
        )
    for task in ("spike", "leak", "late"):
        print(f"-- {task}", flush=True)
        subprocess.run(
            [sys.executable, "-m", "adaptive_scheduler", "--config", str(project / "tasks.toml"), "logs", task],
            check=False,
        )


if __name__ == "__main__":
    main()
