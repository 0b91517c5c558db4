"""From a configuration to a double's state: its databases, accounts and what each area keeps."""

from __future__ import annotations

from typing import Any

from . import accounts, era, pg
from .app import App, Database
from .link import Line
from .throttle import Throttle


def make_app(config: dict[str, Any]) -> App:
    """The state of a double, as ``config`` describes it.

    Parameters
    ----------
    config
        ``era`` ("0.47"), ``databases`` (``name``, ``dsn``, ``role``, ``admin_only``), ``accounts`` (``email``,
        ``password``, ``first_name``, ``last_name``, ``superuser``, ``role``, ``native``), ``settings`` and, where the
        instance was set up under another address, ``site_url``; ``questions`` are saved ones;
        ``bandwidth`` is that of its line in bytes a second.
    """
    app = App(era.number(config.get("era", "0.47")))
    flags = era.of(app)
    for number, one in enumerate(config.get("databases", []), start=1):
        app.databases[number] = Database(number, one["name"], one["dsn"], one["role"], bool(one.get("admin_only")))
    app.store.update(
        pool=pg.Pool(f"Metabase {flags.version['tag']} [double]"),
        requests=[],
        faults=[],
        sessions={},
        api_keys={},
        clock=0.0,
        line=Line(config.get("bandwidth")),
        questions=config.get("questions", []),
        settings=dict(config.get("settings", {})),
        site_url=config.get("site_url", ""),
        throttles={
            "username": Throttle(10, counts_success=flags.throttle_counts_success),
            "address": Throttle(50, counts_success=flags.throttle_counts_success),
        },
    )
    for one in config.get("accounts", []):
        more = {key: value for key, value in one.items() if key not in ("email", "password")}
        accounts.add_user(app, one["email"], one["password"], **more)
    return app
