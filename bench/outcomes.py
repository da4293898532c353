"""What trust at the end of a conversation foretells of its outcome, with the encoder's own findings.

    python bench/outcomes.py [--data ../shared/data] [--only CORPUS]

SHOWN and HELD after the last turn, all facets alike, are laid beside what people said or did afterwards, and beside two
things anybody can count: length, and sentiment by VADER, which was trained on none of this. Nothing is fitted to an
outcome but the regression that takes length and sentiment out. Parts that the encoder's heads were trained on are left
out. The figures go to bench/outcomes.json, and from there into docs/sequences.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import rankdata
from sequences import PAGE, fill_page, find_data, read_rows
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from troth.encoder import encoder_id, load_encoder
from troth.intake import take_turns
from troth.lenses import WHOLE
from troth.pipeline import take_stock, understand_all
from troth.promises import Calendar
from troth.readings import load_reference
from troth.trust import DEFAULT_MODEL, close_states, score_pillar

RESULTS = Path(__file__).parent / "outcomes.json"
START = dt.datetime(2024, 1, 8, 9, tzinfo=dt.UTC)  # the sets have no times: a minute lies between two turns
END = START + dt.timedelta(days=1)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One conversation as one side's counterpart lived it, and what came of it."""

    name: str
    cluster: str  # conversations of one kind, which go together
    turns: list[tuple[bool, str]]  # ours or theirs, and what was said
    outcomes: dict[str, float] = field(default_factory=dict)


# The corpora


def read_satisfaction(data: Path, folder: str) -> Iterator[Talk]:
    """Task dialogues of the dev and test parts; the outcome is the raters' satisfaction with the whole."""
    for part in ("dev", "test"):
        for row in read_rows(data / folder, part):
            turns = [(turn["speaker"] == "agent", turn["text"]) for turn in row["turns"]]
            rated = {"satisfaction": row["outcome"]["satisfaction_mean"]}
            yield Talk(name=row["id"], cluster=row["id"], turns=turns, outcomes=rated)


def read_negotiations(data: Path) -> Iterator[Talk]:
    """Test negotiations, once from each side: the partner is us, the one who rates is them."""
    for row in read_rows(data / "casino", "test"):
        for rater in ("1", "2"):
            turns = [(turn["speaker"] != rater, turn["text"]) for turn in row["turns"]]
            own = row["outcome"][rater]
            outcomes = {"satisfaction": float(own["satisfaction"]), "liking": float(own["likes_partner"])}
            yield Talk(name=f"{row['id']}-{rater}", cluster=row["id"], turns=turns, outcomes=outcomes)


def read_requests(data: Path) -> Iterator[Talk]:
    """Requests for a donation that no head has seen; the outcome is whether money was given."""
    for part in ("test", "extra"):
        for row in read_rows(data / "persuasion_for_good", part):
            turns = [(turn["speaker"] == "persuader", turn["text"]) for turn in row["turns"]]
            given = {"donation": float(row["outcome"]["persuadee_donation"] > 0)}
            yield Talk(name=row["id"], cluster=row["id"], turns=turns, outcomes=given)


def read_airline(data: Path) -> Iterator[Talk]:
    """An AI agent's chats; the outcome is whether the booking ended right. Four trials of one task go together."""
    folder = data / "interactions" / "ai_agent_airline"
    said: dict[str, list[tuple[bool, str]]] = {}
    for row in read_rows(folder, "messages"):
        said.setdefault(row["conversation_id"], []).append((row["sender_side"] == "company", row["text"]))
    for row in read_rows(folder, "outcomes"):
        name = row["conversation_id"]
        yield Talk(name=name, cluster=str(row["task_id"]), turns=said[name], outcomes={"solved": float(row["solved"])})


CORPORA: dict[str, Callable[[Path], Iterator[Talk]]] = {
    "USS MultiWOZ": lambda data: read_satisfaction(data, "uss_mwoz"),
    "USS SGD": lambda data: read_satisfaction(data, "uss_sgd"),
    "CaSiNo": read_negotiations,
    "PersuasionForGood": read_requests,
    "airline agent": read_airline,
}


def draw_talks(talks: Sequence[Talk], most: int, rng: np.random.Generator) -> list[Talk]:
    """At most so many conversations, drawn at random."""
    if len(talks) <= most:
        return list(talks)
    return [talks[i] for i in np.sort(rng.choice(len(talks), most, replace=False))]


# What is measured


def measure_trust(talks: Sequence[Talk]) -> tuple[Floats, Floats]:
    """SHOWN and HELD of each conversation after its last turn; 0, what is typical, where there was no reading."""
    rows = [
        {
            "turn_id": f"{talk.name}/{number}",
            "conversation_id": talk.name,
            "relationship": talk.name,
            "position": number,
            "sent_at": START + dt.timedelta(minutes=number),
            "speaker": "us" if ours else "them",
            "side": "us" if ours else "them",
            "circle": "customer",
            "channel": "chat",
            "body": text,
        }
        for talk in talks
        for number, (ours, text) in enumerate(talk.turns)
    ]
    known = understand_all(take_turns(pa.Table.from_pylist(rows)), load_encoder())
    stock = take_stock(known, reference=load_reference(encoder_id()), calendar=Calendar(), now=END)
    standings = close_states(stock.readings, END)

    def score(name: str, gauge: str) -> float:
        standing = standings.get(name, {}).get(gauge)
        return 0.0 if standing is None else score_pillar(standing, WHOLE[gauge.lower()], DEFAULT_MODEL).mean

    shown, held = (np.array([score(talk.name, gauge) for talk in talks]) for gauge in ("SHOWN", "HELD"))
    return shown, held


