"""One run from claim to done.json, with real scripts that behave and that do not."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from adaptive_scheduler import locks
from adaptive_scheduler.runfolder import RunFolder
from adaptive_scheduler.supervisor import write_done
from tests.platforms import WINDOWS, beyond_wine, holes, modes, on_wine, posix_only, signals
from tests.processes import Supervised, alive_in, kill_all, until

ESCAPE = """
import os, subprocess, sys, time
depth, ready = int(sys.argv[1]), sys.argv[2]
again = [sys.executable, "-S", "-E", __file__, str(depth + 1), ready]
if os.name == "nt":
    detached, new_group, breakaway = 0x0008, 0x0200, 0x0100_0000
    for flags in (detached | new_group | breakaway, detached | new_group) if depth < 3 else ():
        try:
            subprocess.Popen(again, creationflags=flags)
            break
        except OSError:
            pass  # the job lets nobody leave
elif depth == 1 and os.fork():
    os.wait() if len(sys.argv) > 3 else None
elif depth == 1:
    os.setsid()
    if os.fork():
        os._exit(0)
if os.name != "nt" and depth < 3:
    subprocess.Popen(again)
open(f"{ready}.{os.getpid()}", "w").close()
time.sleep(600)
"""
"""Three levels deep; the second one leaves its session and its parent, on Windows its console and perhaps its job."""


@pytest.fixture
def run(tmp_path: Path) -> Supervised:
    return Supervised(tmp_path)


# -- how steps end -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "spec", "expected"),
    [
        pytest.param("pass", {}, ("ok", 0, None, "exit code 0"), id="success"),
        pytest.param("raise SystemExit(3)", {}, ("failed", 3, None, "exit code 3"), id="failure"),
        pytest.param(
            "raise SystemExit(10)", {"warning_codes": [10]}, ("warning", 10, None, "exit code 10"), id="warning"
        ),
        pytest.param("raise SystemExit(3)", {"success_codes": [3]}, ("ok", 3, None, "exit code 3"), id="its success"),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)",
            {},
            ("failed", None, "SIGKILL", "killed by SIGKILL"),
            id="kills itself",
            marks=signals,
        ),
        pytest.param(
            "import sys; sys.exit(0 if sys.stdin.read() == '' else 5)",
            {},
            ("ok", 0, None, "exit code 0"),
            id="wants input",
        ),
        pytest.param("import sys; print('!', file=sys.stderr)", {}, ("ok", 0, None, "exit code 0"), id="complains"),
    ],
)
def test_the_exit_code_decides(run: Supervised, code: str, spec: dict[str, Any], expected: tuple[object, ...]) -> None:
    done = run.python(code).run(**spec)
    assert (done["status"], done["exit_code"], done["signal"], done["cause"]) == expected


def test_a_run_under_its_real_flags_says_all_that_is_asked(run: Supervised) -> None:
    # It sleeps for longer than the pause between two looks: of a child smaller than us the system does not tell.
    done = run.python("sum(range(3_000_000)); x = b'x' * 40_000_000; import time; time.sleep(2); print('hello')").run(
        "-I", "-S"
    )
    assert done["version"] == 1
    assert done["run_id"] == run.run_id
    assert done["started_at"] <= done["ended_at"]
    assert done["started_at"].endswith("+00:00")
    assert 0 < done["cpu_s"] < 10 or on_wine()  # whose jobs do not count it
    # Wine forgets the peak of what has ended, so there it is what was seen of it.
    assert done["peak_memory_bytes"] > (5_000_000 if on_wine() else 40_000_000)
    assert done["output_bytes"] == len(f"hello{os.linesep}")
    assert (done["left_behind"], done["background_took"]) == (0, None)
    assert [step["status"] for step in done["steps"]] == ["ok"]
    assert run.said() == b"hello\n"


@modes
def test_a_script_that_others_can_write_by_now_is_not_started(run: Supervised) -> None:
    run.python("open('ran', 'w')", name="first").python("open('ran', 'w')", name="second")
    for step in run.steps:
        step["guarded"] = [step["argv"][-1]]
    (run.scripts / "first.py").chmod(0o666)
    done = run.run(keep_going=True)
    assert [step["status"] for step in done["steps"]] == ["error", "ok"]
    script = run.scripts / "first.py"
    told = f"'{script}' is not run: '{script}' can be written by everybody (mode 0666): chmod o-w '{script}', or set "
    assert done["steps"][0]["cause"].startswith(told)
    assert (run.scripts / "ran").exists()


@modes
def test_the_files_of_a_run_are_private_and_the_script_keeps_the_umask_of_the_caller(run: Supervised) -> None:
    before = os.umask(0o027)
    try:
        run.python("open('made', 'w').close()").run()
    finally:
        os.umask(before)
    for file in run.folder.path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((run.scripts / "made").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("keep_going", "statuses"),
    [(False, ["ok", "failed", "not_run"]), (True, ["ok", "failed", "ok"])],
    ids=["stops", "keeps going"],
)
def test_a_run_stops_at_its_first_failing_step_unless_it_is_to_keep_going(
    run: Supervised, keep_going: bool, statuses: list[str]
) -> None:
    run.python("print(1)", name="one").python("raise SystemExit(4)", name="two").python("print(3)", name="three")
    done = run.run(keep_going=keep_going)
    assert [step["status"] for step in done["steps"]] == statuses
    assert (done["status"], done["exit_code"], done["cause"]) == ("failed", 4, "step 'two': exit code 4")
    offsets = [step["offset_s"] for step in done["steps"] if step["status"] != "not_run"]
    assert offsets == sorted(offsets)


def test_each_of_several_steps_has_a_header_in_the_output(run: Supervised) -> None:
    done = run.python("print(1)", name="öne").python("print(2)", name="two").run()
    assert run.said().decode() == "--- öne ---\n1\n--- two ---\n2\n"
    assert done["output_bytes"] == 2 * len(f"1{os.linesep}")


def test_a_step_with_an_error_starts_nothing(run: Supervised) -> None:
    done = run.step("one", error="script 'x.py' not found").python("print(2)").run()
    assert (done["status"], done["cause"]) == ("error", "step 'one': script 'x.py' not found")
    assert [step["status"] for step in done["steps"]] == ["error", "not_run"]
    assert run.output() == b""


def test_a_skipped_step_is_no_result(run: Supervised) -> None:
    done = run.step("one", skip="for windows").python("print(2)").run()
    assert (done["status"], [step["status"] for step in done["steps"]]) == ("ok", ["skipped", "ok"])


def test_a_run_whose_steps_are_all_skipped_is_fine_and_says_so(run: Supervised) -> None:
    done = run.step("one", skip="'one' is for windows, this is linux").run()
    assert (done["status"], done["exit_code"]) == ("ok", None)
    assert done["cause"] == "nothing to run here: 'one' is for windows, this is linux"


# -- what cannot be started ----------------------------------------------------------------------------


def not_executable(folder: Path) -> list[str]:
    (folder / "data").write_bytes(b"\x00\x01 no program")
    (folder / "data").chmod(0o700)
    return [str(folder / "data")]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        pytest.param(lambda _: ["/nowhere/program"], "cannot start '/nowhere/program': No such file", id="missing"),
        pytest.param(lambda folder: [str(folder)], "Permission denied", id="no file"),
        pytest.param(not_executable, "Exec format error", id="no program"),
        pytest.param(lambda _: ["a\0b"], "null byte", id="impossible name"),
    ],
)
def test_what_cannot_be_started_is_an_error_in_the_words_of_the_system(run: Supervised, argv: Any, words: str) -> None:
    program = argv(run.scripts)
    done = run.step("one", program).run()
    assert (done["status"], done["exit_code"]) == ("error", None)
    # Windows has words of its own, in the language of its user.
    assert (f"cannot start '{program[0]}': " if WINDOWS else words) in done["cause"]


def test_a_missing_working_folder_is_named(run: Supervised) -> None:
    done = run.python("pass").run(cwd="/nowhere")
    assert done["cause"].startswith("cannot start in '/nowhere': ")
    assert done["cause"].endswith("; make that folder or correct `cwd`")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        pytest.param(b"", "it could not be set up: its spec.json is damaged", id="empty"),
        pytest.param(b"\0" * 50, "it could not be set up: its spec.json is damaged", id="after a power cut"),
        pytest.param(b"[]", "it could not be set up: its spec.json is damaged", id="no object"),
        pytest.param(b'{"version":2}', "its spec.json has version 2, this program knows 1", id="newer"),
        pytest.param(b'{"version":1}', "its spec.json lacks 'run_id'", id="incomplete"),
        pytest.param(
            b'{"version":1,"run_id":"x","background":false,"output_max_bytes":"many"}',
            "a fault of the supervisor: TypeError",
            id="nonsense",
        ),
    ],
)
def test_a_spec_that_cannot_be_used_is_an_error_of_the_run(run: Supervised, content: bytes, cause: str) -> None:
    run.folder.spec.write_bytes(content)
    process = run.start()
    process.communicate()
    assert process.returncode == 0
    assert run.done()["status"] == "error"
    assert cause in run.done()["cause"]


# -- timeouts and requests to stop ---------------------------------------------------------------------


def test_a_timeout_ends_the_whole_tree_three_levels_deep_and_its_escapee(run: Supervised) -> None:
    ready = run.scripts / "ready"
    run.python(ESCAPE, args=("0", str(ready)))
    run.spec(timeout_s=4.0)
    process = run.start()
    try:
        until(lambda: len(list(run.scripts.glob("ready.*"))) >= (4 if WINDOWS else 5), "the tree")
        if not WINDOWS:
            assert len({os.getsid(one.pid) for one in alive_in(run.run_id)}) > 1
        process.communicate()
        done = run.done()
        assert not alive_in(run.run_id)
        assert done["status"] == "timeout"
        assert done["cause"].startswith("timed out after 4 s; ")
        assert "could not" not in done["cause"]
        assert [step["status"] for step in done["steps"]] == ["timeout"]
    finally:
        kill_all(run.run_id)


def test_a_script_that_ignores_the_request_is_killed(run: Supervised) -> None:
    done = run.python("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)").run(timeout_s=1.0)
    assert done["cause"] == "timed out after 1 s; 1 process ended"
    assert not alive_in(run.run_id)


def test_a_learned_time_limit_says_what_it_was_learned_from(run: Supervised) -> None:
    done = run.python("import time; time.sleep(600)").run(timeout_s=0.5, timeout_source="learned from 18 runs")
    assert done["cause"] == "timed out after 0.5 s (learned from 18 runs); 1 process ended"


@signals
def test_a_script_that_listens_may_clean_up(run: Supervised) -> None:
    code = """
