"""The form in which OS counters are kept from cycle to cycle."""

from collections.abc import Mapping

Reading = Mapping[str, float | int | str]
"""One set of OS counters as metrics.py writes it into the state; nobody else looks inside."""
