"""Fine-tune one encoder with many heads; a loss only where a set says something."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from torch import Tensor, nn
from torch.nn import functional

from training.data import OWN, Columns, Encoded, draw_epoch, encode_rows, find_columns, read_split
from training.export import read_vocabulary
from training.model import INNER, Network, load_base
from training.sets import GRADED, INTENT, Row
from troth.encoder.tokenise import Tokeniser, pad


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out of one stage of training."""

    drawn: Mapping[str, int]  # rows of each set in one epoch
    epochs: int
    layers: int = 4  # the lowest of the base's six; see training/README.md for the figures that chose four
    frozen: int = 2  # of these, the lowest are left as they are
    opened: bool = True  # with the base model's opening mark before each row
    inner: int = INNER  # inner units of each layer; fewer than the base has, once `prune.py` has taken the others out
    batch_rows: int = 48
    body_rate: float = 1e-4  # learning rate of the encoder
    head_rate: float = 1e-3
    warmup: float = 0.06  # share of the steps
    rate_left: float = 0.0  # share of the learning rates at the last step; they fall in a straight line
    decay: float = 0.01  # weight decay
    dropout: float = 0.1
    mapped_weight: float = 0.3  # of a column that trains a shared head through an offset of its own
    extra_weight: float = 0.15  # of a column that only its set has
    taught_weight: float = 0.0  # of what the teacher says of each head, where there is one
    rare_weight: float = 3.0  # most that one positive may weigh against one negative
    seed: int = 20261122


class Learner(nn.Module):
    """The network with what only training needs: one offset for each column that shares a head."""

    def __init__(self, network: Network, columns: Columns, *, weights: Tensor, positive: Tensor) -> None:
        super().__init__()
        self.network = network
        self.offsets = nn.Parameter(torch.zeros(len(columns.names)))
        self.weights: Tensor
        self.positive: Tensor
        self.register_buffer("weights", weights)
        self.register_buffer("positive", positive)
        direct = [at for at, name in enumerate(columns.names) if name in columns.head_of]
        self._direct = torch.tensor(direct)
        self._heads = torch.tensor([columns.head_of[columns.names[at]] for at in direct])
        self._graded = torch.tensor([columns.is_graded(columns.names[at]) for at in direct])
        self._graded_heads = torch.tensor([name in GRADED for name in columns.heads])
        self._shared = torch.tensor([float("@" in columns.names[at]) for at in direct])
        self._intent = columns.names.index("intent@email_intent")
        self._intent_heads = [columns.heads.index(act) for act in INTENT]

    def forward(self, pieces: Tensor, targets: Tensor, taught: Tensor | None = None, *, weight: float = 0.0) -> Tensor:
        """The loss of one batch, a scalar; with what a teacher says of its rows, shape (rows, heads), counted too."""
        raw = self.network(pieces).float()
        loss = self._miss(raw, targets)
        return loss if taught is None else loss + weight * measure_unlike(raw, taught, self._graded_heads)

    def _miss(self, raw: Tensor, targets: Tensor) -> Tensor:
        """How far from what the sets say."""
        scores = raw[:, self._heads] + self.offsets[self._direct] * self._shared
        wanted = targets[:, self._direct]
        said = ~torch.isnan(wanted)
        wanted = torch.where(said, wanted, torch.zeros_like(wanted))
        positive = self.positive[self._direct]
        binary = functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none", pos_weight=positive)
        graded = functional.smooth_l1_loss(scores, wanted, reduction="none")
        losses = torch.where(self._graded, graded, binary) * self.weights[self._direct] * said
        return losses.sum() / len(raw) + self._any_of(raw, targets)

    def _any_of(self, raw: Tensor, targets: Tensor) -> Tensor:
        """Loss of the set that says only that one of several acts is there: 1 - P(none of them)."""
        wanted = targets[:, self._intent]
        said = ~torch.isnan(wanted)
        if not said.any():
            return raw.new_zeros(())
        none = functional.logsigmoid(-(raw[said][:, self._intent_heads])).sum(-1) + self.offsets[self._intent]
        none = none.clamp(max=-1e-4)
        losses = torch.where(wanted[said] > 0, -torch.log1p(-none.exp()), -none)
        return losses.sum() * self.weights[self._intent] / len(targets)


def measure_unlike(raw: Tensor, taught: Tensor, graded: Tensor) -> Tensor:
    """How far outputs are from a teacher's, a scalar: cross-entropy beyond the least possible, for graded heads smooth
    absolute error; summed over the heads, shape (heads,) of `graded`, and averaged over the rows."""
    chance = torch.sigmoid(taught)
    binary = functional.binary_cross_entropy_with_logits(raw, chance, reduction="none")
    least = functional.binary_cross_entropy_with_logits(taught, chance, reduction="none")
    far = functional.smooth_l1_loss(raw, taught, reduction="none")
    return torch.where(graded, far, binary - least).sum() / len(raw)


