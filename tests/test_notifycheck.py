"""What `check` finds of addresses that nobody could find at night."""

import os
from pathlib import Path

import pytest

from adaptive_scheduler import apprising, notifycheck, outbox
from adaptive_scheduler.notify import Notify
from adaptive_scheduler.settings import Config
from tests.builders import NOW, RULES, task

IN_A_FILE = "write it as NAME=address into the file of notify.secrets"


def faults(folder: Path, text: str | None = None, environ: dict[str, str] | None = None, **wish: object) -> list[str]:
    path = ""
    if text is not None:
        file = folder / "secrets.env"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        path = str(file)
    wished = Notify(**{"to": ("OPS",), "ping": "CYCLE", "secrets": path, **wish})  # type: ignore[arg-type]
    tasks = {"a": task("a", ping="RUNS"), "b": task("b")}
    config = Config(path="t", state_dir=str(folder / "out"), rules=RULES, tasks=tasks, notify=wished)
    found = notifycheck.faults(config, NOW, environ or {})
    return [f"{where}: {what}; {hint}".replace(path or "?", "FILE") for where, what, hint in found]


def test_addresses_that_are_where_they_belong_are_fine(tmp_path: Path) -> None:
    assert faults(tmp_path, "OPS=json://x\nCYCLE=http://x\nRUNS=http://x\n") == []


def test_each_name_that_is_nowhere_is_told(tmp_path: Path) -> None:
    assert faults(tmp_path, "OPS=json://x\n") == [
        f"notify.ping: neither the environment nor 'FILE' has a variable 'CYCLE'; {IN_A_FILE}",
        f"tasks.a.ping: neither the environment nor 'FILE' has a variable 'RUNS'; {IN_A_FILE}",
    ]


def test_what_only_this_shell_knows_is_told(tmp_path: Path) -> None:
    environ = dict.fromkeys(("OPS", "CYCLE", "RUNS"), "s3cret")
    found = faults(tmp_path, "OPS=json://x\nCYCLE=http://x\n", environ)
    assert [one.partition(";")[0] for one in found] == ["tasks.a.ping: 'RUNS' stands in this shell's environment alone"]
    assert "s3cret" not in str(found)


@pytest.mark.skipif(os.name == "nt", reason="Windows has access lists instead of modes")
def test_a_file_that_others_can_read_is_told_once(tmp_path: Path) -> None:
    assert faults(tmp_path, "OPS=json://x\n") != []
    (tmp_path / "secrets.env").chmod(0o644)
    tasks = {"a": task("a", ping="RUNS")}
    wish = Notify(("OPS",), ping="CYCLE", secrets=str(tmp_path / "secrets.env"))
    config = Config(path="t", state_dir=str(tmp_path / "out"), rules=RULES, tasks=tasks, notify=wish)
    [(where, what, _)] = notifycheck.faults(config, NOW, {})
    assert where == "notify.to"
    assert "can be read by others: chmod 600" in what


def test_without_apprise_nobody_can_be_told_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprising, "lacking", lambda: "no apprise")
    found = faults(tmp_path, "OPS=json://x\nCYCLE=http://x\nRUNS=http://x\n")
    assert found == ["notify.to: no apprise; "]


def test_an_address_in_trouble_is_told(tmp_path: Path) -> None:
    (tmp_path / "out" / "outbox" / "OPS").mkdir(parents=True)
    outbox.write_trouble(tmp_path / "out" / "outbox" / "OPS", outbox.Trouble(NOW, "refused"))
    [found] = faults(tmp_path, "OPS=json://x\nCYCLE=http://x\nRUNS=http://x\n")
    assert found.startswith("notify: 'OPS' cannot be told since 2025-11-0")
    assert found.endswith(": refused; ")
