"""Who may see what: the rule of one's own view, and every route against every role."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from served import ADDRESS, serve_copy

from troth.lenses import LENSES
from troth.pipeline import Standing, Understood
from troth.promises.listing import LISTED
from troth.schema import TABLES, conform
from troth.settings import Settings
from troth.trust import DEFAULT_MODEL
from troth.web.access import ALLOWED, OBJECTS, Need, Reach, Role, Visitor
from troth.web.app import Serving, make_app, need_of
from troth.web.narrow import NARROWED, SHARED, OwnViews, list_names, narrow
from troth.web.pages import ROUTERS
from troth.web.pages.relationship import Others, place_others
from troth.web.sessions import MemorySessions, make_form_token
from troth.web.tokens import list_tokens
from troth.web.view import View

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
ANNA, BOB, CARLA = (f"{name}@firm.example" for name in ("anna", "bob", "carla"))
OURS = (ANNA, BOB, CARLA)
THEIRS = ("kim@acme.example", "lee@acme.example", "ole@gmail.com")
SCHEMAS = {**TABLES, "listed": LISTED, "history": TABLES["promise_history"]}


def rows(name: str, *given: Mapping[str, Any]) -> pa.Table:
    """A table of the schema; what must be there and is not stated gets something plain."""
    schema = SCHEMAS[name]
    plain = {pa.string(): "x", pa.int64(): 0, pa.int32(): 0, pa.float32(): 0.5, pa.float64(): 0.0, pa.bool_(): False}
    usual = {f.name: plain.get(f.type, NOON) for f in schema if not f.nullable}
    return conform([usual | dict(row) for row in given], schema) if given else schema.empty_table()


def view_of(turns: pa.Table, *, people: Mapping[str, tuple[str, ...]] | None = None, **tables: pa.Table) -> View:
    """A view over tables; what is not stated is empty."""
    taken = {name: tables.get(name, rows(name)) for name in SCHEMAS}
    plain = {each.name: taken.get(each.name, pa.table({})) for each in fields(View) if each.type == "pa.Table"}
    return View(
        **(plain | {"figures": taken["team_figures"], "editions": taken["worth_figures"]}),
        made_at=NOON, day=None, morning=NOON.date(), whose="firm.example", grounds="", zone="UTC", close=None,
        known=Understood(turns=turns, sentences=taken["sentences"], findings=taken["findings"]),
        standing=Standing(
            now=NOON, promises=taken["promises"], questions=taken["questions"], readings=taken["readings"]
        ),
        rows=[], model=DEFAULT_MODEL, segments={}, lenses=LENSES,
        settings=Settings(people=dict(people or {})),
    )  # fmt: skip


def turn(
    turn_id: str, speaker: str, talk: str, to: list[str], cc: list[str], *, channel: str = "mail"
) -> dict[str, Any]:
    is_ours = speaker in OURS
    facing = next((who for who in [speaker, *to, *cc] if who not in OURS), None)
    return {
        "turn_id": turn_id, "conversation_id": talk, "sent_at": NOON, "speaker": speaker, "recipients": to, "cc": cc,
        "channel": channel, "body": f"needle {turn_id}", "side": "us" if is_ours else "them",
        "circle": "colleague" if facing is None else "customer",
        "relationship": "team" if facing is None else facing.rpartition("@")[2],
    }  # fmt: skip


BOX = "support@firm.example"
people = st.sampled_from([*OURS, *THEIRS])
named = st.sampled_from([*OURS, *THEIRS, BOX])
channels = st.sampled_from(["mail", "mail", "chat", "ticket"])
Drawn = list[tuple[str, str, list[str], list[str], str]]
turns_drawn = st.lists(
    st.tuples(people, st.sampled_from("ABC"), st.lists(named, max_size=2), st.lists(named, max_size=2), channels),
    min_size=1, max_size=9,
)  # fmt: skip


def everything_about(drawn: Drawn, pointers: list[int]) -> View:
    """A view in which every turn holds a sentence, a finding, a promise, a question and a reading, each of which
    points to another turn and repeats its words."""
    turns = [turn(f"t{n}", *each[:4], channel=each[4]) for n, each in enumerate(drawn)]
    aimed = [f"t{pointers[n % len(pointers)] % len(turns)}" for n in range(len(turns))]
    of: dict[str, list[dict[str, Any]]] = {name: [] for name in ("sentences", "findings", "promises", "questions")}
    readings: list[dict[str, Any]] = []
    for one, other in zip(turns, aimed, strict=True):
        same = {"turn_id": one["turn_id"], "text": one["body"], "relationship": one["relationship"],
                "circle": one["circle"], "side": one["side"]}  # fmt: skip
        of["sentences"].append({**same, "sentence": 0})
        of["findings"].append({**same, "sentence": 0, "signal": "gives_reason"})
        of["promises"].append({**same, "promise_id": f"p{one['turn_id']}", "state": "kept", "actor": one["speaker"],
                               "evidence_turn_id": other, "evidence_text": f"needle {other}", "origin_turn_id": other,
                               "replaced_by": f"p{other}", "said_at": NOON})  # fmt: skip
        of["questions"].append({**same, "question_id": f"q{one['turn_id']}", "kind": "HR", "state": "open",
                                "act": "asks", "answer_turn_id": other, "answer_text": f"needle {other}"})  # fmt: skip
        readings.append({**same, "facet": "RS", "lo": 0.0, "hi": 0.0, "v": 1.0, "slope": 1.0, "alpha": 0.0,
                         "beta": 1.0, "at": NOON, "signal": "turn"})  # fmt: skip
    readings.append({"relationship": "acme.example", "facet": "HR", "at": NOON})  # of an answer: no turn is behind it
    tables = {name: rows(name, *found) for name, found in of.items()}
    listed = rows("listed", *({**row, "id": row["promise_id"]} for row in of["promises"]))
    history = rows("history", *({**row, "as_of": NOON, "noted_at": NOON} for row in of["promises"]))
    answers = rows("answers", {"answer_id": "a", "relationship": "acme.example", "person": THEIRS[0]})
    return view_of(
        rows("turns", *turns), readings=rows("readings", *readings), listed=listed, history=history, answers=answers,
        outcomes=rows("outcomes", {"outcome_id": "o", "relationship": "acme.example"}), **tables,
    )  # fmt: skip


@hypothesis_settings(max_examples=60)
@given(turns_drawn, st.lists(st.integers(0, 8), min_size=1, max_size=9), st.sampled_from(OURS))
def test_nothing_in_a_view_is_from_where_its_person_took_no_part(
    drawn: Drawn, pointers: list[int], person: str
) -> None:
    """By another road: the rule in plain loops over the turns, and every word anywhere in the view."""
    whole = everything_about(drawn, pointers)
    own = narrow(whole, person)
    wrote_in = {talk for speaker, talk, *_ in drawn if speaker == person}
    of_firm = {one for one, *_ in drawn if one in OURS}
    seen, read, homes = set(), set(), set()
    for n, (speaker, talk, to, cc, channel) in enumerate(drawn):
        named = {*to, *cc}
        is_sent_to_the_firm = speaker not in OURS and BOX in named and bool(of_firm) and not named & set(OURS)
        is_open = channel == "chat" or (channel == "ticket" and not named) or is_sent_to_the_firm
        if speaker == person or person in named or (talk in wrote_in and is_open):
            seen.add(f"t{n}")
            homes.add((talk, turn("", speaker, talk, to, cc)["relationship"]))
            if speaker == person or (speaker not in OURS and (talk in wrote_in or person in to)):
                read.add(f"t{n}")
    between: dict[str, int] = {}
    for n, (speaker, talk, to, cc, _) in enumerate(drawn):
        if f"t{n}" not in seen and (talk, turn("", speaker, talk, to, cc)["relationship"]) in homes:
            between[talk] = between.get(talk, 0) + 1
    assert own.between.to_pylist() == [
        {"conversation_id": talk, "day": NOON.date(), "count": count} for talk, count in sorted(between.items())
    ]
    assert set(own.known.turns["turn_id"].to_pylist()) == seen
    for table in (own.known.findings, own.standing.promises, own.standing.questions, own.standing.readings, own.listed):
        assert set(table["turn_id"].to_pylist()) == read
    hidden = [f"t{n}" for n in range(len(drawn)) if f"t{n}" not in seen]
    told = repr([getattr(own, each.name) for each in fields(own) if each.name not in SHARED])
    tables = (own.known.turns, own.known.sentences, own.standing.promises, own.standing.questions, own.listed,
              own.history, own.relationships, own.standing.readings)  # fmt: skip
    told += repr([table.to_pylist() for table in tables])
    assert not [turn_id for turn_id in hidden if f"needle {turn_id}'" in told or f"'{turn_id}'" in told]
    assert (own.answers.num_rows, own.outcomes.num_rows, own.contacts.num_rows) == (0, 0, 0)
    homes = {row["relationship"] for row in whole.known.turns.to_pylist() if row["turn_id"] in read}
    assert {row["relationship"] for row in own.rows} == homes


def test_writing_into_a_thread_of_mail_opens_nothing_of_it() -> None:
    """A reply that was made up, with the thread's own references, shows what was sent to its writer and no more."""
    kim, day = THEIRS[0], dt.timedelta(days=1)
    thread = [
        turn("asked", kim, "A", [ANNA], []), turn("told", ANNA, "A", [kim], []),
        turn("asked again", kim, "A", ["Support@firm.example", ANNA], []), turn("told again", ANNA, "A", [kim], []),
        turn("about it", ANNA, "A", [CARLA], []), turn("pushed in", BOB, "A", [kim], []),
        turn("to the firm", kim, "A", ["support@firm.example"], []), turn("in copy", kim, "A", [ANNA], [BOB]),
    ]  # fmt: skip
    placed = [each | {"position": n, "sent_at": NOON + n * day} for n, each in enumerate(thread)]
    own = narrow(view_of(rows("turns", *placed)), BOB)
    assert own.known.turns["turn_id"].to_pylist() == ["pushed in", "to the firm", "in copy"]
    assert own.known.turns["position"].to_pylist() == [0, 1, 2]  # a gap would say how many others there are
    days = [(NOON + n * day).date() for n in range(4)]  # that Anna spoke of it to Carla is not told
    told = [{"conversation_id": "A", "day": each, "count": 1} for each in days]
    assert own.between_in.rows("A").to_pylist() == told
    others = place_others(own.between, own.known.turns, 0, 3, zone="UTC")
    assert others == {0: Others(first=days[0], last=days[3], count=4)}
    assert place_others(own.between, own.known.turns, 1, 3, zone="UTC") == {}
    earlier = placed[5] | {"sent_at": NOON + day}
    assert place_others(own.between, rows("turns", earlier), 0, 1, zone="UTC") == {
        0: Others(first=days[0], last=days[0], count=1), 1: Others(first=days[1], last=days[3], count=3),
    }  # fmt: skip


