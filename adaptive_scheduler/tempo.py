"""Which way the load bends the intervals. Pure, and cheap to load."""


def tempo_of(cpu: float | None, low: float, high: float) -> str:
    """Return what this CPU does to intervals: faster, base or slower; an unknown one does nothing."""
    if cpu is None or low <= cpu <= high:
        return "base"
    return "faster" if cpu < low else "slower"
