"""A mailbox on a server, over IMAP, without changing anything in it.

The folder is opened with EXAMINE and messages are fetched with BODY.PEEK: nothing is marked as read. A password goes
over an encrypted connection, or to this machine itself, and nowhere else. Standards: RFC 3501; RFC 2595 for STARTTLS;
RFC 3501, section 5.1.3 for folder names.
"""

from __future__ import annotations

import imaplib
import ipaddress
import re
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Final, Literal, NamedTuple, Self, cast
from urllib.parse import unquote, urlsplit

from troth.errors import InputError, SourceError

_PORTS: Final = {"imap": 143, "imaps": 993}
_PATIENCE_S: Final = 60.0
_PIECE: Final = 4 << 20  # bytes of one answer; a longer message comes in several
_TOGETHER: Final = 100  # messages of one answer at most
_IN_MEMORY: Final = 8 << 20

_UID: Final = re.compile(rb"\bUID (\d{1,20})")
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d{1,20})")
_FLAGS: Final = re.compile(rb"\bFLAGS \(([^()]*)\)")

Lost = (imaplib.IMAP4.abort, OSError, EOFError)
"""What a connection raises that broke off; connecting anew may help. ssl.SSLError and timeouts are OSErrors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a mailbox lies."""

    scheme: Literal["imap", "imaps"]
    user: str
    host: str
    port: int
    folder: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.user}@{self.host}/{self.folder}"

    @property
    def account(self) -> str:
        """Whose mailbox it is, as a name for the password."""
        return f"{self.user}@{self.host}"

    @property
    def is_here(self) -> bool:
        """Whether the server is this machine."""
        if self.host == "localhost":
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False


class Listed(NamedTuple):
    """One message of a folder."""

    uid: int
    size: int  # bytes, as the server says
    is_draft: bool


def is_address(text: str) -> bool:
    """Whether this names a mailbox on a server."""
    return text.lower().startswith(("imap://", "imaps://"))


def read_address(text: str) -> Address:
    """Take imap://user@host/FOLDER or imaps://...; INBOX where no folder is named.

    Raises: InputError when it is none, or holds a password.
    """
    form = "Write imaps://you@firm.com@mail.firm.com/INBOX."
    try:
        parts = urlsplit(text)
        port, host, user = parts.port, parts.hostname, parts.username
    except ValueError as error:
        raise InputError(f"this is no mailbox: {error}. {form}") from error
    if parts.password is not None:
        raise InputError("leave the password out of the address: others can read it there. You will be asked for it.")
    if parts.scheme not in _PORTS or not host or not user or parts.query or parts.fragment:
        raise InputError(f"{text!r} is no mailbox. {form}")
    folder = unquote(parts.path.removeprefix("/")) or "INBOX"
    if not (folder + unquote(user)).isprintable():
        raise InputError(f"{text!r} is no mailbox: it has control characters. {form}")
    scheme = cast("Literal['imap', 'imaps']", parts.scheme)
    return Address(scheme=scheme, user=unquote(user), host=host, port=port or _PORTS[scheme], folder=folder)


