"""The encoder: sentences in, findings out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from troth.encoder import FLOOR, Head, card, find_signals, load_encoder
from troth.encoder.card import verified, weights_folder
from troth.encoder.runtime import BATCH_PIECES, cut_batches
from troth.errors import EncoderError, MissingColumns
from troth.schema import FINDINGS, SENTENCES
from troth.signals import CATALOGUE


@dataclass
class TwoHeads:
    """A binary head that reads the probability out of the text, and a graded one that counts its letters."""

    heads: Sequence[Head] = (
        Head(signal="gratitude", kind="binary"),
        Head(signal="politeness", kind="graded", median=3.0, spread=2.0),
    )
    seen: list[str] = field(default_factory=list)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen += texts
        return np.array([[float(text), len(text)] for text in texts], dtype=np.float32).reshape(-1, 2)


def sentences(texts: Sequence[str], languages: Sequence[str | None] | None = None) -> pa.Table:
    count = len(texts)
    return pa.table(
        {
            "turn_id": [f"t{at}" for at in range(count)],
            "sentence": pa.array(range(count), type=pa.int32()),
            "start": pa.array(range(count), type=pa.int32()),
            "end": pa.array(range(1, count + 1), type=pa.int32()),
            "text": pa.array(texts, type=pa.string()),
            "language": pa.array(languages or ["en"] * count, type=pa.string()),
        },
        schema=SENTENCES,
    )


def test_a_binary_signal_is_written_from_the_floor_up_and_a_graded_one_always():
    found = find_signals(sentences(["0.1", "0.2", "0.9"]), TwoHeads()).to_pylist()
    assert [(row["sentence"], row["signal"]) for row in found] == [
        (0, "politeness"),
        (1, "gratitude"),
        (1, "politeness"),
        (2, "gratitude"),
        (2, "politeness"),
    ]
    assert [row["value"] for row in found if row["signal"] == "gratitude"] == [None, None]
    assert FLOOR == 0.2


def test_a_value_at_the_reference_median_has_an_even_chance_of_lying_above_it():
    [row] = find_signals(sentences(["0.1"]), TwoHeads()).to_pylist()
    assert (row["value"], row["probability"]) == (3.0, 0.5)


def test_other_languages_than_english_give_no_rows_and_unknown_ones_are_read():
    found = find_signals(sentences(["0.9"] * 3, ["de", None, "en"]), TwoHeads())
    assert set(found.column("turn_id").to_pylist()) == {"t1", "t2"}


def test_equal_sentences_are_scored_once_and_found_each_time():
    encoder = TwoHeads()
    found = find_signals(sentences(["0.9"] * 50), encoder)
    assert encoder.seen == ["0.9"]
    assert found.num_rows == 100


@pytest.mark.parametrize("languages", [[], ["fr"]])
def test_nothing_in_is_nothing_out(languages: list[str]):
    found = find_signals(sentences(["0.9"] * len(languages), languages), TwoHeads())
    assert found.schema == FINDINGS
    assert found.num_rows == 0


def test_a_table_without_the_text_is_refused():
    with pytest.raises(MissingColumns):
        find_signals(sentences(["0.9"]).drop_columns(["text"]), TwoHeads())


def test_offsets_and_ids_are_those_of_the_sentence():
    [first, _] = find_signals(sentences(["0.9"]), TwoHeads()).to_pylist()
    assert (first["turn_id"], first["start"], first["end"]) == ("t0", 0, 1)


@given(lengths=st.lists(st.integers(2, 128), max_size=300))
def test_every_row_is_in_exactly_one_batch_that_is_wide_enough(lengths: list[int]):
    seen: list[int] = []
    for batch in cut_batches(np.array(lengths, dtype=np.int64)):
        assert all(lengths[at] <= batch.width for at in batch.chosen)
        assert len(batch.chosen) <= batch.rows
        assert batch.rows == 1 or batch.rows * batch.width <= BATCH_PIECES
        seen += batch.chosen.tolist()
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths=st.lists(st.integers(2, 128), max_size=300))
def test_where_more_rows_are_to_come_only_full_batches_of_like_rows_are_cut(lengths: list[int]):
    seen: list[int] = []
    for batch in cut_batches(np.array(lengths, dtype=np.int64), full=True):
        assert len(batch.chosen) == batch.rows == BATCH_PIECES // batch.width
        assert all(batch.width - 8 < lengths[at] <= batch.width for at in batch.chosen)
        seen += batch.chosen.tolist()
    assert len(set(seen)) == len(seen)


def test_rows_taken_in_ahead_of_the_network_read_the_same():
    """Three thousand sentences, with the next ones becoming word pieces meanwhile, and each by itself."""
    texts = [
        " ".join(["the delivery", "is late", "thank you", "sorry"][: 1 + at % 4] * (1 + at % 7)) for at in range(3000)
    ]
    together, alone = load_encoder().run(texts), {text: load_encoder().run([text])[0] for text in set(texts)}
    assert np.abs(together - np.stack([alone[text] for text in texts])).max() < 1e-4
    assert len(alone) == 28


def test_many_calls_meet_few_shapes():
    """Each shape keeps megabytes of compiled kernels, so a long job must not meet new ones for ever."""
    rng, shapes, lengths = np.random.default_rng(0), set[tuple[int, int]](), np.zeros(0, dtype=np.int64)
    for _ in range(300):
        lengths = np.clip(rng.lognormal(2.8, 0.7, rng.integers(1, 3000)), 2, 128).astype(np.int64)
        shapes |= {(batch.rows, batch.width) for batch in cut_batches(lengths)}
    assert len(shapes) < 31 * 5
    padded = sum(batch.rows * batch.width for batch in cut_batches(lengths))
    assert padded < 1.15 * lengths.sum()


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("Thank you so much for your help with this.", "gratitude"),
        ("I will send you the revised contract by Friday.", "commitment"),
        ("Could you please send me the invoice?", "request"),
        ("I think it may be ready next week, but I am not sure.", "hedge"),
        ("We apologise for the mix-up with your order.", "apology"),
    ],
)
def test_plain_cases_are_found(text: str, signal: str):
    found = {row["signal"]: row["probability"] for row in find_signals(sentences([text]), load_encoder()).to_pylist()}
    if signal == "request":  # an asking question is a request to one reader and a question to the next
        found["request"] = max(found.get("request", 0.0), found.get("question", 0.0))
    assert found.get(signal, 0.0) > 0.5


def test_more_polite_words_read_as_more_polite():
    rude, kind = "Why did you delete this? Stop it.", "Thanks a lot for your edit! Would you mind adding a source?"
    at = load_encoder().heads.index(next(head for head in load_encoder().heads if head.signal == "politeness"))
    scores = load_encoder().score([rude, kind])
    assert scores[0, at] < scores[1, at]


ODD = [
    "",
    " ",
    "\x00\x07",
    "\ud800",
    "a\udfffb",
    "😀" * 500,
    "x" * 1_000_000,
    "x " * 500_000,
    "[CLS] [SEP] [MASK]",
    "\u200f\u05e9\u05dc\u202e",
    "é" * 5000,
    "…" * 5000,
]


def test_odd_text_gets_finite_scores():
    scores = load_encoder().score(ODD)
    assert scores.shape == (len(ODD), len(load_encoder().heads))
    assert np.isfinite(scores).all()


def test_odd_text_passes_through_a_table():
    found = find_signals(
        sentences([text for text in ODD if "\ud800" not in text and "\udfff" not in text]), load_encoder()
    )
    probability = found.column("probability").to_numpy()
    assert ((probability >= 0) & (probability <= 1)).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_gets_probabilities_between_0_and_1(texts: list[str]):
    scores = load_encoder().score(texts)
    binary = [at for at, head in enumerate(load_encoder().heads) if head.kind == "binary"]
    assert ((scores[:, binary] >= 0) & (scores[:, binary] <= 1)).all()


PLAIN = [
    "We can ship on Monday.",
    "Thanks!",
    "Sorry about the delay, I should have called you earlier this week.",
    "Is the price still 400 a month?",
    "I don't believe that this is in our interest at all, and I would like to know who decided it.",
] * 3


def test_the_same_sentence_gets_the_same_score_alone_and_in_company():
    """Padding and neighbours change nothing beyond the rounding of the kernels."""
    encoder = load_encoder()
    together = encoder.score(PLAIN)
    alone = np.concatenate([encoder.score([text]) for text in PLAIN])
    assert_allclose(together, alone, atol=0.02)


def test_threads_get_the_scores_that_one_caller_gets():
    encoder = load_encoder()
    wanted = encoder.score(PLAIN)
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(lambda _: encoder.score(PLAIN), range(8)):
            assert_allclose(scores, wanted, atol=1e-5)


def test_the_encoder_is_compiled_once():
    assert load_encoder() is load_encoder()


def test_an_altered_weight_file_is_refused(tmp_path: Path):
    (tmp_path / "encoder.bin").write_bytes(b"something else")
    with pytest.raises(EncoderError, match=r"encoder\.bin was altered"):
        verified(tmp_path, card().files, ["encoder.bin"])


def test_a_missing_weight_file_is_named(tmp_path: Path):
    with pytest.raises(EncoderError, match=r"encoder\.xml cannot be read"):
        verified(tmp_path, card().files, ["encoder.xml"])


def test_the_shipped_files_are_the_ones_of_the_card():
    verified(weights_folder(), card().files, list(card().files))


def test_every_head_is_a_signal_of_the_catalogue_and_each_is_shipped_or_explained():
    wanted = {signal.name for signal in CATALOGUE.values() if signal.found_by == "encoder"}
    assert set(card().signals) <= set(CATALOGUE)
    assert wanted <= set(card().signals) | set(card().not_yet)


def test_the_card_is_read_without_loading_the_runtime():
    code = (
        "import sys; from troth.encoder import card; card(); print('openvino' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


CHECK_KEYS = {
    "signal",
    "set",
    "split",
    "rows",
    "metric",
    "value",
    "low",
    "high",
    "length_baseline",
    "tfidf_baseline",
    "published",
    "published_source",
    "agreement",
    "licence_class",
    "note",
}


def test_every_check_on_the_card_has_the_keys_that_validity_prints():
    for check in card().checks:
        assert set(check) == CHECK_KEYS
        assert check["signal"] in {*card().signals, "acts together"}
        assert check["low"] is None or check["low"] <= check["high"]


def test_nothing_shipped_was_trained_on_a_set_that_may_not_be():
    assert {entry["licence_class"] for entry in card().training} <= {"open", "own"}
    assert all(len(entry["sha256"]) == 64 for entry in card().training)
    assert json.dumps(card().base).count("Apache-2.0") == 1


def test_stopping_in_the_middle_leaves_no_request_running(monkeypatch: pytest.MonkeyPatch):
    # One that ended while the interpreter shut down would abort the process, and its exit code would not be 130.
    encoder, started = load_encoder(), 0
    queue = encoder._queue  # pyright: ignore[reportPrivateUsage]  # the seam where a stop falls
    start = queue.start_async

    def stop_at_the_sixth(*given: object) -> None:
        nonlocal started
        started += 1
        if started == 6:
            raise KeyboardInterrupt
        start(*given)

    monkeypatch.setattr(queue, "start_async", stop_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        encoder.run(["A sentence that takes the network a while to read."] * 2000)
    assert started == 6
    assert all(request.wait_for(0) for request in queue)
    monkeypatch.undo()
    assert encoder.run(["Thank you!"]).shape == (1, len(encoder.heads))
