"""`schema` and `init`: help for writing tasks.toml."""

from pathlib import Path

from adaptive_scheduler.commands import output


def schema() -> int:
    """Print the JSON Schema of tasks.toml."""
    import json

    from adaptive_scheduler.schema import schema as json_schema

    output.line(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0


def init(folder: Path) -> int:
    """Write a commented starter tasks.toml, never over an existing file."""
    from adaptive_scheduler.starter import write_starter

    path = write_starter(folder)
    output.line(f"wrote '{path}'; next: adaptive-scheduler --config {path} check")
    return 0
