"""Whose right to a file makes it doubtful: a table of owners and modes."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptive_scheduler.rights import EVERYBODY, GROUP, OWNER, doubt

ME, OTHER = 1000, 1001
FOLDER, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK


@pytest.mark.parametrize(
    ("mode", "owner", "alone", "expected"),
    [
        pytest.param(FILE | 0o644, ME, False, "", id="mine"),
        pytest.param(FILE | 0o644, 0, False, "", id="root's"),
        pytest.param(FILE | 0o600, OTHER, False, OWNER, id="somebody else's"),
        pytest.param(FOLDER | 0o755, OTHER, True, OWNER, id="somebody else's folder"),
        pytest.param(LINK | 0o777, ME, False, "", id="a link of mine"),
        pytest.param(LINK | 0o777, OTHER, False, OWNER, id="somebody else's link"),
        pytest.param(FILE | 0o664, ME, False, GROUP, id="a group with others in it"),
        pytest.param(FILE | 0o664, ME, True, "", id="a group of mine alone"),
        pytest.param(FOLDER | 0o775, 0, False, GROUP, id="root's folder, open to a group"),
        pytest.param(FILE | 0o646, ME, True, EVERYBODY, id="everybody"),
        pytest.param(FILE | 0o666, ME, False, EVERYBODY, id="everybody goes before a group"),
        pytest.param(FOLDER | 0o777, 0, True, EVERYBODY, id="an open folder"),
        pytest.param(FOLDER | 0o1777, 0, False, "", id="a sticky folder"),
        pytest.param(FOLDER | 0o1777, OTHER, True, OWNER, id="whose sticky folder it is matters"),
        pytest.param(FILE | 0o1666, ME, True, EVERYBODY, id="a sticky file is no folder"),
    ],
)
def test_whose_right_makes_a_step_doubtful(mode: int, owner: int, alone: bool, expected: str) -> None:
    assert doubt(mode, owner, ME, lambda: alone, sticky_will_do=True) == expected


def test_a_sticky_folder_does_not_do_where_others_may_put_a_thing_beside_ours() -> None:
    assert doubt(FOLDER | 0o1777, 0, ME, lambda: True, sticky_will_do=False) == EVERYBODY
    assert doubt(FOLDER | 0o1775, 0, ME, lambda: False, sticky_will_do=False) == GROUP


@given(st.integers(0, 0o7777), st.sampled_from([0, ME, OTHER]), st.booleans())
def test_the_group_is_asked_about_only_where_it_may_write(mode: int, owner: int, sticky_will_do: bool) -> None:
    asked = []

    def group_is_mine() -> bool:
        asked.append(True)
        return True

    doubt(FILE | mode, owner, ME, group_is_mine, sticky_will_do=sticky_will_do)
    assert not asked or mode & stat.S_IWGRP


@given(st.sampled_from([FILE, FOLDER, LINK]), st.integers(0, 0o7777), st.integers(0, 3), st.booleans())
def test_who_is_trusted_without_write_bits_stays_so(kind: int, mode: int, owner: int, sticky_will_do: bool) -> None:
    answer = doubt(kind | mode & ~0o022, owner, ME, lambda: False, sticky_will_do=sticky_will_do)
    assert answer == (OWNER if owner else "")
