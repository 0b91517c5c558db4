"""The fixtures of the contract's tests; what they use stands in ``doubles.py``."""

from __future__ import annotations

from doubles import contract_server, start_double

__all__ = ["contract_server", "start_double"]
