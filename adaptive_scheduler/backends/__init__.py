"""The schedulers of operating systems that can call a cycle, one sibling each behind the Protocol in base.py.

Pure: they decide what is to be read, written and run; registrar.py does it.
"""

from adaptive_scheduler.backends import cron, launchd, systemd, windows
from adaptive_scheduler.backends.base import Backend, Registration

BACKENDS: dict[str, Backend[Registration]] = {"systemd": systemd, "cron": cron, "windows": windows, "launchd": launchd}
"""By the name that --backend takes, in the order in which `auto` prefers them."""
