"""One relationship as a page, its pictures, its conversations with marks, and contesting what was found."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Door, enter, serve_copy

import troth
from troth.lenses import LENSES
from troth.plain import clean_text
from troth.settings import Settings
from troth.text import find_parts
from troth.web.marking import Note, list_found, make_notes, mark_body
from troth.web.start import make_serving
from troth.web.talks import anchor_of, find_talk, talk_at

NAME = "hogsby.example"
HOME = f"/relationships/{NAME}"
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
EVIL = '<script>alert(1)</script><img src=x onerror="x()">\u202e\x1b[2J'
LONG = "long/talk?a=1#b"


@pytest.fixture(scope="module")
def strange() -> Iterator[Door]:
    """A book with a conversation of 120 turns, a turn of a quarter million characters, and markup everywhere."""
    with troth.open(settings=Settings(us=("firm.example",), zone="UTC")) as book:
        rows = [
            {"turn_id": f"<{n}/a?b#c>", "conversation_id": LONG, "position": n, "speaker": "x@evil.example",
             "speaker_name": EVIL, "recipients": ["tom@firm.example"], "channel": "mail", "subject": EVIL,
             "body": f"{EVIL} Could you prove number {n} please? Thank you.", "sent_at": NOON + dt.timedelta(minutes=n)}
            for n in range(120)
        ]  # fmt: skip
        rows.append(rows[0] | {"turn_id": "big", "conversation_id": "big", "position": 999, "body": "word " * 50_000})
        book.add(rows)
        serving = make_serving(book.store, book.settings)
        try:
            serving.keeper.view()
            with enter(serving) as door:
                yield door
        finally:
            serving.keeper.close()


def text_of(page: str) -> str:
    """What the words of a page's messages are, without its own numbers."""
    found = re.findall(r'<div class="text" dir="auto">(.*?)</div>', page, re.DOTALL)
    bare = [re.sub(r'<a class="ref".*?</a>|<summary>.*?</summary>', "", one) for one in found]
    return "\x00".join(html.unescape(re.sub(r"<[^>]+>", "", one)) for one in bare)


@pytest.mark.parametrize("lens", ["triangle", "experience", "equation", "equation_held", "nonsense"])
def test_each_lens_opens_with_its_pillars(door: Door, lens: str) -> None:
    page = door.client.get(HOME, params={"lens": lens, "of": "held"})
    assert page.status_code == 200
    chosen = LENSES.get(lens, LENSES["triangle"])
    for pillar in chosen.pillars:
        assert f"of={quote(chosen.name + '.' + pillar.name)}" in page.text
    assert len(page.content) < 300_000


def test_the_page_says_what_the_library_says(door: Door) -> None:
    trust, page = door.serving.keeper.view().trust(NAME), door.client.get(HOME).text
    ratio, wobble = trust.equation("HELD"), trust.wobble()
    assert ratio is not None
    assert wobble is not None
    assert f"{ratio.low:.1f} to {ratio.high:.1f}" in page
    assert ("No clear wobble" in page) == (wobble.pillar is None)
    assert f"{wobble.probability:.2f}" in page
    shares = re.findall(r'<td class="n[^"]*">([+−][0-9.]+)</td>', page)
    total = re.search(r"moved by ([+−][0-9.]+) standard", page)
    assert total is not None
    assert sum(float(share.replace("−", "-")) for share in shares) == pytest.approx(
        float(total[1].replace("−", "-")), abs=0.015
    )


def test_what_is_not_there_is_not_found(door: Door) -> None:
    for path in (
        "/relationships/nobody",
        f"{HOME}?of=nonsense",
        f"{HOME}/conversations/none",
        "/relationships/x/path.json",
    ):
        assert door.client.get(path).status_code == 404
    other = next(name for name in door.serving.keeper.view().by_name if name != NAME)
    talk = door.serving.keeper.view().talks_of.rows(NAME)["conversation_id"][0].as_py()
    assert door.client.get(f"/relationships/{other}/conversations/{quote(talk, safe='')}").status_code == 404


@pytest.mark.parametrize("what", ["path", "why"])
def test_pictures_are_small_and_can_be_saved(door: Door, what: str) -> None:
    answer = door.client.get(f"{HOME}/{what}.json", params={"theme": "dark", "width": 320, "of": "held"})
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.content) < 80_000
    assert "vega-lite" in answer.json()["$schema"]
    for form, start in (("svg", b"<svg"), ("png", b"\x89PNG"), ("csv", b"")):
        saved = door.client.get(f"{HOME}/{what}", params={"form": form})
        assert saved.content.startswith(start)
        assert f'filename="{what}.{form}"' in saved.headers["content-disposition"]
    rows = door.client.get(f"{HOME}/{what}", params={"form": "csv"}).text
    assert len(list(csv.reader(io.StringIO(rows)))) > 3
    assert door.client.get(f"{HOME}/{what}.json", params={"width": 5}).status_code == 422


def test_pages_are_served_without_the_chart_library() -> None:
    code = "import sys, troth.web.start, troth.web.app; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_conversation_stands_in_its_own_words(door: Door) -> None:
    view = door.serving.keeper.view()
    marks = 0
    for talk in view.talks_of.rows(NAME)["conversation_id"].to_pylist():
        page = door.client.get(f"{HOME}/conversations/{quote(talk, safe='')}")
        assert page.status_code == 200
        bodies = [clean_text(body) for body in view.turns_in.rows(talk)["body"].to_pylist()]
        assert text_of(page.text) == "\x00".join(bodies)
        links = re.findall(r'<a class="ref" id="[\w-]+" href="#([\w-]+)"', page.text)
        assert all(f'id="{link}"' in page.text for link in links)
        marks += len(links)
    assert marks > 20


