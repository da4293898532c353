"""Archives that could harm whoever reads them are refused with a reason, torn ones lose what is torn and no more."""

from __future__ import annotations

import io
import random
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mutations import how_many, mutate
from read_whole import read_whole, write_zip

from troth.errors import SourceError
from troth.sources import recognise
from troth.sources.export import MOST_MEMBERS, Export

USERS: list[dict[str, Any]] = [{"id": "U1", "name": "anna", "profile": {"real_name": "Anna"}}]


def day(words: str, number: int) -> list[dict[str, Any]]:
    return [{"type": "message", "user": "U1", "text": words, "ts": f"179361{number:04d}.000000"}]


FILES: dict[str, Any] = {
    "users.json": USERS,
    "channels.json": [{"id": "C1", "name": "all", "members": ["U1"]}],
    **{f"all/2026-11-{n:02d}.json": day(f"day {n}", n) for n in range(1, 6)},
}


def entry(name: bytes, *, flags: int = 0, method: int = 0, packed: int = 0, size: int = 0, at: int = 0) -> bytes:
    """One line of an archive's directory: APPNOTE.TXT, 4.3.12."""
    head = struct.pack("<IHHHHHHIII", 0x02014B50, 20, 20, flags, method, 0, 33, 0, packed, size)
    return head + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, at) + name


def archive(*entries: bytes, body: bytes = b"", claim: int | None = None) -> bytes:
    """A zip of these directory entries behind a first local header and `body`."""
    front = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0) + b"x" + body
    directory = b"".join(entries)
    count = min(len(entries), 0xFFFF)
    size = len(directory) if claim is None else claim
    return front + directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, len(front), 0)


def refused(data: bytes, folder: Path) -> str:
    path = folder / "export.zip"
    path.write_bytes(data)
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(SourceError) as caught:
        read_whole(path)
    assert sorted(folder.parent.rglob("*")) == before, "something was written"
    return str(caught.value)


def packed(files: dict[str, Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "one member of nothing but noughts": lambda: packed({"users.json": bytes(64 << 20)}),
    "many small ones": lambda: archive(
        *[entry(b"%d" % n, packed=900, size=1 << 20) for n in range(9000)], body=bytes(9_000_000)
    ),
    "members that share their bytes": lambda: archive(
        *[entry(b"%d" % n, packed=9_000_000, size=90_000_000) for n in range(9)], body=bytes(9_000_000)
    ),
    "a size of 4 GiB declared": lambda: archive(entry(b"users.json", packed=100, size=0xFFFFFFFE), body=bytes(200)),
    "packed bytes that are not there": lambda: archive(entry(b"users.json", packed=1 << 30, size=1 << 30)),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str, tmp_path: Path):
    (tmp_path / "in").mkdir()
    reason = refused(BOMBS[name](), tmp_path / "in")
    assert "squeezed beyond belief" in reason or "claim more bytes" in reason


def test_more_than_any_export_holds_is_refused(tmp_path: Path):
    """Nine gigabytes that are really there, as far as the file's length goes."""
    entries = [entry(b"%d.json" % n, packed=30 << 20, size=3 << 30) for n in range(3)]
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.seek(100 << 20)
        start = file.tell()
        file.write(b"".join(entries))
        size = file.tell() - start
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 3, 3, size, start, 0))
    with pytest.raises(SourceError, match="9 GiB"):
        Export(path)


def test_a_zip_in_a_zip_is_not_opened(tmp_path: Path):
    """So neither is one that holds itself."""
    inner = packed({"users.json": b"[]"})
    assert "nothing that troth knows" in refused(packed({"r.zip": packed({"r.zip": inner})}), tmp_path)
    whole = read_whole(write_zip(tmp_path / "x.zip", FILES | {"all/more.zip": inner}))
    assert len(whole.turns) == 5
    assert whole.note("no messages") == 1


TRAVERSAL = [
    "../evil", "../../evil", "a/../../evil", "a/b/../../../evil", "./../evil", "..", "a/..", "/evil", "//evil",
    "//server/share/evil", "/../evil", "/etc/passwd", "/tmp/evil", "\\evil", "\\\\server\\share\\evil",
    "..\\evil", "a\\..\\..\\evil", "a/..\\..\\evil", "..\\../evil", "C:\\evil", "C:/evil", "c:evil", "D:..\\evil",
    "C:", "z:/../evil", "a/b/c/../../../../evil", "....//../evil", "%2e/../evil", "～/../evil", "a/./../../evil",
]  # fmt: skip


@pytest.mark.parametrize("name", TRAVERSAL)
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path):
    (tmp_path / "in").mkdir()
    data = archive(entry(b"users.json"), entry(name.encode("cp437", "replace")))
    assert "lead out of it" in refused(data, tmp_path / "in")


