"""Bad input of the encoder, by `troth.score` and `troth check`: no crash, and no score without proof."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import troth
from troth.cli import app
from troth.text._common import count_listed
from troth.text._language import tell_language, tell_sentence

MILLION = 1_000_000

NOTHING = {
    "empty": "",
    "white space": " \n\t\u00a0\u2003\r\n ",
    "emoji": "😀👍🏽🎉 👩‍👩‍👧 ❤️",
    "controls": "\x00\x01\x02\x07\x1b\x7f\x85",
    "marks of direction": "\u202e\u202d\u200f\u2066\u2069",
    "one lone surrogate": "\ud800",
    "lone surrogates": "\udfff\ud83d \udc00\udc00",
    "digits and signs": "12345 67.890,00 € +49 (0)30 -- 4/5",
    "single letters": "a b c",
    "one unending word": "x" * 3_000,
    "Arabic": "شكرا جزيلا على مساعدتكم في الفاتورة",
    "Arabic, short": "شكرا",
    "Hebrew": "תודה רבה על העזרה",
    "Hebrew, short": "תודה",
    "Russian, short": "Спасибо",
    "Greek": "Ευχαριστώ πολύ",
    "Chinese": "谢谢你的帮助。",
    "Japanese": "ありがとうございます",
    "Korean": "감사합니다",
    "Thai": "ขอบคุณมาก",
    "Hindi": "बहुत धन्यवाद",
}

GERMAN = (
    "Vielen Dank für die schnelle Antwort.",
    "Bitte entschuldigen Sie die späte Rückmeldung, das tut mir leid.",
    "Könnten Sie mir bitte die Rechnung schicken?",
    "Das geht so leider nicht.",
    "Wann kommt der Techniker?",
    "Danke!",
    "Alles gut, bis später",
)
FRENCH = (
    "Merci beaucoup pour votre réponse rapide.",
    "Je suis désolé pour le retard, c'est notre faute.",
    "Pourriez-vous m'envoyer la facture, s'il vous plaît ?",
    "Toujours rien reçu",
    "Merci !",
    "C'est parfait pour moi",
)
SPANISH = (
    "Muchas gracias por su respuesta tan rápida.",
    "Siento mucho el retraso, fue culpa nuestra.",
    "¿Podría enviarme la factura, por favor?",
    "Todavía no funciona",
    "¡Gracias!",
    "Hasta luego",
)
ENGLISH = (
    ("Thanks a lot!", "gratitude"),
    ("Sorry about that.", "apology"),
    ("Could you send me the invoice please?", "request"),
)


def score(text: str) -> list[dict[str, Any]]:
    return troth.score([{"text": text}]).to_pylist()


def check_by_command(text: str | bytes) -> list[dict[str, Any]]:
    told = CliRunner().invoke(app, ["check", "--format", "jsonl"], input=text)
    assert told.exit_code == 0, told.output
    return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_what_holds_no_english_word_gets_no_score(text: str):
    assert score(text) == []
    found = troth.check(text)
    assert found.marks == ()
    assert found.promises == ()


@pytest.mark.parametrize("name", ["empty", "emoji", "controls", "Arabic", "single letters"])
def test_the_command_answers_it_too(name: str):
    """Through a pipe, where text is bytes in UTF-8."""
    rows = check_by_command(NOTHING[name].encode())
    assert [row for row in rows if row["kind"] == "sentence"] == []
    assert bool(rows) == (name == "Arabic")  # which is told to be another language


@pytest.mark.parametrize("text", ["x" * MILLION, "." * MILLION, "😀" * MILLION, "\u202e" * MILLION, "ы" * MILLION])
def test_a_million_characters_without_a_word_give_nothing(text: str):
    assert score(text) == []


def test_a_million_characters_of_english_are_all_read():
    sentence = "Thank you so much for your help with the invoice. "
    text = sentence * (MILLION // len(sentence))
    found = troth.score([{"text": text}])
    thanks = found.filter(pc.equal(found["signal"], "gratitude"))
    assert thanks.num_rows == MILLION // len(sentence)
    assert thanks["end"].to_pylist()[-1] == len(text) - 1
    assert len(set(thanks["probability"].to_pylist())) == 1  # the last is read like the first


def test_one_unending_sentence_is_read_in_pieces():
    found = troth.score([{"text": "please help " * (MILLION // 12)}])
    assert max(row["end"] - row["start"] for row in found.slice(0, 500).to_pylist()) <= 2_000
    assert found.num_rows


@pytest.mark.parametrize("text", [*GERMAN, *FRENCH, *SPANISH])
def test_another_language_is_off_and_says_so(text: str):
    assert score(text) == []
    found = troth.check(text)
    assert found.marks == ()
    assert found.unread == (text,)
    assert any("Not in English" in warning and "1 of 1" in warning for warning in found.warnings)
    assert any(row["kind"] == "warning" and "Not in English" in row["text"] for row in check_by_command(text))


@pytest.mark.parametrize(
    ("texts", "language"), [(GERMAN, "de"), (FRENCH, "fr"), (SPANISH, "es")], ids=["de", "fr", "es"]
)
def test_the_language_is_named(texts: tuple[str, ...], language: str):
    assert [tell_language(text) for text in texts] == [language] * len(texts)


@pytest.mark.parametrize("other", [GERMAN[0], FRENCH[1], SPANISH[2], NOTHING["Arabic"] + "."])
def test_in_a_mixed_turn_only_the_english_is_read(other: str):
    text = f"Thanks a lot for the quick repair, it works again. {other} See you tomorrow at the office."
    read = {(row["start"], row["end"]) for row in score(text)}
    assert {text[start:end] for start, end in read} == {
        "Thanks a lot for the quick repair, it works again.",
        "See you tomorrow at the office.",
    }
    assert troth.check(text).unread == (other,)


def test_an_english_sentence_in_a_turn_of_another_language_stays_unread():
    assert score(" ".join([*GERMAN[:4], "Thanks!"])) == []


@pytest.mark.parametrize(("text", "signal"), ENGLISH)
def test_short_english_is_still_read(text: str, signal: str):
    found = {row["signal"]: row["probability"] for row in score(text)}
    assert found[signal] > 0.5
    assert troth.check(text).unread == ()


@pytest.mark.parametrize(
    "name", ["Zhiqiang", "Oksana", "Babatunde", "Guadalupe", "Youssef", "Jürgen", "Aurélie", "Íñigo"]
)
def test_a_name_of_any_origin_does_not_turn_english_off(name: str):
    assert score(f"Thank you, {name}")
    assert troth.check(f"Thank you, {name}").unread == ()


@pytest.mark.parametrize(
    "dirty",
    [
        "\u202eThank you so much\u202c for your help",
        "Thank\u200b you so much for your\u00ad help",
        "Thank you so much for your help\x07",
        "Thank you so much \ufdd0for your help",
        "Thank you so much\udfff for your help",
    ],
)
def test_strange_characters_change_no_call(dirty: str):
    """They are dropped before the words are read; the offsets still count them."""
    rows = score(dirty)
    assert {row["signal"] for row in rows if row["probability"] >= 0.5 and row["value"] is None} == {"gratitude"}
    assert {row["start"] for row in rows} == {0}
    assert all(row["end"] == len(dirty) or dirty[row["end"] :].strip("\x07") == "" for row in rows)


def test_surrogates_that_belong_together_are_one_character():
    paired = score("Thank you so much \ud83d\ude00 for your help")
    assert paired == score("Thank you so much 😀 for your help")


def test_a_draft_that_is_no_text_is_named_not_traced(tmp_path: Path):
    place = tmp_path / "draft.txt"
    place.write_bytes(b"Thank you \xff\xfe so much")
    by_file = CliRunner().invoke(app, ["check", str(place)])
    by_pipe = CliRunner().invoke(app, ["check"], input=place.read_bytes())
    for told in (by_file, by_pipe):
        assert told.exit_code != 0
        assert "not UTF-8" in str(told.output) + str(told.exception)
        assert not isinstance(told.exception, UnicodeError)


def test_columns_with_strange_text_make_a_table():
    found = troth.score([{"text": "Thanks a lot!", "speaker": "\ud800"}, {"text": "", "speaker": "b"}])
    assert set(found["turn_id"].to_pylist()) == {"0"}


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_no_text_of_any_kind_fails(text: str):
    """Lone surrogates too; and a score only where a sentence holds a word in Latin letters."""
    for row in score(text):
        assert 0.0 <= row["probability"] <= 1.0
        stretch = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")[row["start"] : row["end"]]
        assert any("LATIN" in unicodedata.name(char, "") for char in stretch)


def test_a_listed_word_counts_only_where_english_has_fewer():
    assert count_listed("Danke, will do") == (2, None)
    assert count_listed("Das ist leider kaputt") == (0, "de")
    assert count_listed("") == (0, None)
    assert tell_sentence("Merci, that is very kind of you", "en") == "en"
    assert tell_sentence("Thank you", "de") == "de"
    assert tell_sentence("Thank you", None) is None
