"""Outlook's .msg and .pst: the mail as it would be from a file, whatever Outlook kept of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from compound_file import TEXT8, typed, write_compound, write_msg
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import read_broken
from read_whole import Whole, read_whole, write_files, write_zip

import troth
from troth.errors import SourceError
from troth.sources import recognise
from troth.sources.outlook import MSG

pytest.importorskip("olefile", reason="needs the extra outlook")

AT = datetime(2026, 11, 2, 10, 30, tzinfo=UTC)
INDEX = bytes(6) + bytes(range(16))
MAIL: dict[int, Any] = {
    0x0037: "Öffer", 0x0042: "Berg, Anna", 0x5D02: "Anna@Firm.example", 0x0065: "/O=FIRM/CN=ANNA", 0x0039: AT,
    0x1000: "Hello\r\nCy\0", 0x1013: b"<p>not this</p>", 0x1035: "<m1@firm.example>", 0x0071: INDEX, 0x0E07: 1,
}  # fmt: skip
TO = [
    {0x0C15: 1, 0x3001: "Cy", 0x3003: "/O=SHOP/CN=CY", 0x39FE: "Cy@shop.example"},
    {0x0C15: 2, 0x3001: "Dee", 0x3003: "dee@shop.example"},
    {0x0C15: 3, 0x3001: "Eve", 0x3003: "eve@shop.example"},
]
HUNG = [{0x3707: "offer.pdf", 0x3704: "OFFER~1.PDF"}, {0x3707: "logo.png", 0x7FFE: True}, {0x3001: "Re: inner"}]


def read_bytes(data: bytes, folder: Path) -> Whole:
    (folder / "mail.msg").write_bytes(data)
    return read_whole(folder / "mail.msg")


def test_a_mail_saved_by_outlook(tmp_path: Path):
    whole = read_bytes(write_msg(MAIL, TO, HUNG), tmp_path)
    (turn,) = whole.turns
    assert whole.reading.format.name == "msg"
    assert (turn["turn_id"], turn["speaker"], turn["speaker_name"]) == (
        "m1@firm.example", "anna@firm.example", "Berg, Anna",
    )  # fmt: skip
    assert (turn["recipients"], turn["cc"]) == (["cy@shop.example"], ["dee@shop.example", "eve@shop.example"])
    assert (turn["subject"], turn["body"], turn["sent_at"], turn["channel"]) == ("Öffer", "Hello\nCy", AT, "mail")
    assert turn["attachments"] == ["offer.pdf", "Re: inner"]
    assert turn["conversation_id"] == f"outlook:{INDEX[6:].hex()}"


def test_html_alone_in_its_code_page(tmp_path: Path):
    mail = {key: value for key, value in MAIL.items() if key != 0x1000} | {
        0x1013: "<p>Grüße &amp; Dank</p>".encode("cp1252"), 0x3FDE: 1252,
    }  # fmt: skip
    assert read_bytes(write_msg(mail), tmp_path).bodies == ["Grüße & Dank"]


def test_eight_bit_text_in_its_code_page(tmp_path: Path):
    mail = {0x3FFD: 1251, 0x0037: (TEXT8, "Привет".encode("cp1251")), 0x1000: (TEXT8, "да".encode("cp1251"))}
    (turn,) = read_bytes(write_msg(MAIL | mail), tmp_path).turns
    assert (turn["subject"], turn["body"]) == ("Привет", "да")


def test_the_header_that_travelled_says_most(tmp_path: Path):
    headers = (
        "From: Anna <anna@firm.example>\r\nTo: list@shop.example\r\nMessage-ID: <m2@firm.example>\r\n"
        "References: <m0@shop.example>\r\n <m1@firm.example>\r\nAuto-Submitted: auto-replied\r\n"
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    )
    (turn,) = read_bytes(write_msg(MAIL | {0x007D: headers}, TO), tmp_path).turns
    assert (turn["turn_id"], turn["parent_id"], turn["automatic"]) == ("m2@firm.example", "m1@firm.example", True)
    assert turn["recipients"] == ["list@shop.example"]
    assert turn["body"] == "Hello\nCy"


def test_drafts_contacts_and_reports(tmp_path: Path):
    assert read_bytes(write_msg(MAIL | {0x0E07: 9}), tmp_path).reasons == ["a draft, never sent"]
    assert read_bytes(write_msg(MAIL | {0x001A: "IPM.Contact"}), tmp_path).reasons == ["no mail but IPM.CONTACT"]
    assert read_bytes(write_msg(MAIL | {0x001A: "REPORT.IPM.Note.NDR"}), tmp_path).turns[0]["automatic"]


def test_words_kept_as_rtf_alone_are_counted(tmp_path: Path):
    mail = {key: value for key, value in MAIL.items() if key not in {0x1000, 0x1013}} | {0x1009: b"packed"}
    whole = read_bytes(write_msg(mail), tmp_path)
    assert (whole.bodies, whole.note("RTF")) == ([""], 1)


def test_an_answer_joins_what_it_answers_in_another_export(tmp_path: Path):
    eml = (
        "From: cy@shop.example\nTo: anna@firm.example\nSubject: Re: x\nMessage-ID: <m9@shop.example>\n"
        "In-Reply-To: <m1@firm.example>\nDate: Mon, 02 Nov 2026 12:00:00 +0000\n\nThanks\n"
    )
    write_files(tmp_path, {"answer.eml": eml, "mail.msg": write_msg(MAIL, TO)})
    with troth.open() as book:
        book.read(tmp_path / "answer.eml", us="firm.example")
        book.read(tmp_path / "mail.msg")
        rows = {row["turn_id"]: row for row in book.turns().to_pylist()}
    assert rows["m9@shop.example"]["parent_id"] == "m1@firm.example"
    assert len({row["conversation_id"] for row in rows.values()}) == 1


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_many_mails_in_one_place(form: str, tmp_path: Path):
    files = {f"in/{n}.msg": write_msg(MAIL | {0x1035: f"<m{n}@firm.example>"}) for n in range(3)}
    place = write_zip(tmp_path / "x.zip", files) if form == "zip" else write_files(tmp_path / "x", files)
    whole = read_whole(place)
    assert whole.reading.format.name == "msg"
    assert [turn["turn_id"] for turn in whole.turns] == [f"m{n}@firm.example" for n in range(3)]


def test_a_large_body_lies_in_sectors_of_its_own(tmp_path: Path):
    words = "word " * 60_000
    assert read_bytes(write_msg(MAIL | {0x1000: words}), tmp_path).bodies == [words]


def test_another_compound_file_is_no_mail(tmp_path: Path):
    (tmp_path / "old.doc").write_bytes(write_compound({"WordDocument": b"x" * 5000}))
    with pytest.raises(SourceError):
        recognise(tmp_path / "old.doc")


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "olefile", None)
    monkeypatch.setitem(sys.modules, "pypff", None)
    (tmp_path / "a.msg").write_bytes(write_msg(MAIL))
    (tmp_path / "a.pst").write_bytes(b"!BDN" + bytes(600))
    with pytest.raises(SourceError, match=r"troth\[outlook\].*EML"):
        read_whole(tmp_path / "a.msg")
    with pytest.raises(SourceError, match=r"troth\[outlook\].*readpst"):
        read_whole(tmp_path / "a.pst")


def test_a_torn_pst_is_refused_with_a_way_out(tmp_path: Path):
    pytest.importorskip("pypff")
    (tmp_path / "a.pst").write_bytes(b"!BDN" + bytes(600))
    assert recognise(tmp_path / "a.pst").name == "pst"
    with pytest.raises(SourceError, match="scanpst"):
        read_whole(tmp_path / "a.pst")


class Item:
    """Stands for what libpff hands out: nothing at hand can write a .pst."""

    def __init__(self, *sets: dict[int, Any], name: str = "", inner: tuple[Item, ...] = (), **more: Any) -> None:
        self.name, self._sets, self._inner = name, sets, inner
        self.number_of_record_sets = len(sets)
        self.number_of_sub_folders = len(inner)
        self.number_of_sub_messages = len(more.get("mails", ()))
        self.number_of_attachments = len(more.get("hung", ()))
        self.recipients, self._mails, self._hung = more.get("recipients"), more.get("mails", ()), more.get("hung", ())

    def get_record_set(self, number: int) -> Any:
        entries = [(number, *typed(value)) for number, value in self._sets[number].items()]
        return SimpleNamespace(
            entries=[SimpleNamespace(entry_type=kind, value_type=type_, data=data) for kind, type_, data in entries]
        )

    def get_sub_folder(self, number: int) -> Item:
        return self._inner[number]

    def get_sub_message(self, number: int) -> Item:
        if self._mails[number] is None:
            raise OSError("unable to read the item")
        return self._mails[number]

    def get_attachment(self, number: int) -> Item:
        return self._hung[number]


def test_the_mails_of_a_data_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """How the folders are walked; that the names are libpff's is held against libpff itself."""
    pypff = pytest.importorskip("pypff")
    mail = Item({0x001A: "IPM.Note"} | MAIL, recipients=Item(*TO), hung=tuple(map(Item, HUNG)))
    other, draft = Item(MAIL | {0x1035: "<m2@b.example>"}), Item(MAIL | {0x0E07: 8, 0x1035: "<m3@b.example>"})
    task = Item(MAIL | {0x001A: "IPM.Task"})
    root = Item(
        inner=(
            Item(name="Inbox", mails=(mail, None, task), inner=(Item(name="a/b", mails=(draft,)),)),
            Item(name="Junk Email", mails=(other,)),
        )
    )
    file = SimpleNamespace(open=str, get_root_folder=lambda: root, close=lambda: None)
    monkeypatch.setattr(pypff, "file", lambda: file)
    (tmp_path / "a.pst").write_bytes(b"!BDN")
    whole = read_whole(tmp_path / "a.pst")
    first, second = whole.turns
    assert (first["turn_id"], first["recipients"], first["attachments"]) == (
        "m1@firm.example", ["cy@shop.example"], ["offer.pdf", "Re: inner"],
    )  # fmt: skip
    assert (first["automatic"], second["automatic"]) == (False, True)
    assert [(one.position, one.reason) for one in whole.reading.rejected] == [
        ("Inbox, message 2", "torn: unable to read the item"),
        ("Inbox, message 3", "no mail but IPM.TASK"),
        ("Inbox/a_b, message 1", "a draft, never sent"),
    ]
    for kind, names in {
        pypff.folder: ("name", "number_of_sub_folders", "number_of_sub_messages", "get_sub_folder", "get_sub_message"),
        pypff.message: (
            "recipients",
            "number_of_record_sets",
            "get_record_set",
            "number_of_attachments",
            "get_attachment",
        ),
        pypff.attachment: ("number_of_record_sets", "get_record_set"),
        pypff.record_set: ("entries",),
        pypff.record_entry: ("entry_type", "value_type", "data"),
    }.items():
        assert set(names) <= set(dir(kind))


_words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=200).map(str.strip)


@settings(max_examples=60)
@given(_words, _words, st.integers(0, 10**9), st.lists(st.sampled_from("abcd"), max_size=4))
def test_made_up_mails_come_back(
    tmp_path_factory: pytest.TempPathFactory, subject: str, body: str, seconds: int, names: list[str]
):
    at = datetime(1995, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    people = [{0x0C15: 1, 0x3001: name, 0x3003: f"{name}@shop.example"} for name in names]
    data = write_msg({0x0037: subject, 0x1000: body, 0x0039: at, 0x5D02: "a@b.example", 0x1035: "<x@y>"}, people)
    (turn,) = read_bytes(data, tmp_path_factory.mktemp("made")).turns
    assert turn["body"] == body
    assert (turn["subject"] or "") == " ".join(subject.split())
    assert turn["sent_at"] == at
    assert (turn["recipients"] or []) == list(dict.fromkeys(f"{name}@shop.example" for name in names))


def test_broken_mails_are_counted_or_refused(tmp_path: Path):
    data = write_msg(MAIL, TO, HUNG)
    assert max(read_broken(MSG, {"": data}, tmp_path, seed=5)) == 1