class Mailbox:
    """One connection to one folder. Use it in a `with` block.

    Attributes:
        validity: UIDVALIDITY of the folder: as long as it stays, a UID names the same message.

    Raises: SourceError when the server refuses; one of `Lost` when the connection breaks off.
    """

    def __init__(self, address: Address, password: str, *, context: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._link = self._connect(context or ssl.create_default_context())
        try:
            self._log_in(password)
            self.validity = self._examine()
        except BaseException:
            self.close()
            raise

    def list_messages(self, after: int) -> list[Listed]:
        """The messages whose UID is above `after`, in the order of their UIDs."""
        lines = self._ask("FETCH", f"{after + 1}:*", "(UID FLAGS RFC822.SIZE)")
        found: dict[int, Listed] = {}
        for line in lines:
            text = line[0] if isinstance(line, tuple) else line
            uid, size, flags = _UID.search(text), _SIZE.search(text), _FLAGS.search(text)
            if uid and size and int(uid[1]) > after:  # "n:*" names the last message even where it is below n
                is_draft = flags is not None and b"\\draft" in flags[1].lower().split()
                found[int(uid[1])] = Listed(int(uid[1]), int(size[1]), is_draft)
        return [found[uid] for uid in sorted(found)]

    def fetch(self, messages: Sequence[Listed]) -> Iterator[tuple[int, BinaryIO]]:
        """The messages that are still there, each as a file; at most `_PIECE` bytes are on their way at a time."""
        together: list[Listed] = []
        for message in messages:
            if message.size > _PIECE:
                yield from self._fetch_together(together)
                together = []
                whole = self._fetch_pieces(message.uid)
                if whole is not None:
                    with whole:
                        yield message.uid, whole
                continue
            if len(together) == _TOGETHER or sum(one.size for one in together) + message.size > _PIECE:
                yield from self._fetch_together(together)
                together = []
            together.append(message)
        yield from self._fetch_together(together)

    def close(self) -> None:
        """Hang up; nothing is said to the server, which may be in the middle of an answer."""
        with suppress(*Lost, imaplib.IMAP4.error):
            self._link.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self, context: ssl.SSLContext) -> imaplib.IMAP4:
        where = self._address
        try:
            if where.scheme == "imaps":
                return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=_PATIENCE_S)
            link = imaplib.IMAP4(where.host, where.port, timeout=_PATIENCE_S)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise self._refusal("does not speak IMAP", "Check host and port.") from error
        try:
            if "STARTTLS" in link.capabilities:
                link.starttls(context)
            elif not where.is_here:
                raise self._refusal("offers no encryption, so no password was sent", "Try imaps:// instead.")
        except BaseException:
            with suppress(OSError):
                link.shutdown()
            raise
        return link

    def _log_in(self, password: str) -> None:
        link, user = self._link, self._address.user
        try:
            if "AUTH=PLAIN" in link.capabilities:
                link.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
            elif "LOGINDISABLED" in link.capabilities:
                raise self._refusal("takes no password", "Ask who runs it for another way in.")
            else:
                link.login(_quote(user), password)  # imaplib puts the second into quotes itself, and not the first
        except imaplib.IMAP4.abort:
            raise
        except (imaplib.IMAP4.error, UnicodeEncodeError):
            # Not chained: what the server says back might repeat what it was sent.
            raise self._refusal(
                f"refused the name {user} or its password",
                "Many services want a password made for this one program: look for “app password” there.",
            ) from None

    def _examine(self) -> int:
        folder = encode_folder(self._address.folder)
        answer, _ = self._link.select(folder, readonly=True)
        validity = self._link.untagged_responses.get("UIDVALIDITY", [])
        if answer != "OK":
            raise self._refusal(f"has no folder {self._address.folder!r}", "Check its name.")
        stated = validity[-1] if validity else b""
        if not isinstance(stated, bytes) or not stated.isdigit():
            raise self._refusal("does not say UIDVALIDITY", "It cannot be read safely; export the mails instead.")
        return int(stated)

    def _fetch_together(self, messages: Sequence[Listed]) -> Iterator[tuple[int, BinaryIO]]:
        if not messages:
            return
        wanted = {message.uid for message in messages}
        lines = self._ask("FETCH", ",".join(str(uid) for uid in sorted(wanted)), "(UID BODY.PEEK[])")
        for uid, content in _bodies(lines):
            if uid in wanted:
                wanted.remove(uid)
                with _spool() as file:
                    file.write(content)
                    file.seek(0)
                    yield uid, file

    def _fetch_pieces(self, uid: int) -> BinaryIO | None:
        """One long message; None where it is gone."""
        whole = _spool()
        try:
            while True:
                lines = self._ask("FETCH", str(uid), f"(UID BODY.PEEK[]<{whole.tell()}.{_PIECE}>)")
                piece = next((content for found, content in _bodies(lines) if found == uid), b"")
                whole.write(piece)
                if len(piece) < _PIECE:
                    break
        except BaseException:
            whole.close()
            raise
        if not whole.tell():
            whole.close()
            return None
        whole.seek(0)
        return whole

    def _ask(self, *command: str) -> list[bytes | tuple[bytes, bytes]]:
        try:
            answer, lines = self._link.uid(*command)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            raise self._refusal("gave an answer that cannot be understood", "Try again later.") from error
        if answer != "OK":
            raise self._refusal("refused to hand out mails", "Try again later.")
        return [line for line in cast("list[bytes | tuple[bytes, bytes] | None]", lines) if line is not None]

    def _refusal(self, problem: str, advice: str) -> SourceError:
        return SourceError(str(self._address), problem, advice)


def encode_folder(name: str) -> str:
    """A folder's name as IMAP writes it, in quotes: modified UTF-7 (RFC 3501, section 5.1.3).

    >>> encode_folder("Entwürfe & mehr")
    '"Entw&APw-rfe &- mehr"'
    """
    written: list[str] = []
    for match in re.finditer(r"[ -~]+|[^ -~]+", name):
        piece = match[0]
        if " " <= piece[0] <= "~":
            written.append(piece.replace("&", "&-"))
        else:
            coded = b64encode(piece.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            written.append(f"&{coded}-")
    return _quote("".join(written))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bodies(lines: Sequence[bytes | tuple[bytes, bytes]]) -> Iterator[tuple[int, bytes]]:
    """UID and content of each message of an answer; the UID may stand before the content or behind it."""
    for number, line in enumerate(lines):
        if not isinstance(line, tuple):
            continue
        behind = lines[number + 1] if number + 1 < len(lines) else b""
        uid = _UID.search(line[0]) or (_UID.search(behind) if isinstance(behind, bytes) else None)
        if uid:
            yield int(uid[1]), line[1]


def _spool() -> BinaryIO:
    """A file in memory, and on disk once it is large."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))
