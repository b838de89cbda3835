"""Whether the extra that carries clusters is installed."""

import importlib.util


def lacking(module: str = "distributed") -> str:
    """Return what to do about a missing extra in a sentence, empty where it is there."""
    if importlib.util.find_spec(module) is not None:
        return ""
    return (
        f"clusters need the extra [dask] ('{module}' is not installed); "
        "install the package with it, for example: pip install '.[dask]'"
    )
