"""A form with files, taken in piece by piece: files go to disk as they come, and nothing before the form is known."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from troth.errors import BookError
from troth.plain import clean_line
from troth.told import Told
from troth.web.inbox import name_file
from troth.web.visit import Refused

_MOST_FIELDS: Final = 50
_MOST_FILES: Final = 500
_LONGEST_FIELD: Final = 64 * 1024
_PIECE: Final = 512 * 1024  # bytes that are gathered before a thread writes them
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One file that was sent: what it is called on disk, and what its sender called it."""

    path: str
    shown: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a form carried."""

    fields: Mapping[str, str]
    files: tuple[Sent, ...]


async def receive(request: Request, folder: Path, *, most: int, check: Callable[[Mapping[str, str]], None]) -> Form:
    """Take in a form whose files stand behind its fields.

    Args:
        request: the form, as multipart/form-data.
        folder: where files go; readable by nobody else.
        most: bytes that the request may have.
        check: called once with the fields before anything is written; raises where the form is not to be taken.

    Raises: what `check` raises; Refused with 413, 415 or 400; BookError where the disk is full.
    """
    boundary = _boundary(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise Refused(413, _too_large(most))
    taking = _Taking(boundary, folder, check)
    gathered, size = bytearray(), 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise Refused(413, _too_large(most))
            gathered += piece
            if len(gathered) >= _PIECE:
                await run_in_threadpool(taking.feed, bytes(gathered))
                gathered.clear()
        return await run_in_threadpool(taking.end, bytes(gathered))
    except ClientDisconnect:
        raise Refused(400, "the upload was broken off") from None
    finally:
        taking.close()


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Refused(415, "send files as a form does (multipart/form-data)")
    return boundary


def _too_large(most: int) -> Told:
    return Told(
        "that is more than {gb:.3g} GB. Read it where it lies with  troth read,  send it in parts, or allow more with "
        "largest_upload in troth.toml",
        gb=most / 1e9,
    )


class _Taking:
    """A form under way."""

    def __init__(self, boundary: bytes, folder: Path, check: Callable[[Mapping[str, str]], None]) -> None:
        self._folder, self._check, self._is_checked = folder, check, False
        self._fields: dict[str, str] = {}
        self._files: list[Sent] = []
        self._file: BinaryIO | None = None
        self._path = self._shown = self._name = ""
        self._value, self._size, self._parts, self._is_whole = bytearray(), 0, 0, False
        self._header, self._headers = (bytearray(), bytearray()), dict[bytes, bytes]()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin, "on_part_data": self._take, "on_part_end": self._finish,
                "on_header_field": self._name_header, "on_header_value": self._fill_header,
                "on_header_end": self._end_header, "on_headers_finished": self._open, "on_end": self._close_form,
            },
        )  # fmt: skip

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except MultipartParseError:
            raise Refused(400, "the form is torn, or none") from None
        except OSError as error:
            raise BookError(
                Told("the upload cannot be kept: {strerror}. Make room, and send it again", strerror=error.strerror)
            ) from error

    def end(self, data: bytes) -> Form:
        self.feed(data)
        if not self._is_whole:
            raise Refused(400, "the upload was broken off")
        self._check_once()
        return Form(fields=self._fields, files=tuple(self._files))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _check_once(self) -> None:
        if not self._is_checked:
            self._check(self._fields)
            self._is_checked = True

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_FIELDS + _MOST_FILES:
            raise Refused(413, Told("a form may carry {most} files. Send a zip of them", most=_MOST_FILES))
        self._headers, self._value, self._size, self._shown = {}, bytearray(), 0, ""

    def _name_header(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _fill_header(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = bytearray(), bytearray()

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode(errors="replace")
        if b"filename" not in options:
            return
        given = options[b"filename"].decode(errors="replace")
        if not given:
            return  # no file was chosen
        self._check_once()
        self._shown = clean_line(given.replace("\\", "/").rpartition("/")[2])[:_LONGEST_NAME] or "file"
        self._path = name_file(given, [each.path for each in self._files])
        descriptor = os.open(self._folder / self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._file is not None:
            self._file.write(data[start:end])
        elif self._size > _LONGEST_FIELD:
            raise Refused(413, "a field of the form is too long")
        else:
            self._value += data[start:end]

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self._files.append(Sent(path=self._path, shown=self._shown, size=self._size))
        else:
            self._fields.setdefault(self._name, self._value.decode(errors="replace"))

    def _close_form(self) -> None:
        self._is_whole = True