def test_the_sole_user_sees_the_whole_book() -> None:
    whole = everything_about([(ANNA, "A", [THEIRS[0]], [], "mail"), (BOB, "B", [THEIRS[1]], [], "mail")], [0])
    assert narrow(whole, None) is whole


def test_a_part_of_a_view_that_nobody_placed_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds a field to View says in narrow who may see it."""
    assert {each.name for each in fields(View) if each.init} == SHARED | NARROWED
    monkeypatch.setattr("troth.web.narrow.NARROWED", NARROWED - {"standing"})
    with pytest.raises(RuntimeError, match="who may see standing"):
        narrow(everything_about([(ANNA, "A", [BOB], [], "mail")], [0]), ANNA)


def test_own_views_are_bounded_and_made_once() -> None:
    whole = everything_about([(ANNA, "A", [THEIRS[0]], [], "mail")], [0])
    assert narrow(whole, ANNA) is narrow(whole, ANNA)
    for n in range(70):
        narrow(whole, f"p{n}@firm.example")
    assert len(whole.own) <= 64


def test_names_are_joined_by_what_was_stated_and_by_systems_of_record_alone() -> None:
    contacts = rows(
        "contacts",
        {"contact_id": "1", "kind": "person", "address": ANNA, "handle": "slack:U1", "phone": "+491"},
        {"contact_id": "2", "kind": "person", "address": BOB, "handle": "slack:U2", "phone": "+499"},
        {"contact_id": "3", "kind": "person", "address": ANNA, "phone": "+499"},  # the firm's own line
        {"contact_id": "4", "kind": "person", "name": "Anna Weber", "handle": "Anna Weber"},
    )
    stated = {"Anna": (ANNA, "a.weber@firm.example"), "Bob": (BOB, "Anna Weber", "slack:U1")}
    assert list_names(ANNA, people={}, contacts=contacts) == {ANNA, "slack:U1", "+491"}
    assert list_names(ANNA, people=stated, contacts=contacts) == {ANNA, "a.weber@firm.example", "+491"}
    shared = {"Anna": (ANNA, "the desk phone"), "Bob": (BOB, "the desk phone")}
    assert list_names(ANNA, people=shared, contacts=rows("contacts")) == {ANNA}
    assert BOB not in list_names(ANNA, people={"Bob": (BOB,)}, contacts=contacts)


def test_a_member_without_a_person_cannot_be() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Visitor(name="x", role=Role.owner)
    with pytest.raises(ValueError, match="cannot be"):
        Visitor(name="x", role=Role.sole, person=ANNA)


# Every route, walked.

ROLES = {role: Visitor(name=role, role=role, person=None if role is Role.sole else ANNA) for role in Role}
ANNA_OF_THE_SAMPLE, OTHER = "anna@brimholt.example", "gesa@brimholt.example"
OWNER = Visitor(name="o", role=Role.owner, person="mats@brimholt.example")


def all_routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def test_every_part_of_an_address_has_a_row() -> None:
    parts = {part for route in all_routes() for part in route.param_convertors}
    assert parts <= set(OBJECTS), "say in access.OBJECTS what this names, and how far it is told apart"


def test_owners_of_the_machine_room_see_no_content_and_members_no_team() -> None:
    assert Need.team not in ALLOWED[Role.owner]
    assert all(Need.store not in ALLOWED[role] for role in Role if role is not Role.sole)
    assert {role for role in Role if Need.manage in ALLOWED[role]} == {Role.sole, Role.owner}


@pytest.fixture(scope="module")
def team(sample_file: Any) -> Iterator[Serving]:
    """A copy of the sample, to be hit with everything."""
    with serve_copy(sample_file) as served:
        yield served


def ask_as(client: TestClient, served: Serving, visitor: Visitor | None, method: str, path: str) -> Response:
    """One request in a session of its own, as some of them end the session."""
    client.cookies.clear()
    if visitor is None:
        return client.request(method, path)
    secret = served.sessions.begin(visitor)
    client.cookies.set(served.cookie, secret)
    return client.request(method, path, headers={"x-form-token": make_form_token(secret)})


@pytest.fixture(scope="module")
def client(team: Serving) -> TestClient:
    return TestClient(make_app(team), base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=False)


def calls() -> list[tuple[str, APIRoute]]:
    return [(method, route) for route in all_routes() for method in sorted(route.methods or ())]


def things(view: View) -> dict[str, str]:
    """For each part of an address something that is in this view."""
    turns, promises, questions = view.known.turns, view.listed, view.standing.questions
    of_turns = {"turn": turns["turn_id"], "turn_id": turns["turn_id"], "conversation": turns["conversation_id"]}
    found = {
        "name": view.relationships["relationship"], "relationship": view.relationships["relationship"], **of_turns,
        "promise": promises["promise_id"], "promise_id": promises["promise_id"],
        "question": questions["question_id"], "question_id": questions["question_id"],
    }  # fmt: skip
    plain = {"day": "2026-11-20", "period": "2026-10", "table": "turns", "ending": "csv"}
    return {part: column[0].as_py() for part, column in found.items() if len(column)} | plain


def path_of(route: APIRoute, named: Mapping[str, str]) -> str:
    from urllib.parse import quote  # noqa: PLC0415

    path = route.path
    for part in route.param_convertors:
        path = path.replace("{" + part + "}", quote(named.get(part, "nothing"), safe=""))
        path = path.replace("{" + part + ":whole}", quote(named.get(part, "nothing"), safe=""))
    return path


@pytest.mark.parametrize("role", [None, *Role], ids=str)
def test_every_route_lets_in_whom_the_table_says_and_nobody_else(
    team: Serving, client: TestClient, role: Role | None
) -> None:
    visitor = None if role is None else replace(ROLES[role], person=None if role is Role.sole else ANNA_OF_THE_SAMPLE)
    named = things(team.keeper.view())
    wrong: list[str] = []
    for method, route in calls():
        need = need_of(route)
        if route.path.endswith("/transactions") and visitor is not None and visitor.may(need):
            continue  # it begins one, and everybody else would wait for its end
        status = ask_as(client, team, visitor, method, path_of(route, named)).status_code
        may = need is Need.nothing or (visitor is not None and visitor.may(need))
        refused = 403 if visitor is not None else 401
        if (
            status >= 500
            or (not may and status != refused)
            or (may and need is not Need.nothing and status in {401, 403})
        ):
            wrong.append(f"{method} {route.path} for {role}: {status}, and {'may' if may else 'may not'}")
    assert not wrong


def test_what_belongs_to_others_is_not_there(team: Serving, client: TestClient) -> None:
    """Every page that a member may open, for things that are another's: no word of them, and not found where named."""
    view = team.keeper.view()
    mine = narrow(view, OTHER)
    own = set(mine.known.turns["turn_id"].to_pylist())
    foreign = [row for row in view.known.sentences.to_pylist() if row["turn_id"] not in own and len(row["text"]) > 40]
    shown = " ".join(mine.known.turns["body"].to_pylist())
    needles = [row["text"] for row in foreign if row["text"] not in " ".join(shown.split())]
    assert len(needles) > 100
    others = {
        part: next(value for value in column if value not in set(inner))
        for part, (column, inner) in {
            "name": (names_in(view), names_in(mine)),
            "turn": (view.known.turns["turn_id"].to_pylist(), own),
            "conversation": (view.known.turns["conversation_id"].to_pylist(), mine.turns_in.keys()),
            "promise": (view.listed["promise_id"].to_pylist(), mine.listed["promise_id"].to_pylist()),
            "question": (ids_of(view), ids_of(mine)),
        }.items()
    }
    others |= {
        "relationship": others["name"],
        "day": "2026-11-20",
        "period": "2026-10",
        "table": "turns",
        "ending": "csv",
    }
    others |= {f"{part}_id": others[part] for part in ("turn", "promise", "question")}
    wrong: list[str] = []
    for role in (Role.member, Role.analyst, Role.owner):
        visitor = Visitor(name="x", role=role, person=OTHER)
        for method, route in calls():
            if method not in {"GET", "POST"} or need_of(route) not in {Need.own, Need.decide, Need.team, Need.manage}:
                continue
            if route.path.startswith("/out"):
                continue
            answer = ask_as(client, team, visitor, method, path_of(route, others))
            text = " ".join(answer.text.split())
            leaked = [needle for needle in needles if needle in text]
            is_named = any(OBJECTS[part] is Reach.own for part in route.param_convertors)
            if leaked or (method == "GET" and is_named and answer.status_code != 404 and need_of(route) is Need.own):
                wrong.append(f"{method} {route.path} as {role}: {answer.status_code} {leaked[:1]}")
    assert not wrong


