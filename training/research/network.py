"""The network of the research recipe: every turn is encoded once, and answers also see the turn before.

A turn goes through the encoder by itself. Tasks that need none of its context read it there: mean and maximum over its
pieces, a look of the task's own, and its length. For tasks that judge an answer, the states of the turn then heed those
of the turn before in one more attention, and only what comes of that is read. In a conversation each turn is thus
encoded once, as an answer and as what is answered, and tasks that need no context cost nothing more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from training.model import ATTENTION_HEADS, BASE_SHA256, Layer
from training.research.tasks import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base model: its shape, and where its parts lie in its file.

    Attributes:
        shift: what is added to a piece's number in BERT's vocabulary.
        first_place: the number of the first place.
        buckets: of distances that attention heeds; 0 where it heeds places alone.
    """

    name: str
    sha256: str
    layers: int
    width: int
    inner: int
    vocabulary: int
    places: int
    shift: int
    first_place: int
    buckets: int
    eps: float
    attention: str
    marks: Mapping[int, int]  # numbers that do not follow `shift`


MINILM: Final = Base(
    name="minilm",
    sha256=BASE_SHA256,
    layers=6,
    width=384,
    inner=1536,
    vocabulary=30522,
    places=512,
    shift=0,
    first_place=0,
    buckets=0,
    eps=1e-12,
    attention="attention.self.query attention.self.key attention.self.value attention.output.dense "
    "attention.output.LayerNorm",
    marks={},
)
MPNET: Final = Base(
    name="mpnet",
    sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    layers=12,
    width=768,
    inner=3072,
    vocabulary=30527,
    places=514,
    shift=4,
    first_place=2,
    buckets=32,
    eps=1e-5,
    attention="attention.attn.q attention.attn.k attention.attn.v attention.attn.o attention.LayerNorm",
    marks={0: 1, 101: 0, 102: 2},  # padding, opening, closing
)
BASES: Final = {base.name: base for base in (MINILM, MPNET)}


class Body(nn.Module):
    """Word pieces by BERT's numbers, 0 where there is none, to one state for each."""

    def __init__(self, base: Base, *, layers: int | None = None, dropout: float = 0.1) -> None:
        super().__init__()
        self.base = base
        self.words = nn.Embedding(base.vocabulary, base.width)
        self.places = nn.Embedding(base.places, base.width)
        self.norm = nn.LayerNorm(base.width, eps=base.eps)
        self.layers = nn.ModuleList(
            Layer(base.inner, dropout, width=base.width, eps=base.eps) for _ in range(layers or base.layers)
        )
        self.distances = nn.Embedding(base.buckets, ATTENTION_HEADS) if base.buckets else None
        self.dropout = nn.Dropout(dropout)
        numbers = torch.arange(base.vocabulary).add(base.shift).clamp(max=base.vocabulary - 1)
        for number, own in base.marks.items():
            numbers[number] = own
        self._numbers: Tensor
        self.register_buffer("_numbers", numbers, persistent=False)

    def forward(self, pieces: Tensor) -> Tensor:
        """Shape (rows, length) to shape (rows, length, width)."""
        length, first = pieces.shape[1], self.base.first_place
        x = self.words(self._numbers[pieces]) + self.places.weight[first : first + length]
        x = self.dropout(self.norm(x))
        mask = torch.where(pieces != 0, 0.0, -1e4)[:, None, None, :]
        if self.distances is not None:
            bias = self.distances(bucket_distances(length, self.base.buckets, device=pieces.device))
            mask = mask + bias.permute(2, 0, 1)
        for layer in self.layers:
            x = layer(x, mask)
        return x


def bucket_distances(length: int, buckets: int, *, device: torch.device | None = None) -> Tensor:
    """The bucket of the distance from each place to each other, shape (length, length): near ones have their own,
    farther ones share in steps that grow, and each direction has half of them.

    Source: Raffel et al. 2020, section 2.1, as MPNet uses it, with 128 as the greatest distance told apart.
    """
    place = torch.arange(length, device=device)
    ahead = place[None, :] - place[:, None]
    half = buckets // 2
    near = half // 2
    far = ahead.abs().clamp(min=1).float()
    steps = near + (torch.log(far / near) / math.log(128 / near) * (half - near)).long()
    return torch.where(ahead.abs() < near, ahead.abs(), steps.clamp(max=half - 1)) + (ahead > 0).long() * half


