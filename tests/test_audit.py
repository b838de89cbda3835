"""What the audit of dependencies makes of the answers it gets: a weakness fails, silence is said aloud."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parent.parent / ".ci" / "audit.py"

SOUND = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "X-1", "fix_versions": ["3"]}, {"id": "X-2", "fix_versions": []}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"}
OURS = {"name": "adaptive-rhythm-scheduler", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("found", "lines", "code"),
    [
        pytest.param([OURS, SOUND], ["1 of 1 packages audited, 0 known weaknesses"], 0, id="sound"),
        pytest.param(
            [SOUND, WEAK],
            [
                "b 2: X-1, mended in 3",
                "b 2: X-2, mended in no version yet",
                "2 of 2 packages audited, 2 known weaknesses",
            ],
            1,
            id="weak",
        ),
        pytest.param(
            [SOUND, UNKNOWN],
            [
                "1 of 2 packages audited, 0 known weaknesses",
                "!! not audited, for the database does not know them or cannot be reached: c",
            ],
            0,
            id="not to be asked about",
        ),
    ],
)
def test_a_weakness_fails_and_silence_is_said_aloud(found: list[dict[str, Any]], lines: list[str], code: int) -> None:
    spec = importlib.util.spec_from_file_location("audit", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.verdict(found) == (lines, code)
