"""Where the metrics go, as tasks.toml says it. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Textfile:
    """The file that node_exporter reads; `project` tells several of them on one machine apart, empty for none."""

    path: str
    project: str = ""