def test_a_token_of_ones_own_sees_what_ones_pages_see_until_it_is_taken_back(team: Serving, client: TestClient) -> None:
    """Every route once in a session and once with a token: the same status, and of the API the same answer."""
    casper = Visitor(name="c", role=Role.member, person="casper@brimholt.example")
    secrets = {person: team.sessions.begin(person) for person in (casper, OWNER, replace(casper, person=OTHER))}

    def send(path: str, who: Visitor, **form: object) -> Response:
        client.cookies.clear()
        headers = {"x-form-token": make_form_token(secrets[who]), "cookie": f"{team.cookie}={secrets[who]}"}
        return client.post(path, data=form, headers=headers)

    assert send("/account/tokens", casper, name="all", may=["own", "team"]).status_code == 422  # no more than oneself
    page = send("/account/tokens", casper, name="mine", may=["own"])
    found = re.search(r"<code>(troth_[\w-]+)</code>", page.text)
    assert found is not None
    bearer = {"authorization": f"Bearer {found[1]}"}
    assert found[1] not in send("/account/tokens/revoke", casper, token_id="nothing").text
    named = {**things(team.keeper.view()), **things(narrow(team.keeper.view(), casper.person))}
    wrong: list[str] = []
    for method, route in calls():
        need, path = need_of(route), path_of(route, named)
        client.cookies.clear()
        if method != "GET" or need is Need.nothing:
            refused = client.request(method, path, headers=bearer).status_code if need is not Need.nothing else 403
            if (refused != 403 and need is not Need.own) or refused >= 500:
                wrong.append(f"{method} {path}: {refused}")
            continue
        shown = client.get(path, headers=bearer)
        mine = client.get(path, headers={"cookie": f"{team.cookie}={secrets[casper]}"})
        is_same = shown.status_code == mine.status_code if need is Need.own else shown.status_code == 403
        if not is_same or (path.startswith("/api/") and need is Need.own and shown.text != mine.text):
            wrong.append(f"{method} {path}: {shown.status_code}, and {mine.status_code} in a browser")
    assert not wrong
    assert client.post("/account/tokens", data={"name": "x", "may": "own"}, headers=bearer).status_code == 403
    kept = list_tokens(team.keeper.store, of=casper)
    assert [(one.name, one.person) for one in kept] == [("mine", casper.person)]
    stranger, owner = replace(casper, person=OTHER), OWNER
    assert "mine" not in client.get("/account", headers={"cookie": f"{team.cookie}={secrets[stranger]}"}).text
    assert send("/account/tokens/revoke", stranger, token_id=kept[0].token_id).status_code == 422
    client.cookies.clear()
    assert client.get("/api/v1/turns", headers=bearer).status_code == 200
    assert send("/settings/tokens/revoke", owner, token_id=kept[0].token_id).status_code == 303
    client.cookies.clear()
    assert client.get("/api/v1/turns", headers=bearer).status_code == 401  # at once


