"""Fewer inner units in each layer: the least needed are taken out, and what is left takes over their work.

Source: Hassibi & Stork 1993, "Second order derivatives for network pruning: Optimal Brain Surgeon". There the loss is
the network's; here it is the squared error of one layer's own output, whose second derivative is known exactly, so no
gradient and no further training is needed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.data import OWN, find_columns, read_split
from training.export import batch_pieces, read_vocabulary
from training.model import Network
from training.train import encode_dev, judge_dev, load_network

_RIDGE: Final = 1e-4  # of the mean second moment: the moments of a finite sample are never quite invertible
_MOMENTS_FROM: Final = 3000  # sentences of real mail and own turns


def prune_checkpoint(start: Path, *, kept: int, opened: bool, data: Path, own: Path, base: Path, run: Path) -> Path:
    """A checkpoint like `start` with `kept` inner units in each layer, with or without the opening mark, judged on dev.

    Made once, into `run`.
    """
    made = run / "pruned.pt"
    if made.exists():
        return made
    run.mkdir(parents=True, exist_ok=True)
    held = torch.load(start, weights_only=True)
    network = load_network(held)
    network.opened = opened
    tokeniser, rows = read_vocabulary(base / "vocab.txt"), read_split(data, own, "train")
    texts = [row.text for name in ("business_acts", OWN) for row in rows[name]]
    met = batch_pieces(tokeniser, random.Random(0).sample(texts, _MOMENTS_FROM))
    prune_inner(network, map(torch.from_numpy, met), kept=kept)
    columns = find_columns(rows)
    figures = judge_dev(network, encode_dev(columns, tokeniser, data=data, own=own), columns)
    learner = {**held["learner"], **{f"network.{name}": value for name, value in network.state_dict().items()}}
    pruned = {
        "learner": learner,
        "heads": held["heads"],
        "recipe": {**held["recipe"], "inner": kept, "opened": opened},
        "figures": figures,
    }
    torch.save(pruned, made)
    return made


@torch.no_grad()
def prune_inner(network: Network, batches: Iterable[Tensor], *, kept: int) -> Network:
    """Take inner units out of every layer until `kept` are left; changes `network` and returns it.

    From below upwards: each layer's moments are measured on what the layers under it now give, so that errors do not
    add up unseen.

    Args:
        batches: word pieces, shape (rows, length), of a few thousand sentences such as the network will meet.
        kept: inner units of each layer afterwards.
    """
    network.eval()
    pieces = list(batches)
    for at, layer in enumerate(network.layers):
        moments, count = torch.zeros(2 * [layer.widen.out_features], dtype=torch.float64), 0
        for batch in pieces:
            inner = _inner_states(network, at, batch)
            moments += (inner.T @ inner).double()
            count += len(inner)
        units, narrow = _choose_units(moments / count, layer.narrow.weight.double(), kept=kept)
        _keep_units(layer, units, narrow)
    return network


def _inner_states(network: Network, at: int, pieces: Tensor) -> Tensor:
    """What layer `at` computes between its two products, shape (pieces that are not padding, inner units)."""
    layer, seen = network.layers[at], list[Tensor]()
    watch = layer.widen.register_forward_hook(lambda _module, _taken, given: seen.append(given))
    network.hidden(pieces)
    watch.remove()
    return functional.gelu(seen[0][network.open_rows(pieces) != 0])


def _choose_units(moments: Tensor, narrow: Tensor, *, kept: int) -> tuple[Tensor, Tensor]:
    """Which units stay, and the product that makes the most of them.

    Args:
        moments: second moments of the units, shape (units, units).
        narrow: the product after them, shape (width, units).

    Returns: the units that stay, rising, shape (kept,); the new product, shape (width, kept).
    """
    units = len(moments)
    ridge = _RIDGE * moments.diagonal().mean() * torch.eye(units, dtype=moments.dtype)
    inverse, narrow = torch.linalg.inv(moments + ridge), narrow.clone()
    alive = torch.ones(units, dtype=torch.bool)
    for _ in range(units - kept):
        # Error that taking a unit out leaves once all others have been fitted anew.
        cost = narrow.square().sum(0) / inverse.diagonal()
        out = int(torch.where(alive, cost, torch.inf).argmin())
        pull = inverse[out] / inverse[out, out]
        narrow -= torch.outer(narrow[:, out], pull)
        inverse -= torch.outer(inverse[:, out], pull)
        alive[out] = False
        inverse[out, out] = 1.0  # its row and column are zero now; keeps the division above finite
    left = alive.nonzero().squeeze(-1)
    return left, narrow[:, left]


def _keep_units(layer: nn.Module, units: Tensor, narrow: Tensor) -> None:
    widen, old = layer.widen, layer.narrow
    layer.widen = nn.Linear(widen.in_features, len(units))
    layer.widen.weight.copy_(widen.weight[units])
    layer.widen.bias.copy_(widen.bias[units])
    layer.narrow = nn.Linear(len(units), old.out_features)
    layer.narrow.weight.copy_(narrow.to(old.weight.dtype))
    layer.narrow.bias.copy_(old.bias)
