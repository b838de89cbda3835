"""Learn this machine's calm hours anew, and test that on its own past: `adaptive-scheduler learn`.

Exit code 0, also where too little is known yet; 10: there is no tasks.toml to learn for; 1: it failed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

BROKEN, NOTHING = 1, 10
TIMEOUT_S = 1500


def main(argv: list[str] | None = None) -> int:
    """Run the command, pass on what it says, and return the exit code."""
    options = arguments().parse_args(argv)
    if not options.config.is_file():
        print(f"nothing to learn for: no '{options.config}' here; name it with --config")
        return NOTHING
    command = [sys.executable, "-P", "-m", "adaptive_scheduler", "--config", str(options.config), "learn"]
    sys.stdout.flush()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"'adaptive-scheduler learn' did not end well: {error}")
        return BROKEN
    return BROKEN if done.returncode else 0


def arguments() -> argparse.ArgumentParser:
    """Describe the command line."""
    config = Path(os.environ.get("ADAPTIVE_SCHEDULER_CONFIG") or "tasks.toml")
    parser = argparse.ArgumentParser(description="Learn when this machine is calm, from its own history.")
    parser.add_argument(
        "--config", type=Path, default=config, metavar="FILE", help="whose history to learn from (./tasks.toml)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
