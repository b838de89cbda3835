"""`python -m adaptive_scheduler` is the same program as `adaptive-scheduler`."""

from adaptive_scheduler.cli import main

if __name__ == "__main__":
    main()
