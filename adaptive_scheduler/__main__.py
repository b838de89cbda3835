"""`python -m adaptive_scheduler` is the same program as `adaptive-scheduler`."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # Python looks into the current folder first: whatever a file there is called, it is no module of ours.
    del sys.path[0]

import os

from adaptive_scheduler import footing, short_cycle

ASKED_BY_A_SHELL = "_ADAPTIVE_SCHEDULER_COMPLETE"


def main() -> None:
    """Do what the command line asks for, and load no more of the program than that takes."""
    footing.find()
    if ASKED_BY_A_SHELL not in os.environ:
        if short_cycle.attempt(sys.argv[1:], os.environ):
            return
        from adaptive_scheduler import errand

        act = errand.understood(sys.argv[1:])
        if act is not None:
            sys.exit(act())
    from adaptive_scheduler.cli import app

    app()


if __name__ == "__main__":
    main()
