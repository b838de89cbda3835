"""Every reader of files stands what the corpus holds, and what is made of it by throwing dice.

`python benchmarks/fuzz.py` does so for an hour and finds new inputs for the corpus.
"""

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"

each = pytest.mark.parametrize("name", TARGETS)


@each
def test_a_reader_accepts_what_the_program_or_its_users_write(name: str, tmp_path: Path) -> None:
    outcomes = {TARGETS[name].read(seed, tmp_path) for seed in TARGETS[name].seeds}
    assert not outcomes <= {"refused", "damaged", "none", "made anew", "lost", "classic", "not found", "not known"}


@each
def test_a_reader_stands_all_that_ever_went_a_new_way_through_it(name: str, tmp_path: Path) -> None:
    for path in sorted((CORPUS / name).glob("*")):
        TARGETS[name].read(path.read_bytes(), tmp_path)


@each
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 2**32))
def test_a_reader_stands_what_dice_make_of_good_files(name: str, number: int, tmp_path: Path) -> None:
    dice, target = Random(number), TARGETS[name]
    target.read(mutated(dice.choice(target.seeds), dice, target.seeds, target.words), tmp_path)


@pytest.mark.parametrize("data", [b"", b"{}", b'{"a":[1,"x",null]}', b"a = 1\nb = 2", b"\xff\xfe\0", b"[" * 3000])
def test_dice_make_something_of_any_input_and_the_same_of_the_same_number(data: bytes) -> None:
    made = [mutated(data, Random(number), (data,), (b"word",)) for number in range(300)]
    assert made == [mutated(data, Random(number), (data,), (b"word",)) for number in range(300)]
    assert len(set(made)) > 50
