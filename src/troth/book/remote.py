"""The book of a running `troth serve`, as a store: tables go over HTTP as Arrow streams, errors come back as ours.

DuckDB lets one process hold a file. While `troth serve` holds it, the command line finds beside the book where it
listens, and works through it; `troth.open("https://…")` reaches a book on another machine the same way.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import pyarrow as pa

from troth.book._forms import form_of
from troth.book.store import Mark, Progress, Upserted
from troth.errors import BookError, InputError, TrothError
from troth.schema import conform

ARROW: Final = "application/vnd.apache.arrow.stream"
TRANSACTION: Final = "X-Troth-Transaction"
TOKEN_VARIABLE: Final = "TROTH_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_PATIENCE_S: Final = 600.0
_FRESH_S: Final = 2.0  # a server hangs up on a connection that was idle for longer, some time or other
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_USER_CAN_FIX: Final = 422
_REFUSED: Final = (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a served book listens, and the token that lets one in."""

    url: str
    token: str


class RemoteStore:
    """A `Store` behind an address. One thread at a time is let in; the others wait."""

    def __init__(self, address: Address) -> None:
        self._address = address
        parts = urlsplit(address.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError(f"{address.url} is no address of a served book. Write it like https://troth.firm.com.")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise InputError(f"{address.url}: a book on another machine is reached by https only.")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=_PATIENCE_S)
        self._base = parts.path.rstrip("/") + "/api/v1/store"
        self._used_at = 0.0
        self._turn = threading.RLock()
        self._transaction: str | None = None

    @property
    def path(self) -> str:
        """Where the book is, for people to read."""
        return self._address.url

    def upsert(self, name: str, table: object) -> Upserted:
        """Add rows and overwrite those whose key is there with other content; see `Store`."""
        form = form_of(name)
        answer = self._json("POST", f"/tables/{name}/rows", body=write_stream(conform(table, form.schema)))
        return Upserted(added=answer["added"], changed=answer["changed"])

    def replace(self, name: str, table: object, *, keys_column: str, keys: Iterable[Any]) -> None:
        """Make the rows whose `keys_column` is among `keys` exactly those of `table`; see `Store`."""
        form = form_of(name)
        kind = form.column(keys_column).type
        try:
            listed = pa.table({keys_column: pa.array(list(keys), kind)})
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(f"{name}.{keys_column} holds {kind}: {str(error).splitlines()[0]}.") from error
        body = write_stream(listed) + write_stream(conform(table, form.schema))
        self._json("PUT", f"/tables/{name}/rows", body=body)

    def table(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pa.Table:
        """Fetch a table, in no promised order; see `Store`."""
        form = form_of(name)
        fields = [form.column(column) for column in (form.schema.names if columns is None else columns)]
        asked: dict[str, Any] = {
            "columns": [field.name for field in fields],
            "where": {column: _list_wanted(wanted) for column, wanted in (where or {}).items()},
            "since": None if since is None else since.isoformat(),
            "until": None if until is None else until.isoformat(),
        }
        fetched = self._send("POST", f"/tables/{name}", body=_write_json(asked), kind="application/json")
        with pa.ipc.open_stream(fetched) as reader:
            return conform(reader.read_all(), pa.schema(fields))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit all writes of the block at once, or none of them; a block within a block is part of the outer one."""
        with self._turn:
            if self._transaction is not None:
                yield
                return
            self._transaction = self._json("POST", "/transactions")["transaction"]
            try:
                yield
                self._json("POST", "/transactions/commit")
            except BaseException:
                with suppress(TrothError):  # the server rolls back by itself what nobody ends
                    self._json("POST", "/transactions/rollback")
                raise
            finally:
                self._transaction = None

    def revisions(self) -> dict[str, str]:
        """What names the present content of each table; see `Store`."""
        return self._json("GET", "/revisions")

    def mark(self, source_key: str) -> Mark | None:
        """How far this source has been read; None when never."""
        answer = self._json("GET", f"/marks?{urlencode({'source_key': source_key})}")
        return None if answer is None else Mark(**answer)

    def set_mark(self, source_key: str, mark: Mark) -> None:
        """Note how far this source has been read."""
        stated = {"content": mark.content, "size": mark.size, "position": mark.position}
        self._put("/marks?" + urlencode({"source_key": source_key}), stated)

    def settings(self, name: str) -> Any:
        """The JSON value kept under this name; None when there is none."""
        return self._json("GET", f"/settings/{quote(name, safe='')}")

    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value under this name.

        Raises: InputError when it is not JSON.
        """
        self._put(f"/settings/{quote(name, safe='')}", value)

    def rewrite(self, *, progress: Progress | None = None) -> None:
        """Have the book written anew where it lies; see `Store`. How far that is, is not told."""
        if self._transaction is not None:
            raise InputError("a book is not written anew within a transaction. End that first.")
        self._json("POST", "/rewrite")
        if progress is not None:
            progress(1, 1)

    def make_door_key(self) -> str:
        """A new one-time address of the page."""
        return self._json("POST", "/door")["address"]

    def close(self) -> None:
        """Hang up. Closing twice is fine."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Use the store in a `with` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _put(self, path: str, value: Any) -> None:
        self._send("PUT", path, body=_write_json(value), kind="application/json")

    def _json(self, method: str, path: str, *, body: bytes | None = None) -> Any:
        return json.loads(self._send(method, path, body=body))

    def _send(self, method: str, path: str, *, body: bytes | None = None, kind: str = ARROW) -> bytes:
        headers = {"Authorization": f"Bearer {self._address.token}"}
        if body is not None:
            headers["Content-Type"] = kind
        with self._turn:
            if self._transaction is not None:
                headers[TRANSACTION] = self._transaction
            if time.monotonic() - self._used_at > _FRESH_S:
                self._connection.close()  # the next request connects anew
            try:
                self._connection.request(method, self._base + path, body=body, headers=headers)
                answer = self._connection.getresponse()
                content = answer.read()
                self._used_at = time.monotonic()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise BookError(
                    f"{self.path} does not answer: {error}. Is `troth serve` still running there? Nobody can "
                    "tell whether this step was kept; do it again, since nothing is written twice."
                ) from error
        if answer.status >= http.client.BAD_REQUEST:
            raise _explain(self.path, answer.status, content)
        return content


def find_server(book: Path) -> Address | None:
    """Where the process that holds a book serves it; None where it does not."""
    try:
        stated = json.loads(card_of(book).read_text("utf-8"))
        return Address(url=str(stated["url"]), token=str(stated["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def card_of(book: Path) -> Path:
    """The file in which a server says where it listens; only the book's owner can read it."""
    return book.with_name(book.name + ".serve")


def write_card(book: Path, address: Address) -> None:
    """Say where the book is served. Take the file away in the end."""
    card = card_of(book)
    new = card.with_name(card.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump({"url": address.url, "token": address.token}, file)
    new.replace(card)


def write_stream(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _list_wanted(wanted: Any) -> list[Any]:
    many = wanted if isinstance(wanted, (list, tuple, set, frozenset, pa.Array, pa.ChunkedArray)) else [wanted]
    return [value.as_py() if isinstance(value, pa.Scalar) else value for value in many]


def _write_json(value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{value!r} cannot be sent as JSON: {error}.") from error


def _explain(url: str, status: int, content: bytes) -> TrothError:
    try:
        problem = json.loads(content)
        words = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        words = ""
    if status in _REFUSED:
        return InputError(
            f"{url} refuses this: {words}. Give a token for the whole book in {TOKEN_VARIABLE}; a book that "
            "a team shares gives none."
        )
    if status == _USER_CAN_FIX:
        return InputError(words)
    return BookError(f"{url}: {words or f'answered with {status}'}")