import signal, sys, time
def leave(*_):
    print("cleaned up", flush=True)
    sys.exit(0)
signal.signal(15, leave)
print("ready", flush=True)
time.sleep(600)
"""
    done = run.python(code).run(timeout_s=2.0, grace_s=20.0)
    assert run.output() == b"ready\ncleaned up\n"
    assert done["status"] == "timeout"


@signals
def test_a_stopped_script_is_woken_to_end(run: Supervised) -> None:
    done = run.python("import os; os.kill(os.getpid(), 19)").run(timeout_s=1.0, grace_s=30.0)
    assert done["status"] == "timeout"
    assert done["duration_s"] < 20


def test_the_timeout_covers_all_steps_together(run: Supervised) -> None:
    run.python("pass", name="one").python("import time; time.sleep(600)", name="two").python("pass", name="three")
    done = run.run(timeout_s=2.0, keep_going=True)
    assert [step["status"] for step in done["steps"]] == ["ok", "timeout", "not_run"]
    assert done["cause"].startswith("step 'two': timed out after 2 s")


@signals
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_supervisor_that_is_told_to_stop_ends_the_tree_and_says_so(run: Supervised, number: signal.Signals) -> None:
    run.python("import time; print('up', flush=True); time.sleep(600)").spec()
    process = run.start()
    until(lambda: run.folder.output.exists() and run.output() == b"up\n", "the script")
    process.send_signal(number)
    process.communicate()
    assert process.returncode == 0
    assert run.done()["status"] == "interrupted"
    assert run.done()["cause"] == f"the supervisor was told to stop ({number.name})"
    assert not alive_in(run.run_id)


@signals
def test_a_hangup_is_survived_and_not_ignored_in_the_script(run: Supervised) -> None:
    code = """
