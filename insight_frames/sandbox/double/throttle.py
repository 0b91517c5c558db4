"""The brake on logins: after some attempts within an hour each further one has to wait longer.

Up to 0.32 every login counts, also a good one, and a refused one does not; later only failures count, but a refused
attempt is a failure too, so hammering makes the wait grow.
"""

from __future__ import annotations

import math
import threading

_HOUR = 3600.0


class Throttle:
    """Attempts by key (a user name or an address)."""

    def __init__(self, threshold: int, *, counts_success: bool) -> None:
        self.threshold = threshold
        self.counts_success = counts_success
        self._attempts: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def check(self, key: str, now: float) -> str | None:
        """None if this attempt may go on, else what the caller is told."""
        with self._lock:
            attempts = [at for at in self._attempts.get(key, []) if now - at < _HOUR]
            self._attempts[key] = attempts
            wait = self._wait(attempts, now)
            if wait > 0:
                if not self.counts_success:
                    attempts.append(now)
                return f"Too many attempts! You must wait {round(wait)} seconds before trying again."
            if self.counts_success:
                attempts.append(now)
            return None

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        if not self.counts_success:
            with self._lock:
                self._attempts.setdefault(key, []).append(now)

    def _wait(self, attempts: list[float], now: float) -> float:
        beyond = len(attempts) - self.threshold + 1
        if beyond <= 0:
            return 0.0
        return attempts[-1] + 15.0 * math.pow(beyond, 1.5) - now
