"""Fine-tune the network of the research recipe on packed rows: resumable, seeded, stopped by dev alone.

It imports nothing but PyTorch, NumPy and this recipe, so that it runs on a machine that has only those.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.research.metrics import judge
from training.research.network import Base, Reader, load_body
from training.research.packed import Packed, Pieces, Sets
from training.research.tasks import Task

DRAWN: Final = {
    "epitome": 2305,
    "stanford_politeness_se": 4586,
    "stanford_politeness_wiki": 3473,
    "intimacy_questions": 3594,
    "offmychest": 9000,
    "goemotions": 24_000,
    "certainty_science": 1571,
    "vira_trust": 1815,
    "airbnb_host_trust": 634,
    "ukp_convarg1_pairs": 1580,
    "annomi": 4000,
    "persuasion_for_good": 5000,
    "email_intent": 3276,
    "complaints": 2376,
    "argquality_novice": 480,
    "mrda": 3000,
    "pledges": 3714,
    "business_acts": 1818,
    "own": 3000,
}
"""Rows of each set in one epoch, of large sets the rarer classes first; for the pairs, the texts that are compared."""

SMALL: Final = {
    **DRAWN,
    "intimacy_questions": 1797,
    "offmychest": 6000,
    "goemotions": 16_000,
    "ukp_convarg1_pairs": 790,
    "annomi": 1000,
    "persuasion_for_good": 1500,
    "email_intent": 2000,
    "complaints": 800,
    "argquality_novice": 240,
    "mrda": 800,
    "pledges": 1000,
    "own": 2000,
}
"""The same for a machine that has little time: half as many word pieces, and most of them of sets with a figure to
reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out."""

    drawn: Mapping[str, int] = field(default_factory=lambda: DRAWN)
    epochs: int = 5
    patience: int = 2  # epochs without a better dev score before it stops
    layers: int | None = None  # of the base, from the lowest; all unless said
    frozen: int = 0  # of these, the lowest are left as they are; so are the words, in any case
    longest: int = 160  # word pieces of a text
    longest_before: int = 96  # of the turn before
    batch_pieces: int = 6144  # padding included
    batch_rows: int = 64
    body_rate: float = 3e-5
    head_rate: float = 5e-4
    layer_decay: float = 0.9  # of the learning rate, from each layer to the one below
    warmup: float = 0.08
    decay: float = 0.01
    dropout: float = 0.1
    rare_weight: float = 10.0  # most that one row of a rare class may weigh against one of the commonest

    def with_rates(self, *, body: float, head: float) -> Recipe:
        """The same with other learning rates."""
        return replace(self, body_rate=body, head_rate=head)

    def with_epochs(self, epochs: int) -> Recipe:
        """The same with another number of epochs."""
        return replace(self, epochs=epochs)


FULL: Final = Recipe()
QUICK: Final = Recipe(
    drawn=SMALL, frozen=2, longest=128, longest_before=64, batch_pieces=4096, batch_rows=48, body_rate=1e-4,
    head_rate=1e-3, layer_decay=0.95,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of one set."""

    name: str
    rows: NDArray[np.intp]
    pairs: NDArray[np.int64]  # places in `rows`, the more convincing first


def weigh_rows(part: Packed, tasks: Sequence[Task]) -> NDArray[np.float64]:
    """How readily each row is drawn: one over the root of how common its rarest class or label is."""
    weight = np.full(len(part.texts), 1e-3)
    for task in tasks:
        if task.name not in part.said or task.kind not in {"class", "labels"}:
            continue
        values = part.said[task.name]
        if task.kind == "class":
            values = (values == np.arange(len(task.outputs))).astype(np.float32)
        share = np.nanmean(values, axis=0).clip(1e-4)
        weight = np.maximum(weight, np.where(values > 0, share**-0.5, 0.0).max(1))
        weight = np.maximum(weight, np.where((values == 0).all(1), 1.0, 0.0))
    return weight / weight.max()


