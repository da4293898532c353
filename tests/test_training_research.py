"""The research recipe, end to end on made-up rows: learned, stopped, gone on with, carried in pieces and judged."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.repository
ROOT = Path(__file__).parents[1]
if not (ROOT / "training").is_dir():
    pytest.skip("training is not part of the package", allow_module_level=True)
torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("safetensors", reason="training needs safetensors")
metrics_of = pytest.importorskip("sklearn.metrics", reason="training needs scikit-learn")
sys.path.insert(0, str(ROOT))


def _load(name: str) -> Any:
    return __import__(f"training.research.{name}", fromlist=[name])


bases, learn, metrics, network, packed, report, tasks = map(
    _load, ("bases", "learn", "metrics", "network", "packed", "report", "tasks")
)

TINY = network.Base(
    name="tiny", sha256="", layers=1, width=24, inner=48, vocabulary=60, places=64, shift=4, first_place=2, buckets=8,
    eps=1e-5, attention=network.MPNET.attention, marks={0: 1},
)  # fmt: skip
ALONE = tasks.Task(
    name="made/kind", set="made", kind="class", outputs=("a", "b"), signal="kind", licence_class="research",
    goals=(tasks.Goal(metric="macro-F1", value=0.9),),
)  # fmt: skip
ANSWER = tasks.Task(
    name="made/same", set="made", kind="labels", outputs=("same",), signal="same", licence_class="research",
    answers=True, goals=(tasks.Goal(metric="accuracy"),),
)  # fmt: skip
PAIR = tasks.Task(
    name="weighed/more", set="weighed", kind="pair", outputs=("more",), signal="more", licence_class="open",
    goals=(tasks.Goal(metric="accuracy of pairs", value=0.8),),
)  # fmt: skip
MADE = (ALONE, ANSWER, PAIR)
CPU = torch.device("cpu")


def make_part(rows: int, seed: int) -> dict[str, Any]:
    """Class b wherever word 50 is; "same" where the turn before begins as the turn does; more of word 40 wins."""
    rng = np.random.default_rng(seed)
    texts = [rng.integers(5, 30, rng.integers(3, 9)).astype(np.uint16) for _ in range(rows)]
    before = [rng.integers(5, 30, rng.integers(2, 6)).astype(np.uint16) for _ in range(rows)]
    kind, same = rng.integers(0, 2, rows), rng.integers(0, 2, rows)
    for at in range(rows):
        texts[at][-1] = 50 if kind[at] else 49
        if same[at]:
            before[at][0] = texts[at][0]
    said = {
        ALONE.name: kind.astype(np.float32)[:, None],
        ANSWER.name: np.where(rng.random(rows) < 0.2, np.nan, same).astype(np.float32)[:, None],
    }
    group = np.arange(rows, dtype=np.int32) // 2
    none = np.empty((0, 2), dtype=np.int32)
    weight = rng.permutation(12)
    weighed = [np.array([7, *[40] * int(much), 8], dtype=np.uint16) for much in weight]
    pairs = np.array([(a, b) for a in range(12) for b in range(12) if weight[a] > weight[b]], dtype=np.int32)
    one = np.zeros(12, dtype=np.int32)
    return {
        "made": packed.Packed(texts=texts, before=before, group=group, said=said, pairs=none),
        "weighed": packed.Packed(texts=weighed, before=None, group=one, said={}, pairs=pairs),
    }


RECIPE = learn.Recipe(
    drawn={"made": 160, "weighed": 24}, epochs=3, batch_rows=16, batch_pieces=256, longest=16, longest_before=8,
    body_rate=3e-3, head_rate=1e-2, layer_decay=1.0,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine the threads of such small products wait for each other longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "seed-1"
    arguments = (TINY, None, make_part(160, 0), make_part(60, 1), MADE)
    assert learn.learn(*arguments, recipe=RECIPE, seed=1, run=run, device=CPU)
    return run


def test_a_run_that_was_stopped_ends_as_one_that_was_not(learned: Path, tmp_path: Path) -> None:
    arguments = (TINY, None, make_part(160, 0), make_part(60, 1), MADE)
    asked = {"recipe": RECIPE, "seed": 1, "run": tmp_path, "device": CPU}
    stopped = pytest.MonkeyPatch()
    one_epoch, count = learn._one_epoch, []

    def stop_in_the_second(*given: Any, **named: Any) -> float:
        count.append(1)
        if len(count) == 2:
            raise KeyboardInterrupt
        return one_epoch(*given, **named)

    stopped.setattr(learn, "_one_epoch", stop_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        learn.learn(*arguments, **asked)
    stopped.undo()
    assert learn.learn(*arguments, **asked)
    ends = [torch.load(run / "last.pt", weights_only=True) for run in (learned, tmp_path)]
    assert ends[0]["state"] == ends[1]["state"]
    assert all(torch.equal(one, ends[1]["reader"][name]) for name, one in ends[0]["reader"].items())
    assert not learn.learn(*arguments, **{**asked, "run": tmp_path / "no time"}, most_s=-1.0)


def test_an_epoch_draws_what_was_asked_the_rarer_first_and_each_pair_in_its_group() -> None:
    parts = make_part(160, 0)
    said = {ALONE.name: (np.arange(160) < 16).astype(np.float32)[:, None]}  # a tenth is of class b
    parts["made"] = dataclasses.replace(parts["made"], said=said)
    recipe = dataclasses.replace(RECIPE, drawn={"made": 40, "weighed": 24})
    drawn = list(learn.draw_epoch(parts, MADE, recipe=recipe, rng=np.random.default_rng(0)))
    rows = np.concatenate([batch.rows for batch in drawn if batch.name == "made"])
    assert len(set(rows.tolist())) == len(rows) == 40
    assert (rows < 16).sum() >= 8  # by chance alone 4 of 40
    pairs = [(batch.rows[a], batch.rows[b]) for batch in drawn for a, b in batch.pairs]
    assert set(pairs) <= {(a, b) for a, b in parts["weighed"].pairs.tolist()}
    assert len(pairs) >= len(parts["weighed"].pairs)
    alone = {"weighed": dataclasses.replace(parts["weighed"], group=np.arange(12, dtype=np.int32))}
    assert list(learn.draw_epoch(alone, MADE, recipe=recipe, rng=np.random.default_rng(0))) == []


def test_what_was_learned_is_judged_with_its_interval(learned: Path) -> None:
    reader = learn.load_best(TINY, MADE, recipe=RECIPE, run=learned, device=CPU)
    dev, test = make_part(60, 1), make_part(80, 2)
    said = [learn.say_all(reader, part, MADE, recipe=RECIPE, device=CPU) for part in (dev, test)]
    for task in (ALONE, PAIR):
        texts = ["a b"] * len(test[task.set].texts)
        case = report.Case(task=task, dev=dev[task.set], test=test[task.set], texts=texts)
        key = f"{task.set}/{task.name}"
        answer = report.Said(dev=said[0][key].astype(np.float64), test=said[1][key].astype(np.float64))
        goal = task.goals[0]
        value, low, high = report.sum_up(case, [report.measure(case, goal, answer)] * 2)
        assert low <= value <= high
        assert value > 0.9  # one word decides
        beside = {"length": 0.5, "words": None, "length_inside": None}
        assert report.find_goal(goal, beside) == goal.value


def test_only_answers_see_the_turn_before_and_padding_changes_nothing(learned: Path) -> None:
    reader = learn.load_best(TINY, MADE, recipe=RECIPE, run=learned, device=CPU)
    pieces = torch.tensor([[5, 6, 50, 0, 0], [5, 6, 7, 8, 49]])
    before, other = torch.tensor([[5, 9, 0], [8, 9, 10]]), torch.tensor([[11, 12, 13], [14, 0, 0]])
    both = MADE[:2]
    with torch.no_grad():
        first, second = reader(pieces, before, both), reader(pieces, other, both)
        short = reader(pieces[:1, :3], before[:1, :2], both)
    assert torch.equal(first[ALONE.name], second[ALONE.name])
    assert not torch.allclose(first[ANSWER.name], second[ANSWER.name])
    for task in both:
        assert torch.allclose(first[task.name][:1], short[task.name], atol=1e-5)


def test_distances_fall_into_the_buckets_that_the_formula_gives() -> None:
    """By another road: one pair at a time, from the published definition."""
    found = network.bucket_distances(200, 32)
    for here in (0, 3, 150):
        for there in range(200):
            far, bucket = abs(there - here), 16 if there > here else 0
            step = far if far < 8 else min(15, 8 + int(np.log(np.float32(far / 8)) / np.log(128 / 8) * 8))
            assert abs(int(found[here, there]) - (bucket + step)) <= (1 if far in {16, 32, 64} else 0)  # at a border


def test_rows_and_bases_come_back_as_they_were_written(tmp_path: Path) -> None:
    sets = {"train": make_part(9, 3), "dev": make_part(4, 4), "test": make_part(5, 5)}
    packed.write_packed(tmp_path / "rows.npz", sets)
    back = packed.read_packed(tmp_path / "rows.npz")
    for split, parts in sets.items():
        for name, part in parts.items():
            other = back[split][name]
            assert [row.tolist() for row in other.texts] == [row.tolist() for row in part.texts]
            assert (other.before is None) == (part.before is None)
            assert other.said.keys() == part.said.keys()
            assert all(np.array_equal(other.said[key], part.said[key], equal_nan=True) for key in part.said)
            assert np.array_equal(other.pairs, part.pairs)
    weights = {"large": torch.randn(100, 30), "small": torch.randn(7), "places": torch.arange(3)}
    paths = bases.cut_pieces(weights, tmp_path, most=1000)
    assert len(paths) > 5
    assert all(path.stat().st_size < 1500 for path in paths)
    joined = bases.join_pieces(paths)
    assert joined.keys() == {"large", "small"}
    assert all(torch.equal(joined[name], weights[name].to(torch.bfloat16)) for name in joined)


def test_both_bases_fill_their_bodies_without_a_part_left_over() -> None:
    for base in (network.MINILM, network.MPNET):
        small = network.Base(**{**{name: getattr(base, name) for name in base.__slots__}, "width": 24, "inner": 48,
                                "layers": 2, "vocabulary": 110, "places": 20})  # fmt: skip
        body = network.Body(small)
        shape = {"dense": (24, 24), "intermediate.dense": (48, 24), "output.dense": (24, 48)}
        weights = {
            "embeddings.word_embeddings.weight": torch.randn(110, 24),
            "embeddings.position_embeddings.weight": torch.randn(20, 24),
            "encoder.relative_attention_bias.weight": torch.randn(32, 12),
        }
        norms = ["embeddings.LayerNorm"]
        for at in range(2):
            layer = f"encoder.layer.{at}."
            *lines, norm = [f"{layer}{part}" for part in base.attention.split()]
            norms += [norm, f"{layer}output.LayerNorm"]
            lines += [f"{layer}intermediate.dense", f"{layer}output.dense"]
            for line in lines:
                rows, columns = next(
                    (size for end, size in reversed(shape.items()) if line == f"{layer}{end}"), shape["dense"]
                )
                weights |= {f"{line}.weight": torch.randn(rows, columns), f"{line}.bias": torch.randn(rows)}
        for norm in norms:
            weights |= {f"{norm}.weight": torch.randn(24), f"{norm}.bias": torch.randn(24)}
        network.load_body(body, weights)
        assert torch.equal(body.layers[1].widen.weight, weights["encoder.layer.1.intermediate.dense.weight"])
        assert body(torch.tensor([[101, 105, 102, 0]])).shape == (1, 4, 24)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(-1, 1)), min_size=2, max_size=30))
def test_figures_agree_with_those_of_scikit_learn(rows: list[tuple[int, int, float]]) -> None:
    label, said, score = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    known = [0.0, 1.0, 2.0]
    expected = metrics_of.f1_score(label, said, labels=known, average="macro", zero_division=0)
    assert metrics.macro_f1(label, said, known) == pytest.approx(expected)
    if (label > 0).any() and len(set(score.tolist())) == len(score):
        expected = metrics_of.average_precision_score(label > 0, score)
        assert metrics.average_precision(label > 0, score) == pytest.approx(expected)


def test_a_file_that_changed_stops_the_recipe(tmp_path: Path) -> None:
    manifest, sets = _load("manifest"), _load("sets")
    for files, _ in sets.READERS.values():
        for path in files.values():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(path.encode())
    manifest.pin(tmp_path, into=tmp_path / "pinned.json")
    manifest.check_pinned(tmp_path, pinned=tmp_path / "pinned.json")
    pinned = {(entry["set"], entry["split"]) for entry in json.loads(manifest.PINNED.read_text("utf-8"))}
    assert pinned == {(name, split) for name, (files, _) in sets.READERS.items() for split in files}
    (tmp_path / "epitome" / "dev.jsonl").write_bytes(b"another")
    with pytest.raises(SystemExit, match=r"epitome.dev\.jsonl is not the pinned file"):
        manifest.check_pinned(tmp_path, pinned=tmp_path / "pinned.json")