def test_deciding_a_promise_tells_nothing_from_where_one_took_no_part(team: Serving, client: TestClient) -> None:
    """What showed that casper's promise was kept was said where casper was not."""
    casper, words = "casper@brimholt.example", "The credit note over EUR 2,980.00 is attached."
    whole, mine = team.keeper.view(), narrow(team.keeper.view(), casper)
    theirs = {row["promise_id"]: row for row in whole.listed.to_pylist() if row["evidence_text"] == words}
    promise = next(name for name in mine.listed["promise_id"].to_pylist() if name in theirs)
    secret = team.sessions.begin(Visitor(name="c", role=Role.member, person=casper))
    client.cookies.clear()
    client.cookies.set(team.cookie, secret)
    headers = {"x-form-token": make_form_token(secret)}
    for state in (None, "undone"):
        path = f"/api/v1/promises/{promise}/decisions"
        told = client.post(path, json={"state": state}, headers=headers)
        assert told.status_code == 200
        assert (told.json()["promise_id"], told.json()["evidence_text"]) == (promise, None)
    for state in ("yes", "undo"):
        form = {"state": state, "back": "/promises"}
        page = client.post(f"/promises/{promise}", data=form, headers=headers | {"hx-request": "true"})
        assert page.status_code == 200
        assert promise in page.text
        assert words not in page.text
    back = {"state": "yes", "back": "/promises?who=\u0141ukasz\r\nX-Evil: 1"}
    led = client.post(f"/promises/{promise}", data=back, headers=headers | {"hx-request": "true"})
    assert led.headers["hx-redirect"].startswith("/promises?who=%C5%81ukasz%0D%0AX-Evil")
    assert "x-evil" not in led.headers


