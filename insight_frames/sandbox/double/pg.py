"""Connections to PostgreSQL and the way one statement's rows come through them, below psycopg's own conversions.

Results are kept as PostgreSQL's text (nothing is lost or guessed) and read 500 rows at a time; while waiting, the
caller's socket is watched too, so that a caller who hung up cancels the statement.
"""

from __future__ import annotations

import queue
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from psycopg import Error as DriverError
from psycopg import pq
from psycopg.conninfo import make_conninfo

SESSION = {"extra_float_digits": "3", "DateStyle": "ISO", "TimeZone": "UTC", "client_encoding": "UTF8"}
CHUNK = 500  # rows fetched at a time
_IDLE = 4  # connections kept for each role


class HungUp(Exception):
    """The caller is gone; nobody will read the answer."""


class ServerError(Exception):
    """PostgreSQL refused, in the words and order of pgjdbc's messages."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.message = message
        self.state = state


def server_error(result: pq.abc.PGresult) -> ServerError:
    """What pgjdbc's PSQLException would say about this failed result."""

    def part(which: pq.DiagnosticField) -> str | None:
        got = result.error_field(which)
        return None if got is None else bytes(got).decode("utf-8", "replace")

    text = f"{part(pq.DiagnosticField.SEVERITY)}: {part(pq.DiagnosticField.MESSAGE_PRIMARY)}"
    for title, which in (
        ("Detail", pq.DiagnosticField.MESSAGE_DETAIL),
        ("Hint", pq.DiagnosticField.MESSAGE_HINT),
        ("Position", pq.DiagnosticField.STATEMENT_POSITION),
        ("Where", pq.DiagnosticField.CONTEXT),
    ):
        if (got := part(which)) is not None:
            text += f"\n  {title}: {got}"
    return ServerError(text, part(pq.DiagnosticField.SQLSTATE) or "")


def _options(text: str) -> str:
    return text.replace("\\", "\\\\").replace(" ", "\\ ")


def _conninfo(dsn: str, role: str, name: str) -> bytes:
    pairs = {
        "user": role,
        "application_name": name,
        "options": " ".join(f"-c {key}={_options(value)}" for key, value in SESSION.items()),
    }
    return make_conninfo(dsn, **pairs).encode()


class Link:
    """One connection as one role."""

    def __init__(self, dsn: str, role: str, name: str) -> None:
        self.conn = pq.PGconn.connect(_conninfo(dsn, role, name))
        if self.conn.status != pq.ConnStatus.OK:
            message = self.conn.error_message.decode("utf-8", "replace").strip()
            self.conn.finish()
            raise ServerError(message, "08001")
        self.types: dict[int, str] = {}

    def send(self, sql: str, values: list[bytes | None], oids: list[int], chunk: int | None) -> None:
        """Start one statement, its result in text; with ``chunk`` its rows arrive that many at a time."""
        self.conn.send_query_params(sql.encode("utf-8", "replace"), values, param_types=oids, result_format=0)
        if chunk is not None:
            self.conn.set_chunked_rows_mode(chunk)

    def results(self, caller: socket.socket | None = None) -> Iterator[pq.abc.PGresult]:
        """The results of the statement under way; raises :class:`ServerError` for a failed one."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.conn.socket, selectors.EVENT_READ)
            watched = caller is not None
            if caller is not None:
                waiting.register(caller, selectors.EVENT_READ)
            while True:
                while self.conn.is_busy():
                    ready = {key.fileobj for key, _ in waiting.select()}
                    if watched and caller in ready:
                        waiting.unregister(caller)
                        watched = False
                        if _gone(caller):
                            raise HungUp
                    if self.conn.socket in ready:
                        self.receive()
                result = self.conn.get_result()
                if result is None:
                    return
                if result.status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE):
                    error = server_error(result)
                    self.drain()
                    raise error
                yield result

    def ahead(self, results: Iterator[pq.abc.PGresult]) -> Iterator[pq.abc.PGresult]:
        """The same results, the next of which is received in a thread while the caller works on the last one."""
        ready: queue.Queue[pq.abc.PGresult | BaseException | None] = queue.Queue(maxsize=1)
        left = threading.Event()

        def read() -> None:
            try:
                for result in results:
                    ready.put(result)
                    if left.is_set():
                        return
                ready.put(None)
            except BaseException as error:  # whatever it is, it is the caller's: he waits for it
                ready.put(error)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        ended = False
        try:
            while not ended:
                one = ready.get()
                ended = one is None or isinstance(one, BaseException)
                if isinstance(one, BaseException):
                    raise one
                if one is not None:
                    yield one
        finally:
            left.set()
            if not ended:  # a statement that has ended must not be cancelled: it would hit the next one
                self.conn.get_cancel().cancel()
            while reader.is_alive():
                with suppress(queue.Empty):
                    ready.get(timeout=0.01)
            reader.join()

    def receive(self) -> None:
        """Take in what PostgreSQL sent."""
        try:
            self.conn.consume_input()
        except DriverError as error:
            raise ServerError("An I/O error occurred while sending to the backend.", "08006") from error

    def run(self, sql: str) -> None:
        """Run statements of our own, between those of others."""
        result = self.conn.exec_(sql.encode())
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise server_error(result)

    def drain(self) -> None:
        """Read what is left of the statement under way, unseen."""
        while self.conn.get_result() is not None:
            pass

    def cancel(self) -> None:
        """Stop the statement under way and throw away what it still sends."""
        self.conn.get_cancel().cancel()
        self.drain()

    def close(self) -> None:
        self.conn.finish()


def _gone(caller: socket.socket) -> bool:
    try:
        return caller.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Pool:
    """Idle connections by server and role; a connection is lent to one request at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._idle: dict[tuple[str, str], list[Link]] = {}
        self._lock = threading.Lock()

    def take(self, dsn: str, role: str) -> Link:
        with self._lock:
            idle = self._idle.setdefault((dsn, role), [])
            while idle:
                link = idle.pop()
                with suppress(ServerError):
                    link.receive()  # notices a server that closed it meanwhile
                    return link
                link.close()
        return Link(dsn, role, self.name)

    def give(self, dsn: str, role: str, link: Link) -> None:
        """Take a connection back, as new: no transaction, no settings of the statement before."""
        try:
            if link.conn.transaction_status == pq.TransactionStatus.ACTIVE:
                link.cancel()
            if link.conn.transaction_status != pq.TransactionStatus.IDLE:
                link.run("ROLLBACK")
            link.run("DISCARD ALL")
        except (ServerError, DriverError):
            link.close()
            return
        with self._lock:
            idle = self._idle.setdefault((dsn, role), [])
            if len(idle) < _IDLE:
                idle.append(link)
                return
        link.close()

    def close(self) -> None:
        with self._lock:
            for idle in self._idle.values():
                for link in idle:
                    link.close()
            self._idle.clear()
