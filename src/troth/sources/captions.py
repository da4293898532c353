"""Calls as captions: WebVTT as Teams and Zoom save it and as it stands alone, SRT and SBV.

https://www.w3.org/TR/webvtt1/ says what a cue is. Who speaks is in a voice span (`<v Name>`), as Teams has it, or
stands before the words (`Name: text`), as Zoom has it. When the call was is in a line `Date:` or `Start:` of the
header or of a NOTE, or in the file's name.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

import re2

from troth.sources.blocks import read_blocks
from troth.sources.charsets import decode_bytes
from troth.sources.export import Export
from troth.sources.formats import Format
from troth.sources.jsonl import LINE_LIMIT, read_lines
from troth.sources.moments import Moment, read_moment
from troth.sources.reader import Context, Reader
from troth.sources.spoken import Said, Talk, find_start, name_talk, tell_talk
from troth.sources.turns import Piece, Rejected

_WORDLESS: Final = "cues without words"
_MOST: Final = 64 << 20  # bytes: a year of speech; what a call's captions never are
_CLOCK: Final = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING: Final = re2.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_SBV_TIMING: Final = re2.compile(rf"^\s*{_CLOCK}\s*,\s*{_CLOCK}\s*$")
_LOOKS_TIMED: Final = re2.compile(r"^\s*\d[\d:.,]*[^-]{0,20}-->|^\d{1,2}:\d\d:\d\d?[.,]?\w*,\d{1,2}:\d\d:")
_VOICE: Final = re2.compile(r"</v>|<v(?:\.[^\s<>]*)?[ \t]+([^<>]*)>")
_TAG: Final = re2.compile(r"(?i)</?(?:[cibu]|ruby|rt|lang|font|v)(?:[.\s][^<>]*)?>|<\d[\d:.]*>|\{\\an?\d\}")
_PREFIX: Final = re2.compile(
    r"^(?:\[([^\[\]\n]{1,60})\]:?|([^\s:\[\]<>\"?!-][^:\[\]<>\"?!\n]{0,59}):)[ \t\n]+(\S(?s:.*))$"
)
_STATED: Final = re2.compile(
    r"(?i)^(?:NOTE\s+)?(?:date|start|start time|started|started at|recorded|recorded at|recording date|meeting start"
    r"|begin|created|creation date|datum|beginn)\s*[:=]\s*(\S.*)$"
)
_GUID: Final = re2.compile(r"^([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/(\S{1,40})$")
_MOST_WORDS: Final = 6  # of a speaker's name


class Cue(NamedTuple):
    """One caption: where it stands, its own id, its times in milliseconds and its lines."""

    number: int
    name: str | None
    begin_ms: int
    end_ms: int
    text: str


class _Captions(NamedTuple):
    cues: list[Cue]
    rejected: list[Rejected]
    start: Moment | None


def _is_webvtt(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf")
    return text.startswith(b"WEBVTT") and text[6:7] in {b"", b" ", b"\t", b"\n", b"\r"}


def _is_srt(head: bytes) -> bool:
    lines = _first_lines(head)
    return any(_TIMING.match(line) for line in (lines[1:2] if lines[:1] and lines[0].isdigit() else lines[:1]))


def _is_sbv(head: bytes) -> bool:
    return any(_SBV_TIMING.match(line) for line in _first_lines(head)[:1])


def _first_lines(head: bytes) -> list[str]:
    text = head.removeprefix(b"\xef\xbb\xbf")[:2_000].decode("utf-8", "replace").replace("\r\n", "\n")
    return [line.strip() for line in text.lstrip().split("\n", 3)[:2]]


def parse_captions(lines: Iterable[bytes | None], context: Context) -> _Captions:
    """The cues of one file in any of the three forms; what is none of their parts is rejected with its line."""
    return _Parser(context).parse(lines)


class _Parser:
    """Lines to cues. A blank line ends a cue, and so does the next cue's line of times."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cues: list[Cue] = []
        self._rejected: list[Rejected] = []
        self._start: Moment | None = None
        self._block: list[str] = []  # lines since the last blank one that belong to no cue so far
        self._block_line = 1
        self._times: tuple[int, int] | None = None  # of the cue whose words are being read
        self._name: str | None = None

    def parse(self, lines: Iterable[bytes | None]) -> _Captions:
        for number, raw in enumerate(lines, start=1):
            if raw is None:
                self._close()
                self._rejected.append(Rejected(position=f"line {number}", reason=f"longer than {LINE_LIMIT >> 20} MiB"))
                continue
            line = decode_bytes(raw, "utf-8").text.rstrip("\r")
            if not line.strip():
                self._close()
            elif (found := _TIMING.match(line) or _SBV_TIMING.match(line)) is not None:
                self._open(_milliseconds(found.groups()))
            else:
                if not self._block and self._times is None:
                    self._block_line = number
                self._block.append(line)
        self._close()
        return _Captions(self._cues, self._rejected, self._start)

    def _open(self, times: tuple[int, int]) -> None:
        """A line of times: what stands right before it in its block is the cue's id."""
        # Without a blank line between two cues of an SRT file, the last line of the first is the second's number.
        name = self._block.pop() if self._block and (self._times is None or self._block[-1].strip().isdigit()) else None
        self._close()
        self._times, self._name = times, name.strip() if name else None

    def _close(self) -> None:
        """The end of a block."""
        block, self._block = self._block, []
        times, self._times = self._times, None
        if times is not None:
            if text := "\n".join(block).strip():
                self._cues.append(Cue(len(self._cues) + 1, self._name, *times, text))
            else:
                self._context.notes[_WORDLESS] += 1
            return
        if not block or block[0].isdigit():
            block = block[1:]
        opening = block[0].split() if block else ["NOTE"]
        is_head = self._block_line == 1 and opening[0].removeprefix("\ufeff") == "WEBVTT"
        if is_head or (opening or [""])[0] in {"NOTE", "STYLE", "REGION"}:
            self._start = self._start or self._find_start(block)
        else:
            reason = "times that cannot be read" if _LOOKS_TIMED.match(block[0]) else "words without times"
            self._rejected.append(Rejected(position=f"line {self._block_line}", reason=reason))

    def _find_start(self, lines: list[str]) -> Moment | None:
        context = self._context
        for line in lines:
            if (found := _STATED.match(line)) is not None:
                moment = read_moment(str(found[1]), zone=context.zone, dates=context.dates, now=context.now)
                if moment is not None:
                    return moment
        return None


