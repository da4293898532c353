"""Whoever is forgotten stands in no table of the book any more."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow.compute as pc

import troth
from troth.book import open_store
from troth.forgetting import forget_person
from troth.intake import take_batch
from troth.schema import ANSWERS, CONTACTS, TABLES, TURNS, conform
from troth.settings import Settings
from troth.web.audit import Audit, check_book

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
KIM, LEE, ANNA = "kim@acme.example", "lee@acme.example", "anna@firm.example"


def turn(name: str, speaker: str, to: list[str], body: str, cc: list[str] | None = None) -> dict[str, object]:
    return {
        "turn_id": name, "conversation_id": name[0], "position": 1, "speaker": speaker, "recipients": to,
        "cc": cc or [], "channel": "mail", "body": body, "automatic": False, "source": "test", "sent_at": NOW,
    }  # fmt: skip


def test_a_person_leaves_every_table_also_earlier_versions() -> None:
    with open_store() as store:
        said = [
            turn("a1", KIM, [ANNA], "We will pay by Friday."), turn("a2", ANNA, [KIM], "Thank you."),
            turn("b1", ANNA, [KIM, LEE], "We will send it on Monday."), turn("c1", LEE, [ANNA], "Fine.", [KIM]),
        ]  # fmt: skip
        take_batch(store, conform(said, TURNS))
        take_batch(store, conform([turn("b1", ANNA, [KIM, LEE], "We will send it on Tuesday.")], TURNS))
        take_batch(store, conform([turn("c1", LEE, [ANNA], "Fine with me.")], TURNS))
        assert store.table("turn_versions").num_rows == 2
        store.upsert(
            "contacts", conform([{"contact_id": "1", "source": "crm", "kind": "person", "address": KIM}], CONTACTS)
        )
        answer = {
            "answer_id": "x", "relationship": "acme.example", "person": KIM, "item": "HC1", "facet": "HC", "value": 3,
            "lowest": 1, "highest": 5, "answered_at": NOW,
        }  # fmt: skip
        store.upsert("answers", conform([answer], ANSWERS))
        audit = Audit(store, clock=lambda: NOW)
        audit.note("GET /relationships/{name}", who=ANNA, role="member", about=KIM)
        audit.close()
        book = troth.Book(store, Settings(us=("firm.example",)))
        book.review()
        promises = book.promises()
        made = promises.filter(pc.equal(promises["turn_id"], "b1"))["promise_id"][0].as_py()
        book.decide_promise(made, "kept", by=ANNA)
        gone = forget_person(book, KIM)
        assert gone["turn_versions"] == 2
        for name in TABLES:
            if name in store.revisions():
                assert KIM not in json.dumps(store.table(name).to_pylist(), default=str), name
        assert sorted(store.table("turns")["turn_id"].to_pylist()) == ["b1", "c1"]
        assert check_book(store).wrong == ()
        gone = forget_person(troth.Book(store, Settings(us=("firm.example",))), ANNA)
        assert gone["turns"] == 2  # what was written to nobody but her goes as well
        for name in sorted(set(TABLES) & set(store.revisions())):
            assert ANNA not in json.dumps(store.table(name).to_pylist(), default=str), name
