"""The research recipe in one command: `python -m training.build --recipe research`, or `python -m training.research`.

Rows are packed, seeds learned, and what each says of dev and test kept; the report is made of that. Each step is left
out where its result lies there already, so a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from training.research.bases import cut_pieces, find_base
from training.research.learn import FULL, QUICK, Recipe, learn, load_best, say_all
from training.research.network import BASES
from training.research.packed import Split, read_packed
from training.research.tasks import EVERY

RUN: Final = Path("training/runs/research")
WEIGHTS: Final = Path("src/troth/encoder/weights")
FIGURES: Final = Path("src/troth/checks/recipes.json")
STEPS: Final = ("pack", "learn", "report")
WHY: Final = (
    "Some of these sets may be used to judge and for weights that you build for yourself, but their licences forbid or "
    "do not state that weights learned from them be passed on. So everything made here stays in {run}, which git "
    "ignores; nothing is written into the package but figures."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack, learn, report."""
    parser = argparse.ArgumentParser(prog="python -m training.build --recipe research", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder of labelled sets")
    parser.add_argument("--own", type=Path, default=Path("training/own"), help="the turns written for this project")
    parser.add_argument("--run", type=Path, default=RUN, help="packed rows, checkpoints, logs, weights")
    parser.add_argument(
        "--base",
        choices=["shipped", *BASES],
        default="minilm",
        help="what is fine-tuned; shipped: linear heads on the encoder of the package, which stays as it is",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, help="of the processor; few where others use it too")
    parser.add_argument("--quick", action="store_true", help="small epochs, upper layers alone: for a slow machine")
    parser.add_argument("--epochs", type=int, help="at most; the learning rate falls to nothing at the last")
    parser.add_argument("--minutes", type=float, help="begin no epoch that would not be over by then")
    parser.add_argument("--rows", type=int, help="of each split of a set, to try things out; no report then")
    parser.add_argument(
        "--carry", type=Path, help="write rows and base model into this folder in parts of 30 MiB, and do no more"
    )
    parser.add_argument("--pin", action="store_true", help="take the data files as they are now into the manifest")
    parser.add_argument("--only", choices=STEPS, nargs="+", default=list(STEPS), help="these steps")
    parser.add_argument("--into", type=Path, default=FIGURES, help="where the figures go")
    options = parser.parse_args(arguments)
    print(WHY.format(run=options.run), file=sys.stderr)
    if options.threads:
        torch.set_num_threads(options.threads)

    rows = options.run / ("rows.npz" if options.rows is None else f"rows-{options.rows}.npz")
    if "pack" in options.only and not rows.is_file():
        # A machine that only learns has no need of these.
        from training.research.manifest import check_pinned, pin  # noqa: PLC0415
        from training.research.pack import pack_all  # noqa: PLC0415

        if options.pin:
            pin(options.data)
        check_pinned(options.data)
        pack_all(options.data, options.own, vocabulary=WEIGHTS / "vocabulary.txt", into=rows, rows=options.rows)
    if options.carry is not None:
        if options.base == "shipped":
            parser.error("--carry is for a base model that is fine-tuned: --base minilm or mpnet")
        for path in (*cut_pieces(find_base(BASES[options.base]), options.carry), options.carry / "rows" / rows.name):
            print(path, file=sys.stderr)
        (options.carry / "rows").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(rows, options.carry / "rows" / rows.name)
        return
    if "learn" in options.only and not _learn(options, rows):
        print("The time is up. Give the same command again to go on.", file=sys.stderr)
        return
    if "report" in options.only and options.rows is None:
        from training.research.report import report  # noqa: PLC0415

        report(
            options.data,
            options.own,
            packed=rows,
            run=options.run / options.base,
            base=options.base,
            opened=options.run / f"open-{rows.stem}.npz",
            into=options.into,
        )


def _learn(options: argparse.Namespace, rows: Path) -> bool:
    """Learn what is not learned yet; whether all is done."""
    began = time.monotonic()
    if not rows.is_file():
        raise SystemExit(f"{rows} is missing. Leave --only out, or give it pack.")
    sets = read_packed(rows)
    run: Path = options.run / options.base
    if options.base == "shipped":
        from training.research.frozen import learn_heads  # noqa: PLC0415

        for name in sets["test"]:
            path = run / "seed-0" / f"said-{name}.npz"
            if not path.is_file():
                _keep(path, learn_heads(name, sets, EVERY, weights=WEIGHTS))
        return True
    base, device = BASES[options.base], torch.device(options.device)
    recipe = _choose_recipe(options)
    weights: Mapping[str, torch.Tensor] | None = None
    for seed in options.seeds:
        folder = run / f"seed-{seed}"
        if any(folder.glob("said*.npz")):
            continue
        weights = weights or find_base(base)
        left = None if options.minutes is None else options.minutes * 60 - (time.monotonic() - began)
        done = learn(
            base, weights, sets["train"], sets["dev"], EVERY,
            recipe=recipe, seed=seed, run=folder, device=device, most_s=left,
        )  # fmt: skip
        if not done:
            return False
        reader = load_best(base, EVERY, recipe=recipe, run=folder, device=device)
        said = {split: say_all(reader, sets[split], EVERY, recipe=recipe, device=device) for split in ("dev", "test")}
        _keep(folder / "said.npz", said)
    return True


def _choose_recipe(options: argparse.Namespace) -> Recipe:
    recipe = QUICK if options.quick else FULL
    if options.base == "minilm" and not options.quick:
        recipe = recipe.with_rates(body=1e-4, head=1e-3)
    return recipe if options.epochs is None else recipe.with_epochs(options.epochs)


def _keep(path: Path, said: Mapping[Split, Mapping[str, NDArray[np.float32]]]) -> None:
    """What was said, in half precision: enough for every figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"{split}/{key}": value.astype(np.float16) for split, part in said.items() for key, value in part.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