def _milliseconds(groups: tuple[str | None, ...]) -> tuple[int, int]:
    hours, minutes, seconds, rest = (int(group or 0) for group in (*groups[:3], (groups[3] or "").ljust(3, "0")))
    begin = ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest
    hours, minutes, seconds, rest = (int(group or 0) for group in (*groups[4:7], (groups[7] or "").ljust(3, "0")))
    return begin, max(begin, ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest)


def label_cues(cues: list[Cue]) -> Iterator[Said]:
    """Who says what: by voice spans, else by names before the words."""
    names = _find_names(cues)
    latest: str | None = None
    for cue in cues:
        parts = list(_split_voices(cue.text)) if "<v" in cue.text else [(None, cue.text)]
        if names and parts[0][0] is None:
            latest, words = _split_prefix(cue.text, names) or (latest, cue.text)
            parts = [(latest, words)]
        made = 0
        for label, words in parts:
            if text := " ".join(html.unescape(_TAG.sub("", words)).split()):
                key = _key(cue) + (f".{made + 1}" if made else "")
                made += 1
                yield Said(label, cue.begin_ms, cue.end_ms, text, key)


def _find_names(cues: list[Cue]) -> frozenset[str]:
    """The words before a colon that are speakers' names.

    Those that come twice, where the first cue has some. Where nearly every cue has some, one that comes once is a name
    too, unless it begins in lower case: to add the words of a third to those of the second would be worse.
    """
    prefixes = [prefix and prefix[0] for prefix in (_split_prefix(cue.text) for cue in cues)]
    counts = Counter(prefix for prefix in prefixes if prefix)
    nearly_all = counts.total() * 5 >= len(cues) * 4
    if not prefixes or not (prefixes[0] or nearly_all):
        return frozenset()
    return frozenset(name for name, count in counts.items() if count > 1 or (nearly_all and not name[0].islower()))


