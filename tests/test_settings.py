"""What whole configurations say of themselves."""

import pytest

from adaptive_scheduler.notify import Notify
from adaptive_scheduler.settings import Config, Rules, names_of, without_addresses
from tests.builders import task, tasks


def config(platform: str = "linux") -> Config:
    wanted = tasks(task("a", ping="OF_A"), task("b", ping="OF_A"), task("c"))
    notify = Notify(to=("Ops",), ping="OF_CYCLES")
    return Config(path="t", state_dir="o", rules=Rules(platform=platform), tasks=wanted, notify=notify)


def test_the_addresses_of_a_configuration_are_those_of_people_cycles_and_tasks_each_once() -> None:
    assert names_of(config()) == ("Ops", "OF_CYCLES", "OF_A")


@pytest.mark.parametrize(("platform", "left"), [("linux", {"OPS", "PATH"}), ("windows", {"PATH"})])
def test_what_others_wrote_gets_no_address_and_windows_knows_no_case(platform: str, left: set[str]) -> None:
    environ = {"OPS": "x", "OF_A": "y", "PATH": "z"}
    assert set(without_addresses(environ, config(platform))) == left
