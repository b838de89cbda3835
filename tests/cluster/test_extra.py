"""Without the extra a cluster is no fault of the program: its tasks wait, and are told why."""

from datetime import timedelta

import pytest

from adaptive_scheduler.cluster import link
from adaptive_scheduler.cluster.extra import lacking
from adaptive_scheduler.fleet import Cluster


def test_a_missing_extra_is_named_with_the_way_out() -> None:
    assert lacking("json") == ""
    assert "'no_such_engine' is not installed); install the package with it" in lacking("no_such_engine")


def test_without_it_a_line_is_down_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "lacking", lambda: lacking("no_such_engine"))
    with pytest.raises(link.LinkDownError, match="clusters need the extra"):
        link.Link(Cluster("tcp://127.0.0.1:1", timeout=timedelta(seconds=1)))
