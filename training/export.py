"""From a trained network to the files that ship: OpenVINO's form, eight bits, with hashes."""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.model import ATTENTION_HEADS, WIDTH, Network
from troth.encoder.runtime import cut_batches
from troth.encoder.tokenise import Tokeniser, pad

FILES: Final = ("encoder.xml", "encoder.bin", "vocabulary.txt")

Precision = Literal["int8", "int8-weights", "float32"]


def read_vocabulary(path: Path) -> Tokeniser:
    """The tokeniser of the base model."""
    return Tokeniser(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))


def convert(network: Network, *, precision: Precision, tokeniser: Tokeniser, texts: Sequence[str]) -> openvino.Model:
    """The network in OpenVINO's form.

    Args:
        precision: "int8" computes in eight bits (ranges measured on `texts`), "int8-weights" only stores them so.
        texts: what the network will meet; a few hundred sentences of training data.
    """
    import nncf  # noqa: PLC0415  # noisy and slow to import, and not needed to train

    network = _spell_out(network)
    with torch.no_grad():
        model = openvino.convert_model(network, example_input=torch.ones(2, 8, dtype=torch.long))
    model.reshape([-1, -1])
    if precision == "int8":
        batches = list(batch_pieces(tokeniser, texts))
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(batches),
            # The heads are a thousandth of the work, and their inputs' ranges differ most.
            ignored_scope=nncf.IgnoredScope(patterns=[".*heads.*"]),
            # Half of each outlier's range moved into the weights. NNCF's own .95 lost far more: correlation with
            # float32 of .90 over all heads against .99, measured on business_acts/dev.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=0.5)
            ),
        )
    if precision == "int8-weights":
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
    return model


class _SpelledOut(nn.Module):
    """One layer with its attention in plain products: OpenVINO fuses these, and runs 15 % faster than when packed."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        weight, bias = layer.query_key_value.weight, layer.query_key_value.bias
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        for part, rows, offsets in zip(
            (self.query, self.key, self.value), weight.split(WIDTH), bias.split(WIDTH), strict=True
        ):
            part.weight, part.bias = nn.Parameter(rows.clone()), nn.Parameter(offsets.clone())

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        rows, length, _ = x.shape

        def split(states: Tensor) -> Tensor:
            return states.view(rows, length, ATTENTION_HEADS, WIDTH // ATTENTION_HEADS).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        fit = query @ key.transpose(-1, -2) * (WIDTH // ATTENTION_HEADS) ** -0.5 + mask
        seen = (torch.softmax(fit, dim=-1) @ value).transpose(1, 2).reshape(rows, length, WIDTH)
        return self.layer.finish(x, self.layer.attended(seen))


def _spell_out(network: Network) -> Network:
    """A copy of the network, ready to run, with its attention spelled out."""
    spelled = copy.deepcopy(network).eval()
    spelled.layers = nn.ModuleList(_SpelledOut(layer) for layer in spelled.layers)
    return spelled


def batch_pieces(tokeniser: Tokeniser, texts: Sequence[str]) -> list[NDArray[np.int64]]:
    """The texts in the batches in which the runtime would run them."""
    rows = [tokeniser.tokenise(text) for text in texts]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return [pad([rows[at] for at in batch.chosen], width=batch.width, padding=0) for batch in cut_batches(lengths)]


def save(model: openvino.Model, folder: Path, *, vocabulary: Path) -> dict[str, str]:
    """Write the weight files into `folder`; returns the hash of each."""
    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, folder / "encoder.xml", compress_to_fp16=True)
    shutil.copyfile(vocabulary, folder / "vocabulary.txt")
    return {name: hash_file(folder / name) for name in FILES}


def hash_file(path: Path) -> str:
    """Its sha256, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
