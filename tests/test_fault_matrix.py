"""A small selection of benchmarks/fault_matrix.py: processes killed at their calls, disks that fail, power cuts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platforms import linux_only

HERE = ("cycle", "first cycle", "short cycle", "supervisor", "power")
"""Those with nodes want a cluster for each worker: too much beside other tests."""
MATRIX = Path(__file__).parent.parent / "benchmarks" / "fault_matrix.py"


def can_trace() -> bool:
    return bool(shutil.which("strace")) and not subprocess.run(["strace", "-qq", "-o", os.devnull, "true"]).returncode


@linux_only
@pytest.mark.skipif(not can_trace(), reason="strace is missing, or may not watch: apt-get install strace")
def test_no_fault_at_any_call_loses_a_run_starts_one_twice_or_leaves_anything_behind() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTIVE_", "COVERAGE_"))}
    argv = [sys.executable, str(MATRIX), "--quick", "--only", *HERE]
    done = subprocess.run(argv, capture_output=True, text=True, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
