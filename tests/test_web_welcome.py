"""The first page that a new user sees, and what is brought in later: uploads, progress, results, who we are."""

from __future__ import annotations

import re
import stat
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import start_browser, watch
from fastapi.testclient import TestClient
from served import Door, enter, listen, serve_copy

import troth
from troth.settings import Settings
from troth.web.access import Role, Visitor
from troth.web.app import make_app
from troth.web.start import make_serving

ANNA = "anna@firm.example"
MAILS = "".join(
    f"From x\nMessage-ID: <{n}@x>\nDate: Tue, {n:02} Nov 2026 10:00:00 +0000\nFrom: {who}\nTo: {to}\n"
    f"Subject: Pumps\n\n{words}\n\n"
    for n, (who, to, words) in enumerate(
        [
            (ANNA, "jo@acme.example", "I will send the offer by Friday."),
            ("jo@acme.example", ANNA, "Thank you. Can we rely on the date?"),
            (ANNA, "kim@b.example", "Here is the list, because you asked for it."),
        ],
        start=1,
    )
).encode()  # fmt: skip


@contextmanager
def serve_new(folder: Path, settings: Settings | None = None) -> Generator[Door]:
    """An empty book in a file, and a client that came in."""
    with troth.open(folder / "book.duckdb", settings=settings or Settings()) as book:
        serving = make_serving(book.store, book.settings)
        try:
            with enter(serving) as door:
                yield door
        finally:
            serving.close()


def send(door: Door, *files: tuple[str, bytes], client: TestClient | None = None, **fields: str) -> tuple[int, str]:
    """Send files as a browser's form does; status and the words of the answer."""
    form = {"form_token": door.form_token, "once": f"once-{time.monotonic_ns():020}", "back": "/welcome", **fields}
    answer = (client or door.client).post("/bring", data=form, files=[("files", each) for each in files])
    return answer.status_code, " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def finish(door: Door) -> None:
    until = time.monotonic() + 60
    while door.serving.worker.is_busy:
        assert time.monotonic() < until, "the job does not end"
        time.sleep(0.05)