def test_there_are_thirty_of_them():
    assert len(set(TRAVERSAL)) == 30


def test_a_hundred_thousand_members_are_refused(tmp_path: Path):
    data = archive(*[entry(b"all/%d.json" % n) for n in range(100_000)], body=bytes(100))
    assert "members" in refused(data, tmp_path)


def test_members_are_not_counted_by_reading_them(tmp_path: Path):
    """A directory of gigabytes is refused by its size alone, in the large form too."""
    claim = MOST_MEMBERS * 400
    assert "too many members" in refused(archive(entry(b"a"), claim=claim), tmp_path)
    large = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, claim, 0)
    large += struct.pack("<IIQI", 0x07064B50, 0, 0, 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert "too many members" in refused(b"PK\x03\x04" + large + end, tmp_path)


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2000])
def test_an_encrypted_archive_is_refused(flags: int, tmp_path: Path):
    assert "encrypted" in refused(archive(entry(b"users.json", flags=flags)), tmp_path)


def test_an_empty_archive_is_refused(tmp_path: Path):
    assert "empty" in refused(packed({}), tmp_path)


def test_a_torn_directory_is_refused_at_every_length(tmp_path: Path):
    data = write_zip(tmp_path / "x.zip", FILES).read_bytes()
    start = data.index(b"PK\x01\x02")
    for cut in range(start, len(data), 7):
        assert "damaged zip archive" in refused(data[:cut], tmp_path)


def test_a_link_is_not_followed(tmp_path: Path):
    secret = tmp_path / "secret.json"
    secret.write_text('[{"type": "message", "user": "U1", "text": "secret", "ts": "1793610000.1"}]')
    path = write_zip(tmp_path / "x.zip", FILES)
    with zipfile.ZipFile(path, "a") as made:
        link = zipfile.ZipInfo("all/2026-11-09.json")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, str(secret))
    whole = read_whole(path)
    assert whole.reasons == ["a link or device: not followed"]
    assert "secret" not in whole.bodies


def test_of_two_members_of_one_name_the_last_counts(tmp_path: Path):
    path = write_zip(tmp_path / "x.zip", FILES)
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate name"):
        made.writestr("all/2026-11-01.json", '[{"type":"message","user":"U1","text":"later","ts":"1793610001.0"}]')
    whole = read_whole(path)
    assert {"later", "day 2"} <= set(whole.bodies)
    assert "day 1" not in whole.bodies
    assert whole.reasons == ["twice in the archive: the last counts"]


def test_what_is_packed_by_a_strange_method_is_set_aside(tmp_path: Path):
    path = write_zip(tmp_path / "x.zip", FILES)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("all/2026-11-09.json", b"[]", zipfile.ZIP_LZMA)
    assert read_whole(path).reasons == ["packed by a method that is not read"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_torn_member_in_the_middle_is_one_rejection(method: int, tmp_path: Path):
    """Whichever of its bytes is wrong, the days around it are read."""
    long = {name: content for name, content in FILES.items() if "2026-11-03" not in name}
    rng = random.Random(7)
    words = " ".join(str(rng.random()) for _ in range(300))
    path = write_zip(tmp_path / "x.zip", {**long, "all/2026-11-03.json": day(words, 3)}, packed=method)
    with zipfile.ZipFile(path) as made:
        info = made.getinfo("all/2026-11-03.json")
    data = path.read_bytes()
    for at in range(info.header_offset, info.header_offset + 30 + len(info.filename) + info.compress_size, 101):
        torn = bytearray(data)
        torn[at] ^= 0x55
        (tmp_path / "torn.zip").write_bytes(bytes(torn))
        whole = read_whole(tmp_path / "torn.zip")
        assert {"day 1", "day 2", "day 4", "day 5"} <= set(whole.bodies)
        assert len(whole.reasons) <= 2
        assert len(whole.turns) == 5 or any("cannot be read" in reason or "JSON" in reason for reason in whole.reasons)


def test_broken_archives_are_read_or_refused(tmp_path: Path):
    data = write_zip(tmp_path / "x.zip", FILES).read_bytes()
    rng = random.Random(11)
    taken = 0
    for _ in range(how_many() // 2):
        path = tmp_path / "broken.zip"
        path.write_bytes(mutate(data, rng))
        try:
            read_whole(path)
            taken += 1
        except SourceError:
            continue
    assert taken > 20


def test_what_is_no_archive_says_so(tmp_path: Path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(SourceError, match="damaged zip archive"):
        recognise(tmp_path / "x.zip")
