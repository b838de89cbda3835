"""One base error; its children are named by blame, and each knows its exit code.

ConfigError and UsageError are yours (2), StateError is ours (3), RegistrationError the system's (3). A script
that fails is no error of the program: it is a recorded result, and the cycle's exit code 1.
"""


class SchedulerError(Exception):
    """The base of every error this program raises on purpose; its text is one line for people."""

    exit_code = 3


class UsageError(SchedulerError):
    """The command line asks for something that cannot be done as written."""

    exit_code = 2


class ConfigError(SchedulerError):
    """tasks.toml has faults; `faults` holds one line for each of them."""

    exit_code = 2

    def __init__(self, faults: list[str]) -> None:
        """Keep every fault, so that all of them can be shown at once."""
        super().__init__("\n".join(faults))
        self.faults = faults


class TrustError(ConfigError):
    """Somebody else could change tasks.toml or the state: no copy of it will do either."""


class DispatchError(SchedulerError):
    """A script cannot be turned into a command: unknown type, missing file or missing interpreter."""

    exit_code = 1


class StateError(SchedulerError):
    """The scheduler's own files cannot be read, written or understood."""

    exit_code = 3


class RegistrationError(SchedulerError):
    """The system's scheduler refused what was asked of it, or cannot be asked."""

    exit_code = 3