def weigh_columns(columns: Columns, parts: Mapping[str, Encoded], recipe: Recipe) -> tuple[Tensor, Tensor]:
    """What one row counts in each column, and what a positive counts against a negative."""
    targets = np.concatenate([part.targets for part in parts.values()])
    weights, positive = np.ones(len(columns.names)), np.ones(len(columns.names))
    for at, name in enumerate(columns.names):
        if "@" in name and not columns.is_graded(name):
            weights[at] = recipe.mapped_weight
        elif "/" in name:
            weights[at] = recipe.extra_weight
        if not columns.is_graded(name):
            said = targets[:, at][~np.isnan(targets[:, at])]
            share = max(said.mean(), 1e-3) if len(said) else 0.5
            positive[at] = min(recipe.rare_weight, np.sqrt((1 - share) / share))
    return torch.tensor(weights, dtype=torch.float32), torch.tensor(positive, dtype=torch.float32).clamp(min=1.0)


@torch.no_grad()
def run_network(network: Network, encoded: Encoded) -> NDArray[np.float32]:
    """Raw outputs, shape (rows, heads), in the order of the rows."""
    network.eval()
    order = np.argsort([len(row) for row in encoded.pieces], kind="stable")
    raw = np.zeros((len(order), network.heads.out_features), dtype=np.float32)
    for start in range(0, len(order), 64):
        chosen = order[start : start + 64]
        width = max(len(encoded.pieces[at]) for at in chosen)
        pieces = pad([encoded.pieces[at] for at in chosen], width=width, padding=0)
        raw[chosen] = network(torch.from_numpy(pieces)).numpy()
    return raw


LEAST_POSITIVES: Final = 4
_PREFIX: Final = "network."  # of the network's weights among those of the learner


def judge_dev(network: Network, dev: Mapping[str, Encoded], columns: Columns) -> dict[str, float]:
    """One figure per column with something to judge: average precision, or Pearson's r for graded ones."""
    figures: dict[str, float] = {}
    for name, part in dev.items():
        raw = run_network(network, part)
        for at, column in enumerate(columns.names):
            wanted = part.targets[:, at]
            said = ~np.isnan(wanted)
            if column not in columns.head_of or not said.any() or "/" in column:
                continue
            scores = raw[said, columns.head_of[column]]
            if columns.is_graded(column):
                figures[f"{name}:{column}"] = float(np.corrcoef(scores, wanted[said])[0, 1])
            elif wanted[said].sum() >= LEAST_POSITIVES:
                figures[f"{name}:{column}"] = float(average_precision_score(wanted[said], scores))
    return figures


def sum_up(figures: Mapping[str, float]) -> float:
    """The one number that chooses between epochs: the mean of real mail, own turns and graded scores."""
    groups = [
        [value for key, value in figures.items() if key.startswith("business_acts:")],
        [value for key, value in figures.items() if key.startswith(f"{OWN}:")],
        [value for key, value in figures.items() if key.partition(":")[2].partition("@")[0] in GRADED],
    ]
    return float(np.mean([np.mean(group) for group in groups if group]))


def load_network(checkpoint: Mapping[str, Any], *, dropout: float = 0.0) -> Network:
    """The network of a checkpoint, with all its heads, ready to run."""
    state = {
        name.removeprefix(_PREFIX): value for name, value in checkpoint["learner"].items() if name.startswith(_PREFIX)
    }
    recipe = checkpoint["recipe"]
    network = Network(
        layers=recipe["layers"],
        heads=len(checkpoint["heads"]),
        inner=recipe["inner"],
        opened=recipe["opened"],
        dropout=dropout,
    )
    network.load_state_dict(state)
    return network.eval()