def draw_rows(weight: NDArray[np.float64], wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """`wanted` row numbers: all as often as it takes, and the rest without replacement by weight."""
    whole, rest = divmod(min(wanted, 4 * len(weight)), len(weight))
    order = np.argsort(rng.exponential(size=len(weight)) / weight)  # the order of a weighted draw
    return np.concatenate([np.arange(len(weight))] * whole + [order[:rest]]).astype(np.intp)


def draw_epoch(sets: Sets, tasks: Sequence[Task], *, recipe: Recipe, rng: np.random.Generator) -> Iterator[Batch]:
    """The batches of one epoch, in random order, each of one set and of texts of like length."""
    batches: list[Batch] = []
    nothing = np.empty((0, 2), dtype=np.int64)
    for name, wanted in recipe.drawn.items():
        if name not in sets:
            continue
        part = sets[name]
        lengths = np.array([_spent(part, at, recipe) for at in range(len(part.texts))])
        if len(part.pairs):
            batches += _draw_pairs(part, name, wanted, recipe=recipe, rng=rng)
            continue
        weight = weigh_rows(part, [task for task in tasks if task.name in part.said])
        rows = draw_rows(weight, wanted, rng)
        rows = rng.permutation(rows)
        for pool in np.array_split(rows, max(1, len(rows) // (recipe.batch_rows * 30))):
            ranked = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [Batch(name=name, rows=cut, pairs=nothing) for cut in _cut(ranked, lengths, recipe)]
    for number in rng.permutation(len(batches)):
        yield batches[number]


def _spent(part: Packed, at: int, recipe: Recipe) -> int:
    before = 0 if part.before is None else min(len(part.before[at]), recipe.longest_before)
    return min(len(part.texts[at]), recipe.longest) + before


def _cut(ranked: NDArray[np.intp], lengths: NDArray[np.int64], recipe: Recipe) -> Iterator[NDArray[np.intp]]:
    start = 0
    for end in range(1, len(ranked) + 1):
        full = end - start >= recipe.batch_rows
        if end == len(ranked) or full or (end + 1 - start) * lengths[ranked[end]] > recipe.batch_pieces:
            yield ranked[start:end]
            start = end


def _draw_pairs(part: Packed, name: str, wanted: int, *, recipe: Recipe, rng: np.random.Generator) -> Iterator[Batch]:
    """Texts of one group together, so that a dozen of them give dozens of pairs."""
    together = max(4, min(recipe.batch_rows, recipe.batch_pieces // recipe.longest))
    whole = math.ceil(min(wanted, 4 * len(part.texts)) / len(part.texts))
    for group in np.concatenate([rng.permutation(np.unique(part.group)) for _ in range(whole)]):
        members = rng.permutation(np.flatnonzero(part.group == group))
        for start in range(0, len(members), together):
            rows = members[start : start + together]
            place = {int(row): at for at, row in enumerate(rows)}
            known = [(place[a], place[b]) for a, b in part.pairs.tolist() if a in place and b in place]
            if known:
                yield Batch(name=name, rows=rows, pairs=np.array(known, dtype=np.int64))


def pad_pieces(rows: Sequence[Pieces], longest: int, device: torch.device) -> Tensor:
    """Rows of word pieces, cut to `longest` with the closing mark kept, padded with 0."""
    width = max(min(len(row), longest) for row in rows)
    padded = np.zeros((len(rows), width), dtype=np.int64)
    for at, row in enumerate(rows):
        padded[at, : min(len(row), width)] = row[:width]
        if len(row) > width:
            padded[at, -1] = row[-1]
    return torch.from_numpy(padded).to(device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What is learned from the training rows before training: for each task one array for each output.

    For scores `mean` and `spread`; for labels what a yes weighs; for classes what a row of each weighs.
    """

    mean: dict[str, Tensor]
    spread: dict[str, Tensor]
    weight: dict[str, Tensor]


def measure_scales(sets: Sets, tasks: Sequence[Task], *, recipe: Recipe, device: torch.device) -> Scales:
    """The scales of every task."""
    scales = Scales(mean={}, spread={}, weight={})
    for task in tasks:
        found = [part.said[task.name] for part in sets.values() if task.name in part.said]
        if not found:
            continue
        values = np.concatenate(found)
        if task.kind == "score":
            scales.mean[task.name] = _on(np.nanmean(values, axis=0), device)
            scales.spread[task.name] = _on(np.nanstd(values, axis=0) + 1e-6, device)
        elif task.kind == "class":
            share = (values == np.arange(len(task.outputs))).sum(0) / (~np.isnan(values)).sum()
            weight = np.minimum(share.clip(1e-4) ** -0.5, recipe.rare_weight)
            scales.weight[task.name] = _on(weight / (weight * share).sum(), device)
        else:
            share = np.nanmean(values, axis=0).clip(1e-4, 1.0)
            even = (1 - share) / share if task.cut == "half" else np.sqrt((1 - share) / share)
            scales.weight[task.name] = _on(even.clip(1.0 / recipe.rare_weight, recipe.rare_weight), device)
    return scales


def _on(values: NDArray[Any], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)


def miss(task: Task, raw: Tensor, said: Tensor | None, pairs: Tensor, scales: Scales) -> Tensor:
    """The loss of one task in one batch, a scalar; 0 where the batch says nothing of it."""
    if task.kind == "pair":
        return -functional.logsigmoid(raw[pairs[:, 0], 0] - raw[pairs[:, 1], 0]).mean()
    assert said is not None
    known = ~torch.isnan(said)
    if task.kind == "class":
        target = torch.where(known[:, 0], said[:, 0], -100).long()
        return functional.cross_entropy(raw, target, weight=scales.weight[task.name], reduction="sum") / max(
            len(raw), 1
        )
    wanted = torch.where(known, said, torch.zeros_like(said))
    if task.kind == "score":
        wanted = (wanted - scales.mean[task.name]) / scales.spread[task.name]
        losses = functional.smooth_l1_loss(raw, wanted, reduction="none")
    else:
        losses = functional.binary_cross_entropy_with_logits(
            raw, wanted, reduction="none", pos_weight=scales.weight[task.name]
        )
        # Many rare labels together count like a few.
        losses = losses / max(1.0, len(task.outputs) ** 0.5)
    return (losses * known).sum() / max(len(raw), 1)


def make_learner(base: Base, weights: Mapping[str, Tensor] | None, tasks: Sequence[Task], recipe: Recipe) -> Reader:
    """The network with the base's weights, or random ones to try things out, and what is to stay as it is frozen."""
    reader = Reader(base, tasks, layers=recipe.layers, dropout=recipe.dropout)
    if weights is not None:
        load_body(reader.body, weights)
    body = reader.body
    for part in (body.words, body.places, *body.layers[: recipe.frozen]):
        part.requires_grad_(False)
    return reader


def _make_optimiser(reader: Reader, recipe: Recipe) -> torch.optim.Optimizer:
    layers = list(reader.body.layers)
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for at, layer in enumerate(layers):
        chosen = [p for p in layer.parameters() if p.requires_grad]
        rate = recipe.body_rate * recipe.layer_decay ** (len(layers) - 1 - at)
        groups.append({"params": chosen, "lr": rate})
        seen |= {id(p) for p in chosen}
    low = [p for p in reader.body.parameters() if p.requires_grad and id(p) not in seen]
    groups.append({"params": low, "lr": recipe.body_rate * recipe.layer_decay ** len(layers)})
    seen |= {id(p) for p in low}
    rest = [p for p in reader.parameters() if p.requires_grad and id(p) not in seen]
    groups.append({"params": rest, "lr": recipe.head_rate})
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=recipe.decay, fused=True)


def say_all(
    reader: Reader, sets: Sets, tasks: Sequence[Task], *, recipe: Recipe, device: torch.device
) -> dict[str, NDArray[np.float32]]:
    """Raw outputs of every task for every row of each set that says something of it, under "set/task"."""
    reader.eval()
    answers: dict[str, NDArray[np.float32]] = {}
    for name, part in sets.items():
        mine = tasks_of(part, tasks)
        lengths = np.array([_spent(part, at, recipe) for at in range(len(part.texts))])
        found = {task.name: np.zeros((len(part.texts), len(task.outputs)), dtype=np.float32) for task in mine}
        for rows in _cut(np.argsort(lengths, kind="stable"), lengths, recipe):
            with torch.no_grad(), _precision(device):
                raw = reader(*_lay_out(part, rows, recipe, device), mine)
            for task in mine:
                found[task.name][rows] = raw[task.name].cpu().numpy()
        answers |= {f"{name}/{task}": values for task, values in found.items()}
    return answers


def tasks_of(part: Packed, tasks: Sequence[Task]) -> list[Task]:
    """The tasks of which a part of a set says something."""
    return [task for task in tasks if task.name in part.said or (task.kind == "pair" and len(part.pairs) > 0)]


def _lay_out(
    part: Packed, rows: NDArray[np.intp], recipe: Recipe, device: torch.device
) -> tuple[Tensor, Tensor | None]:
    texts = pad_pieces([part.texts[at] for at in rows], recipe.longest, device)
    if part.before is None:
        return texts, None
    return texts, pad_pieces([part.before[at] for at in rows], recipe.longest_before, device)


def _precision(device: torch.device) -> AbstractContextManager[Any]:
    """Half the bits where the device multiplies them faster; a processor without such units would be slower by far."""
    own = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # pyright: ignore[reportPrivateUsage]
    is_faster = device.type == "cuda" or own
    return torch.autocast(device.type, torch.bfloat16) if is_faster else nullcontext()


def judge_dev(
    reader: Reader, dev: Sets, tasks: Sequence[Task], *, recipe: Recipe, device: torch.device
) -> dict[str, float]:
    """One figure for each task with a goal, on its own set."""
    sets = {task.set: dev[task.set] for task in tasks if task.set in dev}
    said = say_all(reader, sets, tasks, recipe=recipe, device=device)
    figures: dict[str, float] = {}
    for task in tasks:
        if task.goals and f"{task.set}/{task.name}" in said:
            part = sets[task.set]
            label = part.said.get(task.name, np.zeros((len(part.texts), 1), dtype=np.float32))
            raw = said[f"{task.set}/{task.name}"].astype(np.float64)
            figures[task.name] = judge(task, label.astype(np.float64), raw, part.pairs)
    return figures


def learn(
    base: Base,
    weights: Mapping[str, Tensor] | None,
    train: Sets,
    dev: Sets,
    tasks: Sequence[Task],
    *,
    recipe: Recipe,
    seed: int,
    run: Path,
    device: torch.device,
    most_s: float | None = None,
) -> bool:
    """Train one seed into `run`: `last.pt` after each epoch, `best.pt` whenever dev says so, a line in `log.jsonl`.

    Goes on where a run of the same folder stopped.

    Args:
        most_s: seconds after which no epoch is begun that would not be over by then.

    Returns: whether it is done.
    """
    started = time.monotonic()
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("high")
    reader = make_learner(base, weights, tasks, recipe).to(device)
    optimiser = _make_optimiser(reader, recipe)
    scales = measure_scales(train, tasks, recipe=recipe, device=device)
    a_round = sum(1 for _ in draw_epoch(train, tasks, recipe=recipe, rng=np.random.default_rng([seed, 0])))
    steps = a_round * recipe.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: max(0.0, min((step + 1) / (recipe.warmup * steps), 1.0 - step / steps))
    )
    state: dict[str, Any] = {"epochs": 0, "best": -1.0, "since": 0}
    if (run / "last.pt").is_file():
        kept = torch.load(run / "last.pt", map_location=device, weights_only=True)
        reader.load_state_dict(kept["reader"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
        state = kept["state"]
    slowest = _read_slowest(run.parent)
    while state["epochs"] < recipe.epochs and state["since"] <= recipe.patience:
        begun = time.monotonic()
        if most_s is not None and begun - started + 1.1 * slowest > most_s:
            return False
        torch.manual_seed(seed * 1000 + state["epochs"])
        rng = np.random.default_rng([seed, state["epochs"]])
        loss = _one_epoch(
            reader, train, tasks, steer=(optimiser, schedule), scales=scales, recipe=recipe, rng=rng, device=device
        )
        figures = judge_dev(reader, dev, tasks, recipe=recipe, device=device)
        score = float(np.nanmean(list(figures.values()))) if figures else 0.0
        better = score > state["best"]
        state = {
            "epochs": state["epochs"] + 1,
            "best": max(score, state["best"]),
            "since": 0 if better else state["since"] + 1,
        }
        kept = {"reader": reader.state_dict(), "state": state}
        if better:
            torch.save(kept, run / "best.pt")
        _replace({**kept, "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}, run / "last.pt")
        slowest = max(slowest, time.monotonic() - begun)
        line = {"epoch": state["epochs"], "loss": round(loss, 4), "score": round(score, 4), "seconds": round(slowest)}
        with (run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({**line, "dev": {name: round(value, 4) for name, value in figures.items()}}) + "\n")
        print(json.dumps(line), flush=True)
    return True


def _read_slowest(folder: Path) -> float:
    """Seconds of the slowest epoch of any seed so far; 0 before the first."""
    lines = [line for log in folder.glob("seed-*/log.jsonl") for line in log.read_text(encoding="utf-8").splitlines()]
    return max((float(json.loads(line)["seconds"]) for line in lines), default=0.0)


def _replace(content: Mapping[str, Any], path: Path) -> None:
    """Written aside first: a run that is stopped while it writes still has the epoch before."""
    aside = path.with_suffix(".new")
    torch.save(content, aside)
    aside.replace(path)


def _one_epoch(
    reader: Reader,
    train: Sets,
    tasks: Sequence[Task],
    *,
    steer: tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR],
    scales: Scales,
    recipe: Recipe,
    rng: np.random.Generator,
    device: torch.device,
) -> float:
    reader.train()
    optimiser, schedule = steer
    total, count = torch.zeros((), device=device), 0
    for batch in draw_epoch(train, tasks, recipe=recipe, rng=rng):
        part = train[batch.name]
        mine = tasks_of(part, tasks)
        pairs = torch.from_numpy(batch.pairs).to(device)
        with _precision(device):
            raw = reader(*_lay_out(part, batch.rows, recipe, device), mine)
        loss = torch.zeros((), device=device)
        for task in mine:
            said = None if task.kind == "pair" else torch.from_numpy(part.said[task.name][batch.rows]).to(device)
            loss = loss + task.weight * miss(task, raw[task.name], said, pairs, scales)
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        total, count = total + loss.detach(), count + 1
        if count % 50 == 0:
            print(f"step {count} loss {total.item() / count:.4f}", flush=True)
    return total.item() / max(count, 1)


def load_best(base: Base, tasks: Sequence[Task], *, recipe: Recipe, run: Path, device: torch.device) -> Reader:
    """The network of the epoch that dev chose."""
    reader = Reader(base, tasks, layers=recipe.layers, dropout=0.0)
    reader.load_state_dict(torch.load(run / "best.pt", map_location="cpu", weights_only=True)["reader"])
    return reader.to(device).eval()