def names_in(view: View) -> list[str]:
    return view.relationships["relationship"].to_pylist()


def ids_of(view: View) -> list[str]:
    return view.standing.questions["question_id"].to_pylist()


def test_a_route_that_says_nothing_of_its_need_is_not_served(serving: Serving) -> None:
    router = APIRouter()
    router.add_api_route("/open", lambda: "words of others")
    with pytest.raises(RuntimeError, match="must say once"):
        make_app(serving, routers=[router])


def test_a_token_does_no_more_than_it_was_given_for() -> None:
    token = replace(ROLES[Role.analyst], needs=frozenset({Need.own}))
    assert token.may(Need.own)
    assert not token.may(Need.team)
    assert not replace(ROLES[Role.member], needs=frozenset(Need)).may(Need.team)


# Sessions.


def test_sessions_end_unused_and_at_last_in_any_case() -> None:
    now = NOON
    sessions = MemorySessions(lambda: now, idle=dt.timedelta(hours=1), longest=dt.timedelta(hours=12))
    secret = sessions.begin(ROLES[Role.member])
    for _ in range(12):
        now += dt.timedelta(minutes=59)
        assert sessions.find(secret) is not None
    now += dt.timedelta(minutes=30)
    assert sessions.find(secret) is None
    other = sessions.begin(ROLES[Role.member])
    now += dt.timedelta(minutes=61)
    assert sessions.count(ROLES[Role.member]) == 0
    assert sessions.find(other) is None


