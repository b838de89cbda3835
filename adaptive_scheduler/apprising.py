"""Send a message to people by Apprise, which knows more than a hundred services; the one room that imports it."""

from adaptive_scheduler import extras

PATIENCE_S = 30.0
"""How long one message may take, whatever the service does."""


def lacking() -> str:
    """Return what to do about the missing library in a sentence, empty where it is there."""
    return extras.lacking("notices", "notify", "apprise")


def send(address: str, title: str, body: str, tone: str = "info") -> str:
    """Send a message to one address; returns what went wrong, empty when nothing did. Never raises.

    `tone` is "failure", "warning", "info" or "success". What Apprise says may quote the address: it is for the
    caller to blot that out.
    """
    if problem := lacking():
        return problem
    import logging

    import apprise

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