def train(
    recipe: Recipe,
    *,
    data: Path,
    own: Path,
    base: Path,
    run: Path,
    start: Path | None = None,
    teacher: Path | None = None,
) -> Path:
    """Train, writing a checkpoint and a line of figures for each epoch into `run`; goes on where a run stopped.

    Args:
        start: a checkpoint of an earlier stage to begin with; else the base model.
        teacher: a checkpoint whose heads are to be imitated on every row, whatever its set says.

    Returns: the checkpoint that is best on dev: of one of the epochs, or the one it began with.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    tokeniser = read_vocabulary(base / "vocab.txt")
    rows = read_split(data, own, "train")
    columns = find_columns(rows)
    parts = {name: encode_rows(part, columns, tokeniser) for name, part in rows.items() if name in recipe.drawn}
    dev = encode_dev(columns, tokeniser, data=data, own=own)
    weights, positive = weigh_columns(columns, parts, recipe)
    network = Network(
        layers=recipe.layers,
        heads=len(columns.heads),
        inner=recipe.inner,
        opened=recipe.opened,
        dropout=recipe.dropout,
    )
    if start is None:
        load_base(network, base / "model.safetensors", kept_layers=list(range(recipe.layers)))
    # Half of all weights lie in the words, most of them met too seldom to be learned from these sets.
    for part in (network.words, network.places, network.norm, *network.layers[: recipe.frozen]):
        part.requires_grad_(False)
    learner = Learner(network, columns, weights=weights, positive=positive)
    if start is not None:
        learner.load_state_dict({**torch.load(start, weights_only=True)["learner"], **_buffers(learner)})
    master = None if teacher is None else load_network(torch.load(teacher, weights_only=True))
    optimiser = _make_optimiser(learner, recipe)
    steps = _count_steps(parts, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min((step + 1) / (recipe.warmup * steps), 1.0 - (1.0 - recipe.rate_left) * min(step / steps, 1.0)),
    )
    done = _resume(run, learner, optimiser, schedule)
    for epoch in range(done, recipe.epochs):
        started = time.monotonic()
        losses = _one_epoch(learner, parts, optimiser, schedule, recipe=recipe, epoch=epoch, master=master)
        figures = judge_dev(network, dev, columns)
        torch.save(
            {
                "learner": learner.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "heads": columns.heads,
                "recipe": asdict(recipe),
                "figures": figures,
            },
            run / f"epoch-{epoch}.pt",
        )
        line = {"epoch": epoch, "loss": losses, "score": sum_up(figures), "seconds": round(time.monotonic() - started)}
        with (run / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({**line, "figures": {key: round(value, 4) for key, value in figures.items()}}) + "\n")
        print(json.dumps(line), flush=True)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    best = max(lines, key=lambda line: line["score"])
    if start is not None and sum_up(torch.load(start, weights_only=True)["figures"]) >= best["score"]:
        return start  # this stage made nothing better
    return run / f"epoch-{best['epoch']}.pt"


def encode_dev(columns: Columns, tokeniser: Tokeniser, *, data: Path, own: Path) -> dict[str, Encoded]:
    """The dev rows looked at after each epoch."""
    rows = read_split(data, own, "dev")
    return {name: encode_rows(_cap(part), columns, tokeniser) for name, part in rows.items() if part}


def _one_epoch(
    learner: Learner,
    parts: Mapping[str, Encoded],
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    *,
    recipe: Recipe,
    epoch: int,
    master: Network | None,
) -> float:
    learner.train()
    rng = np.random.default_rng([recipe.seed, epoch])
    total, count = 0.0, 0
    for pieces, targets in draw_epoch(parts, drawn=recipe.drawn, rng=rng, batch_rows=recipe.batch_rows):
        # In float32: without matrix units for bfloat16, autocast ran three times slower backwards.
        loss = learner(pieces, targets, _ask(master, pieces), weight=recipe.taught_weight)
        loss.backward()
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        total, count = total + loss.item(), count + 1
        if count % 100 == 0:
            print(f"epoch {epoch} step {count} loss {total / count:.4f}", flush=True)
    return total / count


@torch.no_grad()
def _ask(master: Network | None, pieces: Tensor) -> Tensor | None:
    return None if master is None else master(pieces)


def _make_optimiser(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    heads = [*learner.network.heads.parameters(), learner.offsets]
    chosen = {id(parameter) for parameter in heads}
    body = [p for p in learner.parameters() if p.requires_grad and id(p) not in chosen]
    return torch.optim.AdamW(
        [{"params": body, "lr": recipe.body_rate}, {"params": heads, "lr": recipe.head_rate}], weight_decay=recipe.decay
    )


def _count_steps(parts: Mapping[str, Encoded], recipe: Recipe) -> int:
    batches = sum(
        1 for _ in draw_epoch(parts, drawn=recipe.drawn, rng=np.random.default_rng(0), batch_rows=recipe.batch_rows)
    )
    return batches * recipe.epochs


def _resume(
    run: Path,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> int:
    """Load the newest checkpoint of this run; returns how many epochs it has behind it."""
    done = len(list(run.glob("epoch-*.pt")))
    if done:
        kept = torch.load(run / f"epoch-{done - 1}.pt", weights_only=True)
        learner.load_state_dict(kept["learner"])
        optimiser.load_state_dict(kept["optimiser"])
        schedule.load_state_dict(kept["schedule"])
    return done


def _buffers(learner: Learner) -> dict[str, Tensor]:
    """What a stage weighs for itself, and does not take over from the stage before."""
    return {"weights": learner.weights, "positive": learner.positive}


def _cap(rows: Sequence[Row], most: int = 500) -> Sequence[Row]:
    """Dev rows looked at after each epoch; the final report uses all."""
    return rows[:most]
