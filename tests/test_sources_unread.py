"""What is no export is taken by no reader, and is called what it is, with what can be done about it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import troth
from troth.cli.options import tell_read
from troth.errors import SourceError
from troth.sources import recognise
from troth.sources.export import Export
from troth.sources.readers import READERS

ORDINARY = {
    "package.json": ('{"name": "web", "scripts": {"build": "tsc"}, "messages": {"a": "b"}}', "JSON"),
    "tsconfig.json": ('{\n  // notes\n  "compilerOptions": {"strict": true},\n  "include": ["src"]\n}', "include"),
    "geo.json": ('{"type": "FeatureCollection", "features": [{"id": 1, "properties": {"text": "x"}}]}', "features"),
    "products.json": ('[{"id": 1, "name": "Chair", "price": 12.5}]', r"JSON array.*id, name, price"),
    "page.odata": ('{"@odata.context": "https://x/y", "value": [{"id": "1", "name": "x"}]}', "JSON"),
    "lines.jsonl": ('{"level": "info", "message": "up"}\n{"level": "info", "message": "down"}\n', "JSON Lines"),
    "prices.csv": ("sku,name,price,updated_at\nA-1,Chair,12.50,2026-01-02\n", "columns: sku, name, price"),
    "bank.csv": ("Tag;Empfänger;Betrag\n02.01.2026;ACME;-12,50\n", "columns: Tag"),
    "orders.csv": ("id,customer_id,status,created_at,total\n1,2,open,2026-01-01,12\n", "table"),
    "issues.csv": ("id,subject,status,created_at,assignee\n1,bug,open,2026-01-01,anna\n", "table"),
    "users.csv": ("id,email,username,first_name,alias,user_type\n1,a@b.example,a,A,ab,ADMIN\n", "table"),
    "staff.csv": ("email,last_name,username,alias,profile_id,start_date\na@b.example,B,ab,ab,3,2026-01-01\n", "table"),
    "leads.csv": ("Email,Last Name,Account Id,Score\na@b.example,B,12,3\n", "table"),
    "owners.csv": ("email,first_name,owner_id\na@b.example,A,12\n", "table"),
    "firms.csv": ("id,name,website,owner_id\n1,ACME,acme.example,3\n", "table"),
    "pipedrive.csv": ("Deal - ID,Deal - Title,Deal - Stage\n1,Big,Qualified\n", "table"),
    "README.md": ("# My project\n\nNote: this reads mail.\n\n- From: nobody\n", "text that is no mail"),
    "SOURCE.txt": ("Title: my files\nAuthor: me\n\nThese are the files, and they are fine.\n", "text that is no mail"),
    "licence.txt": ("convo_1.json, licence as stated: MIT, synthetic\nconvo_2.json, the same\n", "text that is no"),
    "reply.txt": ("Hi,\nfine, thanks.\n", "text that is no"),
    "app.log": ("[2026-01-02 10:11:12] local.INFO: up\n[2026-01-02 10:11:13] local.ERROR: broke\n", "text"),
    "sys.log": ("2026-01-02 10:11:12,123 INFO main: up\n2026-01-02 10:11:13,123 ERROR main: broke\n", "text"),
    "http.txt": ("HTTP/1.1 200 OK\nContent-Type: text/html\nDate: Mon, 05 Jan 2026 10:00:00 GMT\n\nhello\n", "text"),
    "mail.yaml": ("name: x\nfrom: shop\nsubject: Hello\n", "text"),
    "control": ("Package: troth\nDate: today\nDescription: x\n", "text"),
    "setup.ini": ("[main]\na = b\n", "text"),
    "song.lrc": ("[00:12.00]Hello there\n[00:15.00]My friend\n", "text"),
    "page.html": ("<!doctype html><html><p>Hi</p></html>", "web page"),
    "feed.xml": ('<?xml version="1.0"?><rss/>', "XML"),
    "cal.ics": ("BEGIN:VCALENDAR\nVERSION:2.0\n", "calendar"),
    "anna.vcf": ("BEGIN:VCARD\nVERSION:3.0\nFN:Anna\n", "vCard"),
}
BINARY = {
    "a.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "picture"),
    "a.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "picture"),
    "a.heic": (b"\0\0\0\x18ftypheic\0", "picture"),
    "a.mp3": (b"ID3\x03\0", "sound.*transcribed"),
    "a.mp4": (b"\0\0\0\x18ftypmp42\0", "film.*transcribed"),
    "a.pdf": (b"%PDF-1.7\n", "PDF.*as text"),
    "a.rtf": (b"{\\rtf1\\ansi Hello}", "rich text"),
    "a.parquet": (b"PAR1\0\0", "Parquet"),
}


@pytest.mark.parametrize("name", [*ORDINARY, *BINARY])
def test_an_ordinary_file_is_taken_by_no_reader_and_called_what_it_is(name: str, tmp_path: Path) -> None:
    text, says = ORDINARY[name] if name in ORDINARY else BINARY[name]
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert [reader.format.name for reader in READERS if reader.is_it(Export(path))] == []
    with pytest.raises(SourceError, match=says) as refused:
        recognise(path)
    assert len(str(refused.value).removeprefix(str(path))) < 320


def test_the_tables_of_a_survey_tool_and_notes_on_sources_are_taken_by_no_reader(shared: Path) -> None:
    samples = shared / "samples"
    looked = [*samples.glob("qualtrics_*/*"), *samples.glob("cfpb_*/*"), *samples.glob("*/SOURCE.txt")]
    if not looked:
        pytest.skip("the samples are not here")
    taken = {path.name: [reader.format.name for reader in READERS if reader.is_it(Export(path))] for path in looked}
    assert {name: formats for name, formats in taken.items() if formats} == {}


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ((), "empty zip"),
        (("word/document.xml",), "Word document.*as text"),
        (("xl/workbook.xml", "xl/styles.xml"), "Excel workbook.*CSV"),
        (("a.jpg", "b.jpg"), r"nothing that troth knows \(a.jpg, b.jpg\)"),
    ],
)
def test_an_archive_of_something_else_is_called_what_it_is(members: tuple[str, ...], says: str, tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in members:
            archive.writestr(name, "\xff\xd8")
    path = tmp_path / "some.zip"
    path.write_bytes(held.getvalue())
    with pytest.raises(SourceError, match=says):
        recognise(path)


def test_a_folder_of_photos_is_refused_as_what_it_is(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(BINARY["a.jpg"][0])
    with troth.open() as book, pytest.raises(SourceError, match=r"0\.jpg and 2 more: is a picture"):
        book.read(tmp_path)


SURVEY = """answered_at,email,questions_hc1,questions_hc2
2026-03-01,cy@client.example,7,6
2026-03-02,cy@client.example,5,5
"""
MAIL = "From: Cy <cy@client.example>\nTo: ann@firm.example\nDate: Fri, 20 Feb 2026 10:00:00 +0000\n\nHello.\n"


@pytest.mark.parametrize("alone", [False, True])
def test_the_answers_of_a_survey_among_exports_are_taken(
    alone: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `troth survey read` takes them: the book then holds the same."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "answers.csv").write_text(SURVEY)
    (folder / "notes.txt").write_text("buy milk")
    (tmp_path / "mail.eml").write_text(MAIL)
    (folder / "chat.jsonl").write_text('{"text": "hi", "speaker": "cy@client.example", "id": "1"}\n')
    with troth.open() as book, troth.open() as other:
        for one in (book, other):
            one.read(tmp_path / "mail.eml", us="firm.example")
        report = book.read(folder / "answers.csv" if alone else folder)
        assert [path.name for path in report.surveys] == ["answers.csv"]
        assert [each.position for each in report.unknown] == ([] if alone else ["notes.txt"])
        tell_read(report)
        other.read_survey(folder / "answers.csv")
        assert book.answers().to_pylist() == other.answers().to_pylist()
        assert book.answers().num_rows == 4
    said = capsys.readouterr().err
    assert "4 answers, 4 new" in said
    assert ("notes.txt" in said) is not alone


def test_a_survey_without_a_question_of_ours_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text('V1,V2,V3\nResponseID,Name,Why?\nR_1,a,"because"\n')
    with troth.open() as book, pytest.raises(SourceError, match=r"survey.*asks no question of ours"):
        book.read(path)
