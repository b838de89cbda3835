"""The kinds of values in tasks.toml: how each is written, checked, and shown in the JSON Schema.

Checked values are plain: durations are seconds, sizes are bytes, windows minutes after midnight.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from adaptive_scheduler import addresses, durations, sizes

WINDOW_PATTERN = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]-(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)$"
MILLISECONDS_PATTERN = r"^\s*([0-9]{1,6})\s*ms\s*$"
_VOID = r"\s\x00-\x1f\x7f"
"""What stands in no address: white space and control characters."""
ADDRESS_PATTERN = rf"^(?:\[[0-9A-Fa-f:.]+(?:%[^{_VOID}\]/@]+)?\]|[^{_VOID}:\[\]/@?#]+):([0-9]{{1,5}})$"
URL_PATTERN = (
    rf"^[hH][tT][tT][pP][sS]?://(?:[^{_VOID}/@?#]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^{_VOID}:/@?#\[\]]+)(?::[0-9]{{1,5}})?"
    rf"(?:[/?#][^{_VOID}]*)?$"
)
NODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
EXAMPLE_PROM = "/var/lib/node_exporter/adaptive.prom"
EXTENSION_PATTERN = r"^\.[^\s./\\]+$"
RESERVED_ENV = frozenset(f"ADAPTIVE_{name}" for name in ("TASK", "RUN_ID", "REASON", "CPU", "MEMORY", "EVENT"))

_MINUTES_A_DAY = 24 * 60

Seconds = TypeVar("Seconds", int, float)


def _seconds(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError(f'{spoken(value)} is not a duration: write a duration such as "10m"')
    return round(durations.parse(value).total_seconds())


def _fine_seconds(value: Any) -> float:
    found = re.fullmatch(MILLISECONDS_PATTERN, value, re.ASCII) if isinstance(value, str) else None
    if found is not None:
        return int(found[1]) / 1000
    try:
        return float(_seconds(value))
    except ValueError as error:
        raise ValueError(f'{error}, or milliseconds such as "500ms"') from error


def _bytes(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError(f'{spoken(value)} is not a size: write a size such as "1MB"')
    return sizes.parse_size(value)


def _window(value: Any) -> list[int]:
    if not isinstance(value, str) or not re.search(WINDOW_PATTERN, value, re.ASCII):
        raise ValueError(f'{spoken(value)} is not a window: write local times such as "22:00-05:30"')
    start, end = (60 * int(clock.split(":")[0]) + int(clock.split(":")[1]) for clock in value.split("-"))
    return [start, end % _MINUTES_A_DAY]


def _argv(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _printable(value: str) -> str:
    if any(ord(letter) < ord(" ") or letter == "\x7f" for letter in value):
        raise ValueError("must be one line without control characters")
    return value


def _prom_file(value: str) -> str:
    if not value.endswith(".prom"):
        raise ValueError(f"'{value}' must end in .prom, such as \"{EXAMPLE_PROM}\": node_exporter reads no other file")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not hold the character NUL")
    return value


def _address(value: str) -> str:
    # What is wrong is not repeated: a user's name and password may stand in it.
    found = re.fullmatch(ADDRESS_PATTERN, value)
    if found is None or not 0 < int(found[1]) < 65_536:
        raise ValueError('must be a host and a port, such as "db:5432" or "[::1]:5432"')
    return value


def _url(value: str) -> str:
    if re.fullmatch(URL_PATTERN, value) is None:
        raise ValueError('must be a URL that begins with http:// or https://, such as "https://localhost/health"')
    return value


def _master(value: str) -> str:
    return str(addresses.parse(value))


def _anywhere(value: Any) -> Any:
    if isinstance(value, str) and value != "any":
        raise ValueError(f'{spoken(value)} is no place: write where = "any", or where = {{ labels = ["gpu"] }}')
    return {} if value == "any" else value


def _node_name(value: str) -> str:
    if re.fullmatch(NODE_PATTERN, value) is None:
        raise ValueError(f"'{value}' can be no node or label: letters, digits, '.', '_' and '-', at most 63")
    return value


def _env_name(value: str) -> str:
    if not value or "=" in value or "\0" in value:
        raise ValueError(f"'{value}' cannot be the name of an environment variable")
    if value.upper() in RESERVED_ENV:
        raise ValueError(f"'{value}' is set by the scheduler itself: choose another name")
    return value


def _address_name(value: str) -> str:
    # What is wrong is not repeated: it may be the address itself, which is a secret.
    if re.fullmatch(VARIABLE_PATTERN, value) is None:
        raise ValueError(
            "must be the NAME of a variable; the address belongs into the environment, or as NAME=... into the file "
            "of notify.secrets: what stands here is copied"
        )
    return value


def _extension(value: str) -> str:
    if not re.search(EXTENSION_PATTERN, value):
        raise ValueError(f"'{value}' is not a script type: write the extension with its dot, such as \".sh\"")
    return value.lower()


def between(least: str, most: str, why: str) -> Callable[[Seconds], Seconds]:
    """Return the check that a duration lies in these bounds, with the reason for them."""
    low, high = _fine_seconds(least), _fine_seconds(most)

    def check(value: Seconds) -> Seconds:
        if not low <= value <= high:
            raise ValueError(f'must be from "{least}" to "{most}": {why}')
        return value

    return check


def spoken(value: Any) -> str:
    """Return a value of tasks.toml as an error says it."""
    if isinstance(value, bool):
        return f"'{str(value).lower()}'"
    if isinstance(value, int | float):
        return "this number" if isinstance(value, int) and abs(value) > 10**15 else f"'{value}'"
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 60 else value[:57] + '...'}'"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    return "a date or time"


DURATION_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": durations.PATTERN,
    "examples": ["90s", "10m", "2h30m", "1d"],
}
SIZE_SCHEMA: dict[str, Any] = {
    "type": "string",
    "pattern": sizes.PATTERN,
    "examples": ["500kB", "1MB", "1GB"],
}
ARGV_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
    ],
    "examples": ["bash", ["/opt/venv/bin/python", "-X", "utf8"]],
}

Duration = Annotated[int, BeforeValidator(_seconds), WithJsonSchema(DURATION_SCHEMA)]
FineDuration = Annotated[
    float,
    BeforeValidator(_fine_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": one} for one in (MILLISECONDS_PATTERN, durations.PATTERN)],
            "examples": ["500ms", "2s"],
        }
    ),
]
Size = Annotated[int, BeforeValidator(_bytes), Field(ge=1000), WithJsonSchema(SIZE_SCHEMA)]
Span = Annotated[
    list[int],
    BeforeValidator(_window),
    WithJsonSchema({"type": "string", "pattern": WINDOW_PATTERN, "examples": ["22:00-05:30"]}),
]
Text = Annotated[str, AfterValidator(_without_nul)]
Word = Annotated[Text, Field(min_length=1)]
PromFile = Annotated[
    Word,
    AfterValidator(_prom_file),
    WithJsonSchema({"type": "string", "pattern": r"\.prom$", "examples": [EXAMPLE_PROM]}),
]
Address = Annotated[
    str,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "pattern": ADDRESS_PATTERN, "examples": ["db:5432", "[::1]:5432"]}),
]
Url = Annotated[
    str,
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "pattern": URL_PATTERN, "examples": ["https://localhost/health"]}),
]
MasterAddress = Annotated[
    str,
    AfterValidator(_master),
    WithJsonSchema({"type": "string", "pattern": addresses.PATTERN, "examples": ["tls://master.example:8786"]}),
]
NodeName = Annotated[str, AfterValidator(_node_name), WithJsonSchema({"type": "string", "pattern": NODE_PATTERN})]
ANYWHERE = BeforeValidator(_anywhere)
ONE_OR_MORE = BeforeValidator(_argv)
Matter = Literal[
    "failure", "recovery", "overdue", "starving", "missed_cycles", "event", "long_run", "short_run", "heavy_run"
]
Line = Annotated[str, AfterValidator(_printable)]
Argv = Annotated[list[Word], Field(min_length=1), BeforeValidator(_argv), WithJsonSchema(ARGV_SCHEMA)]
Percent = Annotated[float, Field(ge=0, le=100)]
ExitCode = Annotated[int, Field(ge=-(2**31), le=2**32 - 1)]
System = Literal["linux", "windows", "macos"]
EnvName = Annotated[str, AfterValidator(_env_name)]
AddressName = Annotated[
    str,
    AfterValidator(_address_name),
    WithJsonSchema({"type": "string", "pattern": VARIABLE_PATTERN, "examples": ["OPS_CHAT"]}),
]
Extension = Annotated[str, AfterValidator(_extension), WithJsonSchema({"type": "string", "pattern": EXTENSION_PATTERN})]