def measure_plain(talks: Sequence[Talk]) -> dict[str, Floats]:
    """What anybody can count: turns, words, and mean sentiment of each side."""
    analyser = SentimentIntensityAnalyzer()

    def feel(talk: Talk, *, ours: bool) -> float:
        values = [analyser.polarity_scores(text)["compound"] for is_ours, text in talk.turns if is_ours is ours]
        return float(np.mean(values)) if values else 0.0

    return {
        "turns": np.array([float(len(talk.turns)) for talk in talks]),
        "words": np.array([float(sum(len(text.split()) for _, text in talk.turns)) for talk in talks]),
        "our sentiment": np.array([feel(talk, ours=True) for talk in talks]),
        "their sentiment": np.array([feel(talk, ours=False) for talk in talks]),
    }


def correlate(x: Floats, y: Floats, beyond: Sequence[Floats] = ()) -> float:
    """Spearman's correlation, the ranks of what it is to go beyond taken out of both."""
    ranks = [rankdata(one) for one in (x, y)]
    if beyond:
        basis = np.column_stack([np.ones(len(x)), *(rankdata(one) for one in beyond)])
        ranks = [one - basis @ np.linalg.lstsq(basis, one, rcond=None)[0] for one in ranks]
    if min(float(one.std()) for one in ranks) < 1e-9:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def bootstrap(
    figure: Callable[[npt.NDArray[np.int64]], float], clusters: Sequence[str], rng: np.random.Generator, draws: int
) -> tuple[float, float]:
    """The 95 % interval of a figure of rows, whole clusters drawn with replacement."""
    codes = np.unique(np.array(clusters, object).astype(str), return_inverse=True)[1]
    members = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    found = []
    for _ in range(draws):
        chosen = rng.integers(0, len(members), len(members))
        found.append(figure(np.concatenate([members[i] for i in chosen])))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def run_corpus(name: str, talks: Sequence[Talk], *, draws: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row for each outcome: correlations of SHOWN and HELD, plain and beyond length and sentiment."""
    shown, held = measure_trust(talks)
    plain = measure_plain(talks)
    sentiment = (plain["our sentiment"] + plain["their sentiment"]) / 2
    clusters = [talk.cluster for talk in talks]
    rows: list[dict[str, Any]] = []
    for outcome in talks[0].outcomes:
        y = np.array([talk.outcomes[outcome] for talk in talks])
        wanted: dict[str, tuple[Floats, list[Floats]]] = {
            "length": (plain["words"], []),
            "sentiment": (sentiment, []),
            "SHOWN": (shown, []),
            "HELD": (held, []),
            "SHOWN beyond": (shown, list(plain.values())),
            "HELD beyond": (held, list(plain.values())),
        }
        figures: dict[str, list[float]] = {}
        for label, (x, beyond) in wanted.items():

            def figure(at: npt.NDArray[np.int64], x: Floats = x, y: Floats = y, beyond: list[Floats] = beyond) -> float:
                return correlate(x[at], y[at], [one[at] for one in beyond])

            low, high = bootstrap(figure, clusters, rng, draws)
            figures[label] = [round(value, 3) for value in (figure(np.arange(len(y))), low, high)]
        rows.append(
            {
                "corpus": name,
                "outcome": outcome,
                "conversations": len(talks),
                "clusters": len(set(clusters)),
                "figures": figures,
            }
        )
    return rows


def draw_table(results: Sequence[dict[str, Any]]) -> str:
    """The table of docs/sequences.md."""
    names = list(results[0]["figures"])
    lines = [f"| outcome (conversations) | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for result in results:
        cells = [f"{result['corpus']}: {result['outcome']} ({result['conversations']})"]
        for name in names:
            value, low, high = result["figures"][name]
            text = f"{value:.2f} ({low:.2f} to {high:.2f})"
            cells.append(f"**{text}**" if low > 0 or high < 0 else text)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every corpus there is data for, keep the results and bring the page up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data())
    parser.add_argument("--only", help="corpora whose name contains this; nothing is written")
    parser.add_argument("--most", type=int, default=200, help="conversations of a corpus, drawn at random")
    parser.add_argument("--draws", type=int, default=1000, help="of the bootstrap")
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    for name, read in CORPORA.items():
        if arguments.only and arguments.only not in name:
            continue
        rng = np.random.default_rng(1)
        talks = draw_talks(list(read(arguments.data)) if arguments.data.is_dir() else [], arguments.most, rng)
        if not talks:
            print(f"{name}: no data")
            continue
        begun = time.perf_counter()
        results += run_corpus(name, talks, draws=arguments.draws, rng=rng)
        print(f"{name}: {time.perf_counter() - begun:.0f} s")
    if results:
        print(draw_table(results))
    if results and not arguments.only:
        kept = {"encoder": encoder_id(), "rows": results}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        PAGE.write_text(fill_page(PAGE.read_text("utf-8"), "outcomes", draw_table(results)), "utf-8")


if __name__ == "__main__":
    main()
