"""Send a message to people by Apprise, which knows some hundred services; the one room that imports it."""

import logging
import threading

MISSING = "apprise is not installed: pip install 'adaptive-rhythm-scheduler[notify]'"


def is_there() -> bool:
    """Say whether the library is installed, without importing it."""
    from importlib.util import find_spec

    return find_spec("apprise") is not None


def send(address: str, title: str, body: str) -> str:
    """Send a message to one address; returns what went wrong, empty when nothing did. Never raises.

    What Apprise says may quote the address: it is for the caller to blot that out.
    """
    try:
        import apprise
    except ImportError:
        return MISSING
    heard = _Heard()
    log = logging.getLogger("apprise")
    log.addHandler(heard)
    try:
        post = apprise.Apprise()
        if not post.add(address):
            return "it holds no address that Apprise understands"
        if post.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            return ""
    except Exception as error:  # whatever a plugin of it does
        return f"{type(error).__name__}: {error}"
    finally:
        log.removeHandler(heard)
    return heard.last or "it was not accepted"


class _Heard(logging.Handler):
    """The last thing that the library complained of in this thread; others send at the same time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._mine = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a complaint."""
        if record.thread == self._mine:
            self.last = record.getMessage()
