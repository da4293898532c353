"""A small IMAP server for tests: one process, real sockets, real TLS; it says what it was asked and can break off."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Server:
    """What it holds, how it behaves, and what it was told."""

    mails: dict[int, bytes] = field(default_factory=dict)
    drafts: set[int] = field(default_factory=set)
    user: str = "anna@firm.example"
    password: str = "geheim ä"
    folder: str = "INBOX"
    validity: int = 7
    capabilities: str = "IMAP4rev1 AUTH=PLAIN"
    context: ssl.SSLContext | None = None  # for STARTTLS, or for the whole connection
    is_encrypted: bool = False  # from the first byte
    uid_behind: bool = False  # whether the UID stands behind a message, as some servers have it
    break_after: Callable[[int], bool] = lambda _: False  # asked with the number of each mail sent over all connections
    sent: int = 0
    said: list[str] = field(default_factory=list)  # every line of every client
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.said.append(line)
            tag, _, rest = line.partition(" ")
            command, _, arguments = rest.partition(" ")
            match command.upper():
                case "CAPABILITY":
                    writer.write(f"* CAPABILITY {self.capabilities}\r\n{tag} OK done\r\n".encode())
                case "STARTTLS":
                    writer.write(f"{tag} OK begin\r\n".encode())
                    await writer.drain()
                    assert self.context is not None
                    await writer.start_tls(self.context)
                    self.capabilities = self.capabilities.replace(" STARTTLS", "")
                case "AUTHENTICATE":
                    writer.write(b"+ \r\n")
                    _, user, password = base64.b64decode(await reader.readline()).decode().split("\0")
                    self._answer_login(writer, tag, user, password)
                case "LOGIN":
                    user, password = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', arguments)
                    plain = (re.sub(r"\\(.)", r"\1", max(one)) for one in (user, password))
                    self._answer_login(writer, tag, *plain)
                case "EXAMINE" if arguments.strip('"') == self.folder:
                    writer.write(
                        f"* {len(self.mails)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] ok\r\n"
                        f"{tag} OK [READ-ONLY] done\r\n".encode()
                    )
                case "UID":
                    await self._fetch(writer, tag, arguments)
                case _:
                    writer.write(f"{tag} NO I do not\r\n".encode())
            await writer.drain()

    def _answer_login(self, writer: asyncio.StreamWriter, tag: str, user: str, password: str) -> None:
        is_right = (user, password) == (self.user, self.password)
        writer.write(f"{tag} {'OK in' if is_right else f'NO wrong: {password}'}\r\n".encode())

    async def _fetch(self, writer: asyncio.StreamWriter, tag: str, arguments: str) -> None:
        _, wanted, what = arguments.split(" ", 2)
        piece = re.search(r"BODY\.PEEK\[\]<(\d+)\.(\d+)>", what)
        for number, uid in enumerate(sorted(self.mails), start=1):
            if not _is_in(uid, wanted, max(self.mails)):
                continue
            flags = "\\Draft" if uid in self.drafts else "\\Seen"
            if "BODY" not in what:
                writer.write(
                    f"* {number} FETCH (UID {uid} FLAGS ({flags}) RFC822.SIZE {len(self.mails[uid])})\r\n".encode()
                )
                continue
            content, mark = self.mails[uid], ""
            if piece:
                start, size = int(piece[1]), int(piece[2])
                content, mark = content[start : start + size], f"<{start}>"
            self.sent += 1
            if self.break_after(self.sent):
                writer.write(f"* {number} FETCH (UID {uid} BODY[] {{{len(content)}}}\r\n".encode() + content[:10])
                await writer.drain()
                raise ConnectionResetError
            before, behind = ("", f" UID {uid}") if self.uid_behind else (f"UID {uid} ", "")
            writer.write(f"* {number} FETCH ({before}BODY[]{mark} {{{len(content)}}}\r\n".encode() + content)
            writer.write(f"{behind})\r\n".encode())
        writer.write(f"{tag} OK done\r\n".encode())


def _is_in(uid: int, wanted: str, last: int) -> bool:
    for part in wanted.split(","):
        first, _, end = part.partition(":")
        low, high = int(first), last if end == "*" else int(end or first)
        if min(low, high) <= uid <= max(low, high):
            return True
    return False


@contextmanager
def serving(server: Server) -> Generator[Server]:
    """Run the server on a port of its own."""
    loop = asyncio.new_event_loop()
    context = server.context if server.is_encrypted else None
    listening = loop.run_until_complete(asyncio.start_server(server.serve, "localhost", 0, ssl=context))
    server.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_stop(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(listening: asyncio.Server) -> None:
    listening.close()
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
