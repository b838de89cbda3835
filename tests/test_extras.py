"""Without an extra nothing is a fault of the program: what needs it is told, with the way out."""

from datetime import timedelta

import pytest

from adaptive_scheduler.cluster import link
from adaptive_scheduler.extras import lacking
from adaptive_scheduler.fleet import Cluster


def test_a_missing_extra_is_named_with_the_way_out() -> None:
    assert lacking("texts", "text", "json") == ""
    assert lacking("clusters", "dask", "no_such_engine") == (
        "clusters need the extra [dask] ('no_such_engine' is not installed); "
        "install the package with it, for example: pip install '.[dask]'"
    )


def test_without_it_a_line_is_down_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "lacking", lambda what, extra, _module: lacking(what, extra, "no_such_engine"))
    with pytest.raises(link.LinkDownError, match="clusters need the extra"):
        link.Link(Cluster("tcp://127.0.0.1:1", timeout=timedelta(seconds=1)))
