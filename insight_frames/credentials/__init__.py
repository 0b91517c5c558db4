"""Who signs in, and with what: found in several places, kept where nobody else can look, never printed.

`finding` says where things come from, `secret` how they are held, `kept` what the next process may use.
"""

from __future__ import annotations

from .finding import Credentials, Login, address, find, keeps
from .inurl import is_direct, parted
from .kept import Kept, Pause, Record, records
from .secret import Hidden, Secret, Verifier, hide

__all__ = [
    "Credentials",
    "Hidden",
    "Kept",
    "Login",
    "Pause",
    "Record",
    "Secret",
    "Verifier",
    "address",
    "find",
    "hide",
    "is_direct",
    "keeps",
    "parted",
    "records",
]