import os, signal, time
print(signal.getsignal(signal.SIGHUP) == signal.SIG_DFL, flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
"""
    run.python(code).spec()
    process = run.start()
    until(lambda: run.folder.output.exists() and run.output() == b"True\n", "the script")
    process.send_signal(signal.SIGHUP)
    (run.scripts / "go").touch()
    process.communicate()
    assert run.done()["status"] == "ok"


# -- output and what is left behind --------------------------------------------------------------------


@holes
def test_a_gigabyte_of_output_costs_the_cap_on_disk_and_little_memory(run: Supervised) -> None:
    run.python("import os\nblock = b'0123456789abcde\\n' * 65536\nfor _ in range(1024): os.write(1, block)")
    run.spec()
    process = run.start("-I", "-S")
    watched = psutil.Process(process.pid)
    memory, disk = 0, 0
    while process.poll() is None:
        try:
            memory = max(memory, watched.memory_info().rss)
            disk = max(disk, run.folder.output.stat().st_blocks * 512)
        except (psutil.Error, FileNotFoundError):
            pass
        time.sleep(0.02)
    done = run.done()
    process.communicate()
    assert (done["status"], done["output_bytes"]) == ("ok", 2**30)
    assert run.folder.output.stat().st_size < 1_001_000
    assert run.folder.output.stat().st_blocks * 512 < 1_100_000
    assert b"1.1 GB cut" in run.output()
    assert memory < 50_000_000
    assert disk < 700_000_000  # it is trimmed on the way, not only at the end


def test_a_daemon_that_keeps_the_output_open_delays_nobody(run: Supervised) -> None:
    run.python("import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])")
    try:
        done = run.run()
        assert (done["status"], done["left_behind"]) == ("ok", 1)
        assert len(alive_in(run.run_id)) == 1
        assert not locks.is_held(run.folder.claim)
        assert done["duration_s"] < 30
    finally:
        kill_all(run.run_id)


@posix_only("fork")
def test_orphans_that_have_ended_leave_no_zombies(run: Supervised) -> None:
    code = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
open("forked", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
"""
    run.python(code).spec()
    process = run.start()
    until((run.scripts / "forked").exists, "the orphans")
    until(lambda: len(psutil.Process(process.pid).children(recursive=True)) == 1, "their burial")
    (run.scripts / "go").touch()
    process.communicate()
    assert run.done()["left_behind"] == 0


def test_bytes_that_are_no_text_arrive_as_they_are(run: Supervised) -> None:
    everything = bytes(range(256))
    done = run.python("import os; os.write(1, bytes(range(256)))").run()
    assert run.output() == everything
    assert done["output_bytes"] == 256


def test_a_script_that_prints_nothing_leaves_an_empty_output(run: Supervised) -> None:
    assert run.python("pass").run()["output_bytes"] == 0
    assert run.output() == b""


@beyond_wine("its jobs do not count CPU time")
def test_the_cpu_time_of_grandchildren_counts(run: Supervised) -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    done = run.python(f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {burn!r}])").run()
    assert done["cpu_s"] >= 0.5


