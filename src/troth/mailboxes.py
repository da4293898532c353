"""A mailbox on a server into a store: each mail once, from where the last reading stopped, however that one ended."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Final

import pyarrow as pa

from troth.book import Mark, Store
from troth.errors import SourceError
from troth.forgotten import LEFT_OUT, Forgotten, read_forgotten
from troth.intake import ReadReport, take_batch, thread_anew
from troth.sources import Rejected
from troth.sources.blocks import Meter, Progress, read_blocks
from troth.sources.imap import Address, Listed, Lost, Mailbox
from troth.sources.mail import WANTED, read_mail
from troth.sources.mime import MessageScanner
from troth.sources.turns import Turn, tabulate

_BATCH_MAILS: Final = 200
_BATCH_BYTES: Final = 16 << 20
_TRIES: Final = 6  # in a row without a mail
_LISTED: Final = 10_000


@dataclass(slots=True)
class _Taken:
    """What a reading took so far, over all its connections."""

    turns: int = 0
    added: int = 0
    changed: int = 0
    duplicates: int = 0
    unlisted: int = 0
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    ids: set[bytes] = field(default_factory=set[bytes])  # digests of the turn ids met
    done: int = 0  # bytes
    forgotten: Forgotten | None = None
    left_out: int = 0  # mails that lost a recipient

    def reject(self, uid: int, reason: str) -> None:
        self.list_rejected(Rejected(position=f"message {uid}", reason=reason))

    def list_rejected(self, rejected: Rejected) -> None:
        """Name one that is left out, or count it where many are."""
        if len(self.rejected) < _LISTED:
            self.rejected.append(rejected)
        else:
            self.unlisted += 1

    def screen(self, turns: pa.Table) -> pa.Table:
        """Turns without those that were forgotten, which are counted as rejected."""
        if self.forgotten is None:
            return turns
        turns, rejected, left_out = self.forgotten.screen(turns)
        for each in rejected:
            self.list_rejected(each)
        self.turns, self.left_out = self.turns - len(rejected), self.left_out + left_out
        return turns

    def is_new(self, turn: Turn) -> bool:
        """Whether this id was not met before; counts it."""
        digest = hashlib.blake2b(turn.turn_id.encode(), digest_size=8).digest()
        if digest in self.ids:
            self.duplicates += 1
            return False
        self.ids.add(digest)
        self.turns += 1
        return True


def read_mailbox(
    store: Store,
    address: Address,
    password: str,
    *,
    progress: Progress | None = None,
    wait: Callable[[float], None] = time.sleep,
    context: ssl.SSLContext | None = None,
    now: datetime | None = None,
) -> ReadReport:
    """Take the mails of a folder that were not taken before; nothing on the server changes.

    A batch of mails and the mark of how far they go are one transaction. A connection that breaks off is made anew,
    after one second, then two, four, ...; after six times without a mail it is given up, and the next reading goes on.

    Args:
        store: the book.
        address: the folder.
        password: of the account.
        progress: called with bytes read and bytes in all.
        wait: how to wait for so many seconds.
        context: which certificates are trusted; the system's if not given.
        now: dates more than a year after it are taken as impossible.

    Raises: SourceError when the server refuses or cannot be reached; BookError when the store cannot serve.
    """
    taken, broken, is_first = _Taken(forgotten=read_forgotten(store)), 0, True
    moment = now or datetime.now(UTC)
    while True:
        before = taken.turns
        try:
            with Mailbox(address, password, context=context) as mailbox:
                is_first = False
                for batch in _batches(mailbox, _resume(store, address, mailbox), taken, progress):
                    _take(store, address, mailbox, batch, taken=taken, now=moment)
            break
        except Lost as error:
            broken = 1 if taken.turns > before else broken + 1
            if is_first or broken >= _TRIES:
                raise SourceError(
                    str(address),
                    f"{'cannot be reached' if is_first else 'broke off again and again'} ({_say(error)})",
                    "Check the address and the network. What was read is kept; run it again to go on.",
                ) from error
            wait(2.0 ** (broken - 1))
    thread_anew(store)
    return ReadReport(
        source=str(address), format="imap", turns=taken.turns, added=taken.added, changed=taken.changed,
        duplicates=taken.duplicates, rejected=tuple(taken.rejected), unlisted=taken.unlisted,
        notes={LEFT_OUT: taken.left_out} if taken.left_out else {},
    )  # fmt: skip


def _key(address: Address) -> str:
    return f"imap:{address.account}:{address.folder}"


def _resume(store: Store, address: Address, mailbox: Mailbox) -> int:
    """The UID after which reading goes on: 0 where the server has given out new ones since."""
    mark = store.mark(_key(address))
    return mark.position if mark is not None and mark.content == str(mailbox.validity) else 0


def _batches(mailbox: Mailbox, after: int, taken: _Taken, progress: Progress | None) -> Iterator[list[Listed]]:
    listed = mailbox.list_messages(after)
    taken.done, total = 0, sum(message.size for message in listed)
    batch: list[Listed] = []
    for number, message in enumerate(listed):
        batch.append(message)
        size = sum(one.size for one in batch)
        if len(batch) == _BATCH_MAILS or size >= _BATCH_BYTES or number == len(listed) - 1:
            yield batch
            taken.done += size
            batch = []
            if progress is not None:
                progress(taken.done, total)


def _take(
    store: Store, address: Address, mailbox: Mailbox, batch: list[Listed], *, taken: _Taken, now: datetime
) -> None:
    """One batch: its mails into the store, and the mark behind its last."""
    met: list[tuple[int, Turn | Rejected]] = [
        (one.uid, Rejected(position="", reason="a draft, never sent")) for one in batch if one.is_draft
    ]
    wanted = [one for one in batch if not one.is_draft]
    met += [(uid, _read(file, uid, address, now)) for uid, file in mailbox.fetch(wanted)]
    gone = {one.uid for one in batch} - {uid for uid, _ in met}
    met += [(uid, Rejected(position="", reason="gone from the server before it was read")) for uid in gone]
    turns: list[Turn] = []
    for uid, found in sorted(met, key=lambda pair: pair[0]):
        if isinstance(found, Rejected):
            taken.reject(uid, found.reason)
        elif taken.is_new(found):
            turns.append(found)
    with store.transaction():
        if turns:
            written = take_batch(store, taken.screen(tabulate(turns)))
            taken.added, taken.changed = taken.added + written.added, taken.changed + written.changed
        mark = Mark(content=str(mailbox.validity), size=sum(one.size for one in batch), position=batch[-1].uid)
        store.set_mark(_key(address), mark)


def _read(file: BinaryIO, uid: int, address: Address, now: datetime) -> Turn | Rejected:
    message = MessageScanner(WANTED)
    for block in read_blocks(file, Meter(0, None)):
        message.feed(block)
    message.close()
    where = f"message {uid}"
    return read_mail(message, position=uid, where=where, source=str(address), now=now, quoted_from=False)


def _say(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
