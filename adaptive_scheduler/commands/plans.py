"""What a plan for the system's scheduler would do, and what was done of it, for people to read."""

from adaptive_scheduler.backends.base import Action, Plan, Remove, Write
from adaptive_scheduler.commands import output


def show(plan: Plan) -> None:
    """Print what a plan would do, every byte of it."""
    for action in plan.actions:
        output.line(f"# {_said(action, 'would write', 'would remove', 'would run')}")
        content = None if isinstance(action, Remove) else action.content
        if content is not None:
            output.line(_as_text(content).rstrip("\n"))
    for note in plan.notes:
        output.line(f"# note: {note}")


def done(action: Action) -> None:
    """Print what was done just now."""
    output.line(_said(action, "wrote", "removed", "ran"))


def _said(action: Action, wrote: str, removed: str, ran: str) -> str:
    if isinstance(action, Write):
        return f"{wrote} '{action.path}'"
    if isinstance(action, Remove):
        return f"{removed} '{action.path}'"
    given = " with this input:" if action.content is not None and ran.startswith("would") else ""
    return f"{ran} '{' '.join(action.argv)}'{given}"


def _as_text(content: bytes) -> str:
    encoding = "utf-16" if content[:2] == b"\xff\xfe" else "utf-8"
    return content.decode(encoding, "replace").replace("\r\n", "\n")
