"""The folders of the settings a user writes and of the sessions kept for the next process, by platform.

``INSIGHT_HOME`` is both in one; the ``XDG`` variables count on every platform. A file that holds a secret is read only
if it belongs to this user and nobody else may read it; Windows has no such modes, there the user's profile protects it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "insight_frames"
_MAC = "Library/Application Support"


def config_folder() -> Path:
    """Give the folder of ``config.toml``."""
    return _folder(os.environ, sys.platform, "XDG_CONFIG_HOME", {"win32": "AppData/Roaming", "darwin": _MAC}, ".config")


def state_folder() -> Path:
    """Give the folder of kept sessions."""
    usual = {"win32": "AppData/Local", "darwin": _MAC}
    return _folder(os.environ, sys.platform, "XDG_STATE_HOME", usual, ".local/state") / "sessions"


def _folder(environ: Mapping[str, str], platform: str, xdg: str, usual: Mapping[str, str], other: str) -> Path:
    """Decide by variables and platform; RuntimeError (pathlib's) for a user without a home.

    >>> _folder({"XDG_STATE_HOME": "/home/ann/s"}, "linux", "XDG_STATE_HOME", {}, "").as_posix()
    '/home/ann/s/insight_frames'
    """
    if environ.get("INSIGHT_HOME"):
        return Path(environ["INSIGHT_HOME"])
    if os.path.isabs(environ.get(xdg, "")):
        return Path(environ[xdg]) / NAME
    roaming = {"AppData/Roaming": "APPDATA", "AppData/Local": "LOCALAPPDATA"}.get(usual.get(platform, ""), "")
    if environ.get(roaming):
        return Path(environ[roaming]) / NAME
    return Path.home() / usual.get(platform, other) / NAME


def private(facts: os.stat_result) -> bool:
    """Whether a file is a plain one of this user's that nobody else may read or write."""
    if not stat.S_ISREG(facts.st_mode):
        return False
    if sys.platform == "win32":
        return True
    return facts.st_uid == os.geteuid() and not stat.S_IMODE(facts.st_mode) & 0o077