def test_signing_out_everywhere_ends_ones_own_sessions_alone() -> None:
    sessions = MemorySessions(lambda: NOON)
    mine = [sessions.begin(ROLES[Role.member]) for _ in range(30)]
    other = sessions.begin(replace(ROLES[Role.member], person=BOB))
    assert sessions.count(ROLES[Role.member]) == 10  # the ones unused for longest made room
    assert sessions.end_all(ROLES[Role.member]) == 10
    assert not any(sessions.find(secret) for secret in mine)
    assert sessions.find(other) is not None
    assert not [secret for secret in mine if secret in repr(vars(sessions))]  # hashes alone are kept


def test_a_colleagues_address_is_nobodys_handle() -> None:
    contacts = rows(
        "contacts", {"address": ANNA, "handle": BOB, "phone": CARLA}, {"address": ANNA, "handle": "slack:U1"}
    )
    assert list_names(ANNA, people={}, contacts=contacts) == {ANNA, "slack:U1"}


def test_nobody_waits_for_the_view_of_another() -> None:
    views, begun, go_on = OwnViews(), threading.Event(), threading.Event()
    whole = view_of(rows("turns"))
    made: list[str] = []

    def slow() -> View:
        made.append("slow")
        begun.set()
        assert go_on.wait(10)
        return whole

    with ThreadPoolExecutor() as pool:
        first = pool.submit(views.find, ANNA, slow)
        assert begun.wait(10)
        second = pool.submit(views.find, ANNA, slow)
        assert pool.submit(views.find, BOB, lambda: whole).result(timeout=10) is whole
        go_on.set()
        assert first.result(timeout=10) is second.result(timeout=10) is whole
    assert made == ["slow"]
    with pytest.raises(ZeroDivisionError):
        views.find(CARLA, lambda: 1 // 0)  # type: ignore[arg-type]  # it never returns
    assert views.find(CARLA, lambda: whole) is whole
