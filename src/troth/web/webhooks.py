"""Other programs are told what happened: what is to be told is written down first, and sent beside the requests.

Nothing leaves the machine unless the owner entered an address. What stood when it was entered is not told; of what
comes after it every thing is told once, also when the process ends in between. A message that was sent in the moment
of a crash may come twice, with the same id.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import BookError, InputError
from troth.plain import clean_line
from troth.schema import HOOK_EVENTS, HOOK_LEVELS
from troth.told import Told
from troth.web.happenings import KINDS, Happening, Level, find_falls, find_happenings
from troth.web.posting import post, read_target
from troth.web.sessions import make_secret

if TYPE_CHECKING:
    from troth.book import Store
    from troth.settings import Settings
    from troth.web.keeper import Keeper
    from troth.web.view import View

_SETTING: Final = "webhooks"
_MOST: Final = 20
_AGAIN: Final = tuple(
    dt.timedelta(seconds=seconds) for seconds in (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 24 * 3600)
)
"""How long to wait after each failure; after the last one it is given up."""
_AT_ONCE: Final = 100  # messages of one round
_LOOK_S: Final = 60.0  # how often it is looked whether something is due, or a new day began

_END_S: Final = 15.0  # that a message under way may take at the end

Send = Callable[["Hook", str, bytes], str | None]
"""Sends a message with an id to an address; None where it was taken, else what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An address that the owner entered."""

    hook_id: str
    address: str
    secret: str  # what messages are signed with; both sides know it
    kinds: tuple[str, ...]
    made_at: str
    is_new: bool = True  # what stands already was not noted yet as known


def check_alone(settings: Settings) -> None:
    """Whether anybody may be told: whoever sets an address up learns of every relationship in the book.

    Raises: InputError where a team shares it.
    """
    if settings.team is not None:
        raise InputError("a book that a team shares tells no other programs: nobody there may hear of all of it.")


def add_hook(store: Store, *, address: str, kinds: Iterable[str], now: dt.datetime) -> Hook:
    """Enter an address; its secret is what the receiver checks messages with.

    Raises: InputError when messages may not go there, or there is no such kind.
    """
    read_target(address)
    wanted = tuple(dict.fromkeys(kinds)) or tuple(KINDS)
    strange = [kind for kind in wanted if kind not in KINDS]
    if strange:
        raise InputError(
            Told(
                "there is nothing of the kind {strange!r} to tell; there are {kinds}.",
                strange=clean_line(strange[0]),
                kinds=", ".join(KINDS),
            )
        )
    with store.transaction():
        hooks = list_hooks(store)
        if len(hooks) >= _MOST:
            raise InputError(Told("there are {most} addresses. Drop those that nobody listens at.", most=_MOST))
        secret = make_secret()
        hook = Hook(
            hook_id="h" + make_secret()[:8], address=address, secret=secret, kinds=wanted, made_at=now.isoformat()
        )
        _keep_hooks(store, [*hooks, hook])
    return hook


def list_hooks(store: Store) -> list[Hook]:
    """Every address, in the order in which they were entered."""
    return [Hook(**row | {"kinds": tuple(row["kinds"])}) for row in store.settings(_SETTING) or []]


def drop_hook(store: Store, hook_id: str) -> Hook:
    """Take an address out; what it was still to be told is forgotten with what it was told.

    Raises: InputError when there is none of this id.
    """
    with store.transaction():
        hooks = list_hooks(store)
        found = [hook for hook in hooks if hook.hook_id == hook_id]
        if not found:
            raise InputError(
                Told(
                    "there is no address of the id {hook_id!r}. `troth webhook list` shows them.",
                    hook_id=clean_line(hook_id),
                )
            )
        _keep_hooks(store, [hook for hook in hooks if hook.hook_id != hook_id])
        store.replace("hook_events", HOOK_EVENTS.empty_table(), keys_column="hook_id", keys=[hook_id])
    return found[0]


def count_events(store: Store) -> dict[tuple[str, str], int]:
    """How many messages of each address stand how: waiting, sent, given up."""
    rows = store.table("hook_events", columns=["hook_id", "state"])
    counted = rows.group_by(["hook_id", "state"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    return {(row["hook_id"], row["state"]): row["count_all"] for row in counted}


def note_view(store: Store, view: View, *, now: dt.datetime) -> int:
    """Write down what is to be told of a view and was not told before; how many messages."""
    with store.transaction():
        hooks = list_hooks(store)
        if not hooks:
            return 0
        falls, levels = find_falls(view, _read_levels(store))
        _keep_levels(store, levels)
        happened = [*find_happenings(view), *falls]
        known = store.table("hook_events", columns=["event_id", "hook_id"])
        told = set(zip(known["event_id"].to_pylist(), known["hook_id"].to_pylist(), strict=True))
        rows = [
            _row(one, hook, now)
            for hook in hooks
            for one in happened
            if one.kind in hook.kinds and (one.event_id, hook.hook_id) not in told
        ]
        if rows:
            store.upsert("hook_events", pa.Table.from_pylist(rows, schema=HOOK_EVENTS))
        if any(hook.is_new for hook in hooks):
            _keep_hooks(store, [replace(hook, is_new=False) for hook in hooks])
    return sum(row["state"] == "waiting" for row in rows)


def send_due(store: Store, send: Send, *, now: dt.datetime, base: str = "") -> dt.datetime | None:
    """Send what is due, in order; an address that fails is left alone until its next time.

    Args:
        store: the book.
        send: sends one message.
        now: the time.
        base: where our pages are, for the links.

    Returns: when the next message is due; None where none waits.
    """
    hooks = {hook.hook_id: hook for hook in list_hooks(store)}
    waiting = store.table("hook_events", where={"state": "waiting"}).sort_by(
        [("at", "ascending"), ("event_id", "ascending")]
    )
    resting: dict[str, dt.datetime] = {}
    for row in waiting.filter(pc.less_equal(waiting["next_at"], pa.scalar(now, waiting["next_at"].type))).to_pylist()[
        :_AT_ONCE
    ]:
        hook = hooks.get(row["hook_id"])
        if hook is None:
            outcome: dict[str, Any] = {"state": "given up", "problem": "the address was taken out"}
        elif row["hook_id"] in resting:
            outcome = {"next_at": resting[row["hook_id"]]}
        else:
            problem = send(hook, row["event_id"], _message(row, base))
            outcome = _outcome(row, problem, now)
            if problem is not None:
                resting[row["hook_id"]] = now + _AGAIN[min(row["tries"], len(_AGAIN) - 1)]
        store.upsert("hook_events", pa.Table.from_pylist([row | outcome], schema=HOOK_EVENTS))
    left = store.table("hook_events", columns=["next_at"], where={"state": "waiting"})
    return pc.min(left["next_at"]).as_py()


class Teller:
    """Hears of every new view, and sends in a thread of its own.

    Args:
        keeper: whose views are heard of.
        clock: the time.
        base: where our pages are.
        send: sends one message; over the network, if not given.
    """

    def __init__(
        self, keeper: Keeper, clock: Callable[[], dt.datetime], *, base: str = "", send: Send | None = None
    ) -> None:
        self._keeper, self._clock, self._base = keeper, clock, base
        self._send = send or self._post
        self._thread: threading.Thread | None = None
        self._wake, self._is_over = threading.Event(), False
        self._lock = threading.Lock()

    def hear(self, view: View) -> None:
        """Note what is new in a view. What cannot be noted now is found again in the next one."""
        if self._keeper.settings.team is not None:
            return  # also where an address was entered before the book was shared; see `check_alone`
        with suppress(BookError):
            note_view(self._keeper.store, view, now=self._clock())
            if list_hooks(self._keeper.store):
                self._begin()
                self._wake.set()

    def close(self) -> None:
        """Stop sending; what waits is sent when the book is served again."""
        self._is_over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=_END_S)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None and not self._is_over:
                self._thread = threading.Thread(target=self._run, name="troth-webhooks", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._is_over:
            self._wake.clear()
            wait_s = _LOOK_S
            try:
                now = self._clock()
                due = send_due(self._keeper.store, self._send_unless_over, now=now, base=self._base)
                if due is not None:
                    wait_s = min(wait_s, max((due - self._clock()).total_seconds(), 0.1))
                self._greet_morning(now)
            except BookError:
                if self._is_over:
                    return  # the book was handed back
            if not self._is_over:
                self._wake.wait(wait_s)

    def _greet_morning(self, now: dt.datetime) -> None:
        """Have a new view made on a new day: promises are due by the calendar, also where nobody writes."""
        view = self._keeper.view()
        if view.made_at.astimezone(ZoneInfo(view.zone)).date() < now.astimezone(ZoneInfo(view.zone)).date():
            self._keeper.renew(fresh=False, wait_s=_LOOK_S)

    def _send_unless_over(self, hook: Hook, event_id: str, body: bytes) -> str | None:
        return "the page was closed" if self._is_over else self._send(hook, event_id, body)

    def _post(self, hook: Hook, event_id: str, body: bytes) -> str | None:
        return post(hook.address, body, secret=hook.secret, event_id=event_id, now=self._clock())


def _row(one: Happening, hook: Hook, now: dt.datetime) -> dict[str, Any]:
    return {
        **asdict(one), "hook_id": hook.hook_id, "at": now, "state": "known" if hook.is_new else "waiting", "tries": 0,
        "next_at": None if hook.is_new else now,
    }  # fmt: skip


def _outcome(row: dict[str, Any], problem: str | None, now: dt.datetime) -> dict[str, Any]:
    """How a message stands after it was sent, or was not."""
    tries = row["tries"] + 1
    if problem is None:
        return {"state": "sent", "tries": tries, "sent_at": now, "next_at": None, "problem": None}
    if row["tries"] >= len(_AGAIN):
        return {"state": "given up", "tries": tries, "next_at": None, "problem": problem}
    return {"tries": tries, "next_at": now + _AGAIN[row["tries"]], "problem": problem}


def _message(row: dict[str, Any], base: str) -> bytes:
    """What is told: ids, the kind, the relationship and a link; nothing that anybody wrote."""
    home = row["relationship"]
    link = "/questions" if row["kind"] == "question.waits" else "/"
    if row["kind"] == "promise.due":
        link = f"/promises/{quote(row['subject'], safe='')}"
    elif row["kind"] == "trust.fell":
        link = f"/relationships/{quote(home, safe='')}"
    told = {
        "id": row["event_id"], "kind": row["kind"], "at": row["at"].isoformat(), "relationship": home,
        "subject": row["subject"], "link": base + link,
    }  # fmt: skip
    return json.dumps(told).encode()


def _keep_hooks(store: Store, hooks: Iterable[Hook]) -> None:
    store.set_setting(_SETTING, [asdict(hook) for hook in hooks])


def _read_levels(store: Store) -> dict[tuple[str, str], Level]:
    return {
        (row["relationship"], row["gauge"]): Level(
            percentile=row["percentile"], low=row["low"], high=row["high"], at=row["at"]
        )
        for row in store.table("hook_levels").to_pylist()
    }


def _keep_levels(store: Store, levels: dict[tuple[str, str], Level]) -> None:
    rows = [{"relationship": who, "gauge": gauge, **asdict(level)} for (who, gauge), level in levels.items()]
    if rows:
        store.upsert("hook_levels", pa.Table.from_pylist(rows, schema=HOOK_LEVELS))