def test_a_sentence_is_linked_to_its_message(door: Door) -> None:
    view = door.serving.keeper.view()
    turn_id = view.turns_of.rows(NAME)["turn_id"][5].as_py()
    address = find_talk(view, turn_id)
    assert address is not None
    assert f'id="{anchor_of(turn_id)}"' in door.client.get(address).text
    assert address.endswith(anchor_of(turn_id))


def test_words_of_strangers_do_nothing(strange: Door) -> None:
    name = next(iter(strange.serving.keeper.view().by_name))
    pages = [
        f"/relationships/{name}",
        talk_at(name, LONG, None),
        f"/relationships/{name}?of={quote(EVIL)}&after={quote(EVIL)}",
    ]
    for path in pages:
        text = strange.client.get(path).text
        assert not {"<script>alert", "<img", "\u202e", "\x1b"} & {
            bad for bad in ("<script>alert", "<img", "\u202e", "\x1b") if bad in text
        }
    assert "&lt;script&gt;" in strange.client.get(pages[1]).text


def test_a_long_conversation_is_read_page_by_page(strange: Door) -> None:
    name = next(iter(strange.serving.keeper.view().by_name))
    path, seen = talk_at(name, LONG, None), list[str]()
    while path:
        page = strange.client.get(path).text
        seen += re.findall(r"prove number (\d+) please", text_of(page))
        assert len(page) < 300_000
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(following[1]) if following else ""
    assert seen == [str(n) for n in range(120)]
    opened = strange.client.get(talk_at(name, LONG, "<77/a?b#c>")).text
    assert f'id="{anchor_of("<77/a?b#c>")}"' in opened
    assert 'rel="prev"' in opened


def test_a_very_long_message_is_cut_and_can_be_shown_whole(strange: Door) -> None:
    name = next(iter(strange.serving.keeper.view().by_name))
    page = strange.client.get(talk_at(name, "big", None)).text
    whole = re.search(r'href="([^"]+alone=[^"]+)"', page)
    assert whole is not None
    assert len(text_of(page)) == 12_000
    assert len(text_of(strange.client.get(html.unescape(whole[1])).text)) == 200_000


def test_contesting_takes_a_finding_out_until_it_is_decided(sample_file: Path) -> None:
    with serve_copy(sample_file) as serving, enter(serving) as door:
        view = serving.keeper.view()
        turn, found = next(
            (turn, one)
            for turn in view.turns_of.rows(NAME).to_pylist()
            for spans in list_found(view.findings_of.rows(turn["turn_id"]).to_pylist(), turn["side"]).items()
            for one in [(spans[0], spans[1][0])]
            if turn["side"] == "us" and not one[1].is_graded
        )
        span, signal = found
        talk = talk_at(NAME, turn["conversation_id"], turn["turn_id"])
        form = {"turn": turn["turn_id"], "of": signal.signal, "start": span[0], "act": "contest", "note": EVIL}
        target = f"{HOME}/findings"
        assert door.client.post(target, data=form).status_code == 403
        form["form_token"] = door.form_token
        assert door.client.post("/relationships/other/findings", data=form).status_code == 404
        assert door.client.post(target, data=form | {"turn": "nowhere"}).status_code == 404
        assert door.client.post(target, data=form | {"of": "claim"}).status_code == 422
        assert door.client.post(target, data=form | {"start": "x"}).status_code == 422
        answer = door.client.post(target, data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, talk)
        serving.keeper.renew(fresh=False).result()
        out = serving.keeper.view()
        assert not [
            row for row in out.readings_of.rows(NAME).to_pylist()
            if (row["turn_id"], row["facet"]) == (turn["turn_id"], signal.facet)
        ]  # fmt: skip
        page = door.client.get(talk).text
        assert '<span class="chip contested">' in page
        assert "<script>alert" not in page
        objection = out.objections_of.rows(turn["turn_id"])["objection_id"][0].as_py()
        undo = form | {"act": "undone", "objection": objection}
        assert door.client.post(target, data=undo | {"objection": "o-1"}).status_code == 404
        assert door.client.post(target, data=undo, follow_redirects=False).status_code == 303
        serving.keeper.renew(fresh=False).result()
        assert serving.keeper.view().standing.readings.equals(view.standing.readings)


@given(
    body=st.text(alphabet=st.sampled_from("ab .\n>-"), max_size=60),
    spans=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 70)), max_size=6),
)
def test_pieces_make_up_the_body_and_carry_their_notes(body: str, spans: list[tuple[int, int]]) -> None:
    rows = [{"start": start, "end": end} for start, end in spans]
    notes = make_notes({}, rows, [])
    pieces = mark_body(body, find_parts(body), notes)
    assert "".join(piece.text for piece in pieces) == body
    for note in notes:
        covered = "".join(piece.text for piece in pieces if number_of(note) in {number_of(one) for one in piece.notes})
        assert covered == body[note.start : note.end]
        assert sum(number_of(note) in {number_of(one) for one in piece.ending} for piece in pieces) == bool(covered)


def number_of(note: Note) -> int:
    return note.number