# -- claims --------------------------------------------------------------------------------------------


def test_two_supervisors_on_one_folder_start_it_once(run: Supervised) -> None:
    run.python("print('ran', flush=True)").spec()
    both = [run.start(), run.start()]
    for process in both:
        process.communicate()
        assert process.returncode == 0
    assert run.said() == b"ran\n"


def test_a_supervisor_that_comes_after_recovery_starts_nothing(run: Supervised) -> None:
    run.python("print('ran', flush=True)").spec()
    recovery = run.folder.take_claim({"recovered": True})
    assert recovery is not None
    os.close(recovery)
    process = run.start()
    process.communicate()
    assert process.returncode == 0
    assert not run.folder.output.exists()
    assert not run.folder.done.exists()


def test_a_supervisor_that_is_stopped_between_claim_and_lock_yields_to_recovery(run: Supervised) -> None:
    """The recoverer has the lock and writes its mark while a supervisor waits for that lock."""
    run.python("print('ran', flush=True)").spec()
    fd = locks.open_lockable(run.folder.claim, os.O_CREAT)
    locks.lock(fd)
    late = f"""
import os, sys
from pathlib import Path
from adaptive_scheduler import locks, runfolder
real = locks.open_lockable
locks.open_lockable = lambda path, flags: (print("waits", flush=True), real(path, flags & ~os.O_EXCL))[1]
print(runfolder.RunFolder(Path({str(run.folder.path)!r})).take_claim({{}}))
"""
    root = Path(locks.__file__).parent.parent
    waiting = subprocess.Popen([sys.executable, "-c", late], stdout=subprocess.PIPE, text=True, cwd=root)
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "waits\n"
    os.write(fd, b"{}\n")
    os.close(fd)
    assert waiting.communicate()[0] == "None\n"


def test_the_claim_is_locked_while_the_run_lasts_and_free_afterwards(run: Supervised) -> None:
    run.python("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)").spec()
    process = run.start()
    until(lambda: run.folder.claimed_by() == process.pid, "the claim")
    assert locks.is_held(run.folder.claim)
    (run.scripts / "go").touch()
    process.communicate()
    assert not locks.is_held(run.folder.claim)


# -- the end of it -------------------------------------------------------------------------------------


def test_a_full_disk_is_waited_out_for_a_while(tmp_path: Path) -> None:
    class Full(RunFolder):
        tries = 0

        def write_done(self, done: dict[str, Any], *, durable: bool = True) -> None:
            Full.tries += 1
            raise OSError(28, "No space left on device")

    assert not write_done(Full(tmp_path), {}, patience_s=1.2)
    assert Full.tries == 2


def test_a_folder_that_is_gone_is_not_waited_for(run: Supervised) -> None:
    process = run.start()
    process.communicate()
    gone = RunFolder(run.folder.path / "gone")
    assert not write_done(gone, {})


def test_a_folder_that_does_not_exist_cannot_be_claimed(run: Supervised) -> None:
    run.folder.path.rmdir()
    process = run.start()
    _, complaint = process.communicate()
    assert process.returncode == 3
    assert b"cannot claim '" in complaint


@posix_only("niceness")
def test_background_takes_for_the_script_and_its_session(run: Supervised) -> None:
    code = """
import os, pathlib
print(os.getpriority(os.PRIO_PROCESS, 0))
import time; time.sleep(0.5)
group = pathlib.Path("/proc/self/autogroup")
print(group.read_text().split()[-1] if group.exists() else 10)
"""
    done = run.python(code).run(background=True)
    assert done["background_took"] is True
    nice, group = (int(word) for word in run.output().split())
    assert nice >= 10
    assert group == 10
