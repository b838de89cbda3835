"""Send a message to people by Apprise, which knows more than a hundred services; the one room that imports it."""

PATIENCE_S = 30.0
"""How long one message may take, whatever the service does."""

MISSING = "apprise is not installed: pip install 'adaptive-rhythm-scheduler[notify]'"


def is_there() -> bool:
    """Say whether the library is installed, without importing it."""
    from importlib.util import find_spec

    return find_spec("apprise") is not None


def send(address: str, title: str, body: str, tone: str = "info") -> str:
    """Send a message to one address; returns what went wrong, empty when nothing did. Never raises.

    `tone` is "failure", "warning", "info" or "success". What Apprise says may quote the address: it is for the
    caller to blot that out.
    """
    try:
        import logging

        import apprise
    except ImportError:
        return MISSING
    complaints: list[str] = []
    try:
        post = apprise.Apprise()
        if not post.add(address):
            return "it holds no address that Apprise understands"
        told = post.notify(
            body,
            title,
            tone,
            "text",
            timeout=PATIENCE_S,
            log_callback=lambda entry, _service: complaints.append(entry.message),
            log_level=logging.WARNING,
        )
    except Exception as error:  # whatever a plugin of it does
        return f"{type(error).__name__}: {error}"
    return "" if told else "; ".join(complaints[-1:]) or "it was not accepted"