class Reader(nn.Module):
    """Texts, and the turn before where a task wants it, to the outputs of each task."""

    def __init__(self, base: Base, tasks: Sequence[Task], *, layers: int | None = None, dropout: float = 0.1) -> None:
        super().__init__()
        width = base.width
        self.body = Body(base, layers=layers, dropout=dropout)
        self.asked, self.offered = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.joined, self.joined_norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.looks = nn.ParameterDict({_key(task.name): nn.Parameter(torch.zeros(width)) for task in tasks})
        self.heads = nn.ModuleDict({_key(task.name): nn.Linear(3 * width + 1, len(task.outputs)) for task in tasks})
        self.dropout = nn.Dropout(dropout)

    def forward(self, pieces: Tensor, before: Tensor | None, tasks: Sequence[Task]) -> dict[str, Tensor]:
        """Outputs of each of `tasks`, shape (rows, outputs).

        Args:
            pieces: shape (rows, length).
            before: the same for the turn before; None where no task wants it.
        """
        alone = self.body(pieces)
        views = {False: (alone, pool(alone, pieces))}
        if before is not None and any(task.answers for task in tasks):
            heard = self.heed(alone, self.body(before), before)
            views[True] = (heard, pool(heard, pieces))
        said: dict[str, Tensor] = {}
        for task in tasks:
            states, pooled = views[task.answers and True in views]
            key = _key(task.name)
            fit = (states @ self.looks[key].to(states.dtype)) / math.sqrt(states.shape[-1])
            share = torch.softmax(fit.masked_fill(pieces == 0, -1e4).float(), dim=-1).to(states.dtype)
            looked = (share[:, None, :] @ states).squeeze(1)
            said[task.name] = self.heads[key](self.dropout(torch.cat([pooled, looked], dim=-1))).float()
        return said

    def heed(self, states: Tensor, others: Tensor, pieces: Tensor) -> Tensor:
        """States that have heeded those of the turn before, whose word pieces are `pieces`."""
        rows, length, width = states.shape

        def split(x: Tensor) -> Tensor:
            return x.view(rows, -1, ATTENTION_HEADS, width // ATTENTION_HEADS).transpose(1, 2)

        key, value = self.offered(others).chunk(2, dim=-1)
        query = split(self.asked(states))
        mask = torch.where(pieces != 0, 0.0, -1e4)[:, None, None, :].to(query.dtype)
        seen = functional.scaled_dot_product_attention(query, split(key), split(value), attn_mask=mask)
        seen = self.joined(seen.transpose(1, 2).reshape(rows, length, width))
        return self.joined_norm(states + self.dropout(seen))


def pool(states: Tensor, pieces: Tensor) -> Tensor:
    """Mean and maximum over the pieces that there are, and the logarithm of how many; shape (rows, 2 width + 1)."""
    kept = (pieces != 0).unsqueeze(-1).to(states.dtype)
    count = kept.sum(1)
    highest = (states + (kept - 1) * 1e4).amax(1)
    return torch.cat([(states * kept).sum(1) / count, highest, torch.log(count) - 3.0], dim=-1)


def _key(name: str) -> str:
    return name.replace("/", "_")  # a module's name may hold no dot, and torch.save reads slashes as such; keep plain


def load_body(body: Body, weights: Mapping[str, Tensor]) -> None:
    """Fill the body with a base model's weights, as its file names them; the lowest layers where it has fewer.

    Raises: ValueError when the two do not fit.
    """
    places = weights["embeddings.position_embeddings.weight"]
    if "embeddings.token_type_embeddings.weight" in weights:
        places = places + weights["embeddings.token_type_embeddings.weight"][0]  # every text is of type 0
    own = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        "places.weight": places,
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    if body.distances is not None:
        own["distances.weight"] = weights["encoder.relative_attention_bias.weight"]
    *asking, attended, norm = body.base.attention.split()
    for at in range(len(body.layers)):
        old, new = f"encoder.layer.{at}.", f"layers.{at}."
        for kind in ("weight", "bias"):
            own[f"{new}query_key_value.{kind}"] = torch.cat([weights[f"{old}{part}.{kind}"] for part in asking])
            own[f"{new}attended.{kind}"] = weights[f"{old}{attended}.{kind}"]
            own[f"{new}attended_norm.{kind}"] = weights[f"{old}{norm}.{kind}"]
            own[f"{new}widen.{kind}"] = weights[f"{old}intermediate.dense.{kind}"]
            own[f"{new}narrow.{kind}"] = weights[f"{old}output.dense.{kind}"]
            own[f"{new}output_norm.{kind}"] = weights[f"{old}output.LayerNorm.{kind}"]
    body.load_state_dict({name: value.float() for name, value in own.items()})


def read_base(base: Base, path: Path) -> dict[str, Tensor]:
    """The weights in the file of a base model.

    Raises: ValueError when the file is not the pinned one.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    if digest.hexdigest() != base.sha256:
        raise ValueError(f"{path} has sha256 {digest.hexdigest()}, not the pinned {base.sha256}")
    return load_file(path)
