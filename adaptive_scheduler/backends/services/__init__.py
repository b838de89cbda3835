"""What keeps a command alive that never ends, one sibling for each system that can, behind the Protocol in ../base.py.

cron is none of them: it starts a command at a time, and does not know whether it still runs.
"""

from adaptive_scheduler.backends.base import Backend
from adaptive_scheduler.backends.services import launchd, systemd, windows
from adaptive_scheduler.backends.services.base import Service

KEEPERS: dict[str, Backend[Service]] = {"systemd": systemd, "windows": windows, "launchd": launchd}
"""By the name that --backend takes."""
