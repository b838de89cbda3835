"""Ask the database of known weaknesses about all that is installed beside this Python.

    .venv/bin/python .ci/audit.py

Exit code 1 for a weakness. What could not be asked about is said aloud, with `!!`, and is no failure: a machine
without a network must be able to say that all else is green.
"""

import json
import subprocess
import sys
from typing import Any

PATIENCE_S = 300


def main() -> int:
    """Ask, print what came of it, and return the exit code."""
    words = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
        report = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        print(f"!! the audit of what we depend on gave no answer within {PATIENCE_S} s; nothing was audited")
        return 0
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["it does not say why"])[-1]
        print(f"!! the audit of what we depend on could not be made ({said}); nothing was audited")
        return 0
    lines, code = verdict(report["dependencies"])
    print("\n".join(lines))
    return code


def verdict(found: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return what to say of the packages that were asked about, and the exit code."""
    ours = [one for one in found if "editable" not in one.get("skip_reason", "")]
    unknown = [one["name"] for one in ours if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {weak['id']}, mended in {', '.join(weak['fix_versions']) or 'no version yet'}"
        for one in ours
        for weak in one.get("vulns", ())
    ]
    code = 1 if lines else 0
    asked = len(ours) - len(unknown)
    lines.append(f"{asked} of {len(ours)} packages audited, {len(lines)} known weaknesses")
    if unknown:
        lines.append(f"!! not audited, for the database does not know them or cannot be reached: {', '.join(unknown)}")
    return lines, code


if __name__ == "__main__":
    sys.exit(main())
