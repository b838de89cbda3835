"""`python -m adaptive_scheduler` is the same program as `adaptive-scheduler`."""

if __name__ == "__main__":
    import sys

    if not sys.flags.safe_path:
        # Python looks into the current folder first: whatever a file there is called, it is no module of ours.
        del sys.path[0]

    from adaptive_scheduler.cli import main

    main()
