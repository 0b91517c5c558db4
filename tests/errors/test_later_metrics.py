"""Servers whose metrics are questions say so before anything is asked of them."""

from __future__ import annotations

import pytest
from otherservers import metabase, serving

import insight_frames as ifr
from insight_frames import Connection


def test_later_servers_have_no_such_metrics() -> None:
    with serving(metabase("v0.51.2")) as (url, seen):
        admin = Connection(url, username="admin@example.com", password="canary-right", keep_session=False)
        for ask in (
            admin.list_metrics,
            lambda: admin.create_metric("s_x", "site", "x"),
            lambda: admin.plan_metrics("x", schemas="s_x"),
            lambda: admin.update_metric(1, name="x"),
            lambda: admin.archive_metric(1),
        ):
            with pytest.raises(ifr.UnsupportedServer, match=r"no metrics of this kind.*got v0\.51\.2.*read_question"):
                ask()
        assert not [one for one in seen if "metric" in one]
