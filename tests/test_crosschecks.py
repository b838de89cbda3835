"""Faults between values: names, dependencies, loops."""

import pytest

from tests.faults import ONE, fault, faults, read


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ('""', "a task's name must not be empty"),
        ('"a b"', "' ' cannot stand in a task's name; use letters, digits, '_', '-' and '.'"),
        ('"a/b"', "'/' cannot stand in a task's name"),
        (r'"a\\b"', r"'\' cannot stand in a task's name"),
        (r'"a\u0007"', "'U+0007' cannot stand in a task's name"),
        ('".a"', "'.a' cannot be a task's name: it must not begin with '.' or '-', nor end with '.'"),
        ('"-a"', "'-a' cannot be a task's name"),
        ('"a."', "'a.' cannot be a task's name"),
        ("nul", "'nul' cannot be a task's name: Windows keeps it for a device"),
        ('"Com1.x"', "'Com1.x' cannot be a task's name: Windows keeps it for a device"),
        ("a" * 65, "'aaaaaaaaaaaaaaaaaaaa...' is too long for a task's name: 64 letters at most"),
        ('"' + "\N{CJK UNIFIED IDEOGRAPH-20000}" * 51 + '"', "'" + "\N{CJK UNIFIED IDEOGRAPH-20000}" * 20),
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_a_name_that_no_folder_can_have_is_refused(name: str, told: str) -> None:
    assert fault(ONE.replace("tasks.a", f"tasks.{name}")).split(": ", 2)[2].startswith(told)


@pytest.mark.parametrize("name", ["a", "täglich", "백업", "a.b-c_1", "x" * 64, "conserve", "_x"])
def test_names_of_every_language_are_welcome(name: str) -> None:
    assert list(read(ONE.replace("tasks.a", f'tasks."{name}"')).tasks) == [name]


@pytest.mark.parametrize("pair", [("Backup", "backup"), ("\uac00", "\u1100\u1161")], ids=["case", "composition"])
def test_names_that_some_systems_cannot_tell_apart_are_refused(pair: tuple[str, str]) -> None:
    first, second = (ONE.replace("tasks.a", f'tasks."{name}"') for name in pair)
    assert "differ only in case" in fault(first + second)


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["a -> b -> c -> a"]),
        ({"x": ["a"], "a": ["b"], "b": ["a"]}, ["a -> b -> a"]),
        ({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}, ["a -> b -> a", "c -> d -> c"]),
        ({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, ["a -> b -> a", "a -> c -> a"]),
        ({"a": ["b"], "b": ["c"], "c": ["a", "b"]}, ["a -> b -> c -> a"]),
        ({"a": ["b", "c"], "b": ["c"], "c": []}, []),
    ],
    ids=["three", "behind a path", "two apart", "two together", "one in one", "a diamond is none"],
)
def test_a_loop_is_named_once(needs: dict[str, list[str]], told: list[str]) -> None:
    text = "".join(
        f'[tasks.{name}]\ninterval = "1h"\nscript = "x"\ndepends_on = {others}\n' for name, others in needs.items()
    )
    if not told:
        assert len(read(text).tasks) == len(needs)
        return
    found = [line.split("could ever run: ")[1].split(";")[0] for line in faults(text)]
    assert found == told


def test_a_loop_through_thousands_of_tasks_is_found() -> None:
    text = "".join(
        f'[tasks.t{number}]\ninterval = "1h"\nscript = "x"\ndepends_on = ["t{(number + 1) % 3000}"]\n'
        for number in range(3000)
    )
    assert fault(text).startswith("tasks.toml:4: tasks.t0.depends_on[0]: the dependencies form a loop")


def test_a_dependency_named_twice_is_a_fault() -> None:
    text = ONE + '[tasks.b]\ninterval = "1h"\nscript = "x"\ndepends_on = ["a", "a"]\n'
    assert fault(text) == "tasks.toml:7: tasks.b.depends_on[1]: 'a' is named twice"
