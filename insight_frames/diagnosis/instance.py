"""Metabase itself: its version and settings, who we are to it, and which databases it shows us."""

from __future__ import annotations

from typing import Any

from ..errors import ServerUnavailable, sentence
from ..wire.http import Http
from ..wire.version import PROPERTIES, era_of
from .asking import MetabaseDesk
from .report import Section

TESTED = (31, 34, 47, 49)
# the public settings that matter to who reads, by their names up to 0.34 and since
_SETTINGS = {
    "report time zone": ("report_timezone", "report-timezone-long", "report-timezone"),
    "public sharing": ("public_sharing", "enable-public-sharing"),
    "embedding": ("embedding", "enable-embedding", "enable-embedding-static"),
    "query cache": ("enable_query_caching", "enable-query-caching"),
    "password login": ("enable-password-login",),
    "locale": ("site-locale",),
    "limit of rows (settings)": ("unaggregated-query-row-limit", "max-results-bare-rows"),
    "download limit (settings)": ("download-row-limit",),
}


def metabase(desk: MetabaseDesk, http: Http) -> Section:
    """Ask for the version and the settings, which needs no login."""
    section = Section("metabase")
    found = desk.learn(section, "version", lambda: _properties(http))
    if found is None:
        return section
    version = found["version"]
    era = era_of(str(version.get("tag")))
    section.say("version", version.get("tag"))
    section.say("released", version.get("date"))
    section.say("tested with", "yes" if era in TESTED else "no: " + _nearest(era))
    for name, keys in _SETTINGS.items():
        value = next((found[key] for key in keys if found.get(key) is not None), None)
        section.say(name, value)
    return section


def _properties(http: Http) -> dict[str, Any]:
    with http.get(PROPERTIES) as answer:
        found = answer.json() if answer.status == 200 else None
    if not isinstance(found, dict) or not isinstance(found.get("version"), dict):
        raise ServerUnavailable(
            sentence("This does not answer like Metabase", where=f"GET {PROPERTIES}", try_="check the URL")
        )
    return found


def _nearest(era: int | None) -> str:
    if era is None:
        return "a build that does not tell its version; what is probed here is what counts"
    return f"recordings of 0.{', 0.'.join(map(str, TESTED))} are; what is probed here is what counts"


def account(desk: MetabaseDesk) -> Section:
    """Ask whom the server takes us for."""
    section = Section("account")
    who = desk.learn(section, "user", lambda: desk.session.whoami())
    if who is not None:
        section.say("user", who["username"])
        section.say("signed in by", who["by"])
        section.say("administrator", who["administrator"])
    return section


def databases(desk: MetabaseDesk) -> Section:
    """Ask which databases there are for us, and whether we may run SQL on ours."""
    section = Section("databases")
    listed = desk.learn(section, "visible", lambda: _listed(desk))
    chosen = desk.learn(section, "read from", lambda: desk.server.version and desk.server.database)
    if listed is not None:
        names = [f"{one['name']} ({one.get('engine')})" for one in listed if isinstance(one.get("name"), str)]
        section.say("visible", names)
    if chosen is None:
        desk.no_sql = desk.stopped or "not asked, because no database is chosen"
        return section
    desk.chosen = str(chosen["name"])
    section.say("read from", f"{chosen['name']}, number {chosen['id']}")
    section.say("time zone (Metabase)", chosen.get("timezone"))
    section.say("SQL allowed (Metabase)", {"write": True, "none": False}.get(str(chosen.get("native_permissions"))))
    sql = desk.learn(section, "SQL runs", lambda: desk.server.rows("select '1' as one", ("one",)) and True)
    if sql is None:
        desk.no_sql = "not asked, because this account cannot run SQL here"
        desk.notes.append(
            "This account cannot run SQL: it reads single tables by their number, and saved questions. Packed reading, "
            "queries and snapshots need the right to native queries."
        )
    return section


def _listed(desk: MetabaseDesk) -> list[dict[str, Any]]:
    found = desk.session.get("/api/database")
    found = found.get("data", found) if isinstance(found, dict) else found
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
