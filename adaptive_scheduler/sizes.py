"""Text <-> bytes, as people write and say sizes: "1MB" is a million bytes, "1MiB" is 1,048,576."""

import re

LARGEST = 10**12

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

PATTERN = r"^\s*[0-9]{1,15}(\.[0-9]{1,6})?\s*([kKmMgG][iI]?)?[bB]\s*$"
"""A size as a regular expression; the JSON Schema uses it too."""

_FACTORS = {unit.casefold(): factor for unit, factor in UNITS.items()}


def parse_size(text: str) -> int:
    """Return the bytes that a text such as "500kB", "1MB" or "1.5 GB" means; case is free.

    Raises ValueError with a sentence when it is none, is zero, or is above a terabyte.
    """
    if not re.search(PATTERN, text, re.ASCII):
        raise ValueError(f'\'{text}\' is not a size: write a number and a unit, such as "500kB", "1MB" or "1GB"')
    number = text.strip().rstrip("kKmMgGiIbB")
    count = int(float(number) * _FACTORS[text.strip()[len(number) :].casefold()])
    if count == 0:
        raise ValueError(f"'{text}' is no bytes at all: write a size such as \"1MB\"")
    if count > LARGEST:
        raise ValueError(f"'{text}' is more than a terabyte")
    return count


def spoken(count: float) -> str:
    """Return bytes for a sentence: '512 MB', '1.5 GB', '30 kB'."""
    for unit in ("GB", "MB", "kB"):
        size = UNITS[unit]
        if round(count / size, 1) >= 1:
            share = count / size
            return f"{round(share, 1 if share < 10 else None):g} {unit}"
    return f"{count:.0f} B"