def words_of(door: Door, path: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", door.client.get(path).text).split())


def inbox_of(door: Door) -> list[Path]:
    folder = Path(door.serving.keeper.store.path).parent / ".book.duckdb.inbox"
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_new_user_drops_a_file_and_sees_the_first_close(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        first = door.client.get("/")
        assert first.url.path == "/welcome"
        assert 'type="file"' in first.text
        status, shown = send(door, ("my mail <b>.mbox", MAILS))
        assert status == 200
        assert "my mail <b>.mbox" in shown.replace("&lt;", "<").replace("&gt;", ">")
        finish(door)
        after = words_of(door, "/welcome")
        assert "3 new messages, 3 seen." in after
        assert "Your first close: Tuesday 3 November 2026" in after
        assert f"You are taken to be {ANNA}." in after
        assert inbox_of(door) == []  # deleted once it was read
        assert door.client.post("/bring/us", data={"us": "Firm.Example, anna@firm.example", "back": "/welcome",
                                                   "form_token": door.form_token}).url.path == "/welcome"  # fmt: skip
        assert "Is this you" not in words_of(door, "/welcome")
        assert door.serving.keeper.store.settings("us") == ["Firm.Example", "anna@firm.example"]
        assert "Tuesday 3 November 2026" in words_of(door, "/")
        status, _ = send(door, ("again.mbox", MAILS), back="/bring")
        finish(door)
        assert "0 new messages" in words_of(door, "/bring")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.duckdb"]


def test_what_stands_in_the_settings_is_not_asked_and_not_overruled(tmp_path: Path) -> None:
    with serve_new(tmp_path, Settings(us=(ANNA,))) as door:
        assert 'name="us"' not in door.client.get("/welcome").text
        answer = door.client.post("/bring/us", data={"us": "x@y.example", "form_token": door.form_token})
        assert answer.status_code == 422
        send(door, ("m.mbox", MAILS), us="x@y.example")
        finish(door)
        assert door.serving.keeper.store.settings("us") is None


def test_a_form_sent_twice_is_one_job(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        for _ in range(2):
            assert send(door, ("m.mbox", MAILS), once="the-same-form-twice")[0] == 200
        finish(door)
        assert [job.kind for job in door.serving.worker.jobs()] == ["read"]
        assert inbox_of(door) == []


@pytest.mark.parametrize(
    ("fields", "files", "status", "says"),
    [
        ({"form_token": "wrong"}, [("m.mbox", MAILS)], 403, "this form is too old"),
        ({}, [], 422, "no file was chosen"),
        ({}, [("empty.mbox", b"")], 422, "there is nothing in this file"),
        ({"us": "anna@"}, [("m.mbox", MAILS)], 422, "anna@"),
        ({}, [("large.mbox", b"x" * 20_001)], 413, "more than 2e-05 GB"),
    ],
)
def test_what_cannot_be_taken_in_leaves_nothing(
    tmp_path: Path, fields: dict[str, str], files: list[tuple[str, bytes]], status: int, says: str
) -> None:
    with serve_new(tmp_path, Settings(largest_upload=20_000)) as door:
        form = {"form_token": door.form_token, "once": "once-once-once-once", **fields}
        parts = [("files", each) for each in files] or [("files", ("", b""))]
        answer = door.client.post("/bring", data=form, files=parts)
        assert answer.status_code == status
        assert says in answer.text
        assert door.serving.worker.jobs() == []
        assert inbox_of(door) == []


def test_a_torn_form_leaves_nothing(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        head = {"content-type": "multipart/form-data; boundary=xyz", "x-form-token": door.form_token}
        part = b'--xyz\r\nContent-Disposition: form-data; name="files"; filename="m.mbox"\r\n\r\nFrom x\n'
        for body in (part, b"no form at all", b"--xyz\r\nContent-Disposition\r\n\r\n", b""):
            assert door.client.post("/bring", content=body, headers=head).status_code == 400
        assert door.client.post("/bring", content=b"x", headers={"x-form-token": door.form_token}).status_code == 415
        assert inbox_of(door) == []


def test_what_waits_is_private_and_goes_on_when_the_book_is_served_again(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        door.serving.worker.close()
        assert send(door, ("m.mbox", MAILS), us=ANNA)[0] == 200
        (waiting,) = inbox_of(door)
        assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    assert waiting.is_file()
    with serve_new(tmp_path) as door:
        finish(door)
        assert "3 new messages" in words_of(door, "/welcome")
        assert door.serving.keeper.store.settings("us") == [ANNA]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.duckdb"]


def test_what_is_none_of_the_forms_says_what_it_is_and_what_there_are(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        send(door, ("cat.png", b"\x89PNG\r\n\x1a\n" + b"0" * 300))
        finish(door)
        shown = words_of(door, "/bring")
        assert "failed" in shown
        assert "cat.png: is a picture" in shown
        assert "troth read --explain" in shown
        assert str(tmp_path) not in shown
        job = door.serving.worker.jobs()[0]
        door.client.post(f"/bring/jobs/{job.job_id}/drop", data={"form_token": door.form_token})
        assert door.serving.worker.jobs() == []


def test_a_stopped_import_keeps_its_file_until_it_is_thrown_away(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        door.serving.worker.close()
        send(door, ("m.mbox", MAILS))
        (job,) = door.serving.worker.jobs()
        for act, state in (("stop", "stopped"), ("on", "waiting"), ("stop", "stopped")):
            door.client.post(f"/bring/jobs/{job.job_id}/{act}", data={"form_token": door.form_token})
            assert [each.state for each in door.serving.worker.jobs()] == [state]
        assert "Throw away with its file" in words_of(door, "/bring")
        assert len(inbox_of(door)) == 1
        door.client.post(f"/bring/jobs/{job.job_id}/drop", data={"form_token": door.form_token})
        assert (door.serving.worker.jobs(), inbox_of(door)) == ([], [])


def test_the_whole_book_is_written_learned_from_and_worked_out_beside_the_requests(tmp_path: Path) -> None:
    with serve_new(tmp_path) as door:
        send(door, ("m.mbox", MAILS))
        finish(door)
        for kind in ("leave", "understand"):
            form = {"form_token": door.form_token, "once": f"{kind}-{kind}-{kind}-{kind}"}
            assert door.client.post(f"/bring/{kind}", data=form).status_code == 200
        finish(door)
        jobs = {job.kind: job for job in door.serving.worker.jobs()}
        assert {job.state for job in jobs.values()} == {"done"}
        answer = door.client.get(f"/bring/jobs/{jobs['leave'].job_id}/file")
        assert answer.content[:2] == b"PK"
        (tmp_path / "out.zip").write_bytes(answer.content)
        with troth.open(settings=Settings()) as other:
            import zipfile  # noqa: PLC0415

            zipfile.ZipFile(tmp_path / "out.zip").extractall(tmp_path / "out")
            assert other.read(tmp_path / "out").added == 3
        door.client.post(f"/bring/jobs/{jobs['leave'].job_id}/drop", data={"form_token": door.form_token})
        assert door.client.get(f"/bring/jobs/{jobs['leave'].job_id}/file").status_code == 404


def test_members_of_a_team_bring_nothing_in_and_owners_take_no_book_out(sample_file: Path) -> None:
    with serve_copy(sample_file) as serving:
        for role, pages in ((Role.member, {403}), (Role.owner, {200})):
            client = TestClient(make_app(serving), base_url="http://127.0.0.1")
            secret = serving.sessions.begin(Visitor(name="x", role=role, person="anna@brimholt.example"))
            client.cookies.set(serving.cookie, secret)
            assert {client.get(path).status_code for path in ("/welcome", "/bring")} == pages
            assert "/bring/leave" not in client.get("/bring").text
            assert client.get("/bring/jobs/x/file").status_code == 403


def test_it_works_in_a_browser_with_a_bar_and_without_scripts(tmp_path: Path) -> None:
    """One page with scripts, by drop and poll; one without, by a plain form. Nothing that axe calls wrong."""
    (tmp_path / "m.mbox").write_bytes(MAILS)
    (tmp_path / "book").mkdir()
    with serve_new(tmp_path / "book") as door, listen(door.serving) as address, start_browser() as browser:
        with watch(browser, address) as seen:
            page = seen.page
            page.goto(f"{address}/in?token={door.serving.keys.make()}")
            assert page.url == f"{address}/welcome"
            page.set_input_files("input[type=file]", str(tmp_path / "m.mbox"))
            page.click("form.upload button")
            page.wait_for_selector("section.first", timeout=60_000)  # came by itself
            assert not Axe().run(page).response["violations"]
            page.goto(f"{address}/bring")
            assert not Axe().run(page).response["violations"]
            assert (seen.wrong, seen.left) == ([], [])
        with watch(browser, address, java_script_enabled=False) as plain:
            plain.page.goto(f"{address}/in?token={door.serving.keys.make()}")
            plain.page.goto(f"{address}/bring")
            plain.page.set_input_files("input[type=file]", str(tmp_path / "m.mbox"))
            plain.page.click("form.upload button")
            assert plain.page.url == f"{address}/bring"
        finish(door)
        assert [job.state for job in door.serving.worker.jobs()] == ["done", "done"]
