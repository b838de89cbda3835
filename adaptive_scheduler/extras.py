"""Libraries that only some need: whether an extra of the package is installed, and what to do where it is not."""

import importlib.util


def way_out(extra: str) -> str:
    """Return how an extra is installed: from a checkout or a wheel, for the name on PyPI is somebody else's."""
    return f"install the package with it, for example: pip install '.[{extra}]'"


def lacking(what: str, extra: str, module: str) -> str:
    """Return, for those who want `what`, that an extra is missing and the way out; empty where its module is there."""
    if importlib.util.find_spec(module) is not None:
        return ""
    return f"{what} need the extra [{extra}] ('{module}' is not installed); {way_out(extra)}"