def _split_prefix(text: str, names: frozenset[str] | None = None) -> tuple[str, str] | None:
    """The name before the words of a cue, one of `names` where they are given, and the words."""
    found = _PREFIX.match(html.unescape(_TAG.sub("", text))) if "<v" not in text else None
    if found is None:
        return None
    bracketed, plain, words = (group or "" for group in found.groups())
    name = " ".join((bracketed or plain).split())
    if len(name.split()) > _MOST_WORDS or name.isdigit() or (names is not None and name not in names):
        return None
    return name, words


def _split_voices(text: str) -> Iterator[tuple[str | None, str]]:
    """The voice spans of a cue; a span ends with its mark, with the next span or with the cue."""
    at, label = 0, None
    for found in _VOICE.finditer(text):
        if text[at : found.start()].strip():
            yield label, text[at : found.start()]
        at, label = found.end(), html.unescape(found[1] or "").strip() or None
    if text[at:].strip():
        yield label, text[at:]


def _key(cue: Cue) -> str:
    found = _GUID.match(cue.name or "")
    return str(found[2] if found else cue.number)


def _name(cues: list[Cue], said: list[Said]) -> str:
    """A call's id: the one that Teams puts into each cue, else one from its times."""
    calls = {str(found[1]).lower() if (found := _GUID.match(cue.name or "")) else "" for cue in cues}
    keys = {line.key for line in said}
    if len(calls) == 1 and "" not in calls and len(keys) == len(said):
        return f"teams:{calls.pop()}"
    return name_talk("captions", said)


def _read(export: Export, context: Context) -> Iterator[Piece]:
    for member in export.members:
        where = f"{member.name}, " if member.name else ""
        if member.size > _MOST:
            yield Rejected(position=member.name or "the file", reason=f"longer than {_MOST >> 20} MiB")
            continue
        with export.open(member.name) as file:
            found = parse_captions(_whole_lines(read_lines(read_blocks(file, context.meter))), context)
        said = list(label_cues(found.cues))
        start, subject = find_start(found.start, member.name or export.path.name, context)
        yield from (Rejected(position=where + each.position, reason=each.reason) for each in found.rejected)
        talk = Talk(conversation=_name(found.cues, said), start=start, subject=subject)
        yield from tell_talk(talk, said, context)


def _whole_lines(lines: Iterable[bytes | None]) -> Iterator[bytes | None]:
    """The lines with CR line ends, as old programs wrote them, made LF."""
    for line in lines:
        yield from (line,) if line is None or b"\r" not in line else chain(line.split(b"\r"))


def _reader(name: str, description: str, is_one: Callable[[bytes], bool]) -> Reader:
    def is_it(export: Export) -> bool:
        return export.kind != "folder" and all(is_one(export.look(name, 2_048)) for name in export.names)

    form = Format(name=name, description=description, takes="turns, names of who speaks")
    return Reader(format=form, is_it=is_it, read=_read)


WEBVTT: Final = _reader("webvtt", "the transcript of a call as WebVTT (Teams, Zoom, plain)", _is_webvtt)
SRT: Final = _reader("srt", "the transcript of a call as SRT captions", _is_srt)
SBV: Final = _reader("sbv", "the transcript of a call as SBV captions", _is_sbv)
