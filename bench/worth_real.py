"""What SHOWN and HELD add to length, price and sentiment on real conversations whose outcome is known, out of sample.

    python bench/worth_real.py [--data ../shared/data] [--only CORPUS] [--most 2000] [--keep FOLDER]

A regression on what anybody can count (length, price, sentiment by VADER) foretells the outcome; then the two gauges,
or all fourteen facets, are added. Once from the first half of each conversation, once from all of it. Only parts of
data sets that no head of the encoder learned from. The figures go to bench/worth_real.json, and from there into
docs/worth-real.md. With --keep what was read of each conversation is kept in a folder, and a second run goes on.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from folds import FOLDS, REPEATS, compare, foretell, foretell_by_words, set_up
from outcomes import END, START, draw_talks
from sequences import fill_page, find_data, read_rows
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
from worth_placebo import draw_placebo, run_placebo

from troth.encoder import encoder_id, load_encoder
from troth.intake import take_turns
from troth.lenses import WHOLE
from troth.pipeline import take_stock, understand_all
from troth.promises import Calendar
from troth.readings import load_reference
from troth.signals import HELD, SHOWN
from troth.trust import DEFAULT_MODEL, close_states, score_pillar

RESULTS = Path(__file__).parent / "worth_real.json"
PAGE = Path(__file__).parents[1] / "docs" / "worth-real.md"
SEED = 8
VIEWS = ("first half", "whole")
GAUGES = ("SHOWN", "HELD")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One conversation as one side's counterpart lived it, what was known before it, and what came of it."""

    name: str
    cluster: str
    turns: list[tuple[bool, str]]  # ours or theirs, and what was said
    facts: dict[str, float] = field(default_factory=dict)  # price and the like
    outcomes: dict[str, float] = field(default_factory=dict)


# The corpora


def read_satisfaction(data: Path, folder: str) -> Iterator[Talk]:
    """Task dialogues; the outcome is the raters' satisfaction with the whole."""
    for part in ("train", "dev", "test"):
        for row in read_rows(data / folder, part):
            turns = [(turn["speaker"] == "agent", turn["text"]) for turn in row["turns"]]
            rated = {"satisfaction": row["outcome"]["satisfaction_mean"]}
            yield Talk(name=row["id"], cluster=row["id"], turns=turns, outcomes=rated)


def read_negotiations(data: Path) -> Iterator[Talk]:
    """Test negotiations, once from each side: the partner is us, who rates is them; the price is their points."""
    for row in read_rows(data / "casino", "test"):
        for rater in ("1", "2"):
            own = row["outcome"][rater]
            yield Talk(
                name=f"{row['id']}-{rater}",
                cluster=row["id"],
                turns=[(turn["speaker"] != rater, turn["text"]) for turn in row["turns"]],
                facts={"points": float(own["points"])},
                outcomes={"satisfaction": float(own["satisfaction"]), "liking": float(own["likes_partner"])},
            )


def read_requests(data: Path) -> Iterator[Talk]:
    """Requests for a donation that no head has seen; lines of one speaker in a row are one turn."""
    for part in ("test", "extra"):
        for row in read_rows(data / "persuasion_for_good", part):
            turns: list[tuple[bool, str]] = []
            for line in row["turns"]:
                ours = line["speaker"] == "persuader"
                if turns and turns[-1][0] is ours:
                    turns[-1] = (ours, f"{turns[-1][1]} {line['text']}")
                else:
                    turns.append((ours, line["text"]))
            given = {"money given": float(row["outcome"]["persuadee_donation"] > 0)}
            yield Talk(name=row["id"], cluster=row["id"], turns=turns, outcomes=given)


def read_bargains(data: Path) -> Iterator[Talk]:
    """A seller, us, and a buyer; the price is what is asked, and which part of it the buyer was told to aim for."""
    for part in ("dev", "test"):
        for row in read_rows(data / "craigslist_bargain", part):
            about, came = row["meta"], row["outcome"]
            outcomes = {"agreed": float(came["agreed"])}
            if came["agreed"] and came["seller_share"] is not None:
                outcomes["seller's share"] = float(came["seller_share"])
            yield Talk(
                name=row["id"],
                cluster=row["id"],
                turns=[(turn["speaker"] == "seller", turn["text"]) for turn in row["turns"]],
                facts={
                    "price": math.log1p(about["list_price"]),
                    "aim": about["buyer_target"] / max(about["list_price"], 1.0),
                },
                outcomes=outcomes,
            )


_SUM = re.compile(r"[$£€]\s?(\d[\d,]{0,8})")


def read_pleas(data: Path, corpus: str) -> Iterator[Talk]:
    """Requests by one writer, us, whom nobody answers in the text; the price is the largest sum that is named."""
    for part in ("train", "dev", "test"):
        for row in read_rows(data / "good_faith_requests", part):
            if row["corpus"] != corpus:
                continue
            text = " ".join(turn["text"] for turn in row["turns"])
            sums = [float(found.replace(",", "")) for found in _SUM.findall(text) if found.replace(",", "")]
            facts = {"price": math.log1p(max(sums, default=0.0)), "no price": float(not sums)}
            granted = {"granted": float(row["outcome"]["granted"])}
            yield Talk(name=row["id"], cluster=row["id"], turns=[(True, text)], facts=facts, outcomes=granted)


CORPORA: dict[str, Callable[[Path], Iterator[Talk]]] = {
    "USS MultiWOZ": lambda data: read_satisfaction(data, "uss_mwoz"),
    "USS SGD": lambda data: read_satisfaction(data, "uss_sgd"),
    "CaSiNo": read_negotiations,
    "PersuasionForGood": read_requests,
    "CraigslistBargain": read_bargains,
    "loans asked for": lambda data: read_pleas(data, "borrow"),
    "pizzas asked for": lambda data: read_pleas(data, "raop"),
}


def cut_talk(talk: Talk, view: str) -> list[tuple[bool, str]]:
    """The turns that a view knows: all, or the first half of them."""
    return talk.turns if view == "whole" else talk.turns[: len(talk.turns) // 2]


# What is measured


def measure_trust(talks: Sequence[Talk], view: str) -> dict[str, Floats]:
    """SHOWN, HELD and each facet of each conversation at the end of a view; NaN where nothing was read of the gauge."""
    rows = [
        {
            "turn_id": f"{talk.name}/{number}",
            "conversation_id": talk.name,
            "relationship": talk.name,
            "position": number,
            "sent_at": START.replace(hour=START.hour + number // 60, minute=number % 60),
            "speaker": "us" if ours else "them",
            "side": "us" if ours else "them",
            "circle": "customer",
            "channel": "chat",
            "body": text,
        }
        for talk in talks
        for number, (ours, text) in enumerate(cut_talk(talk, view))
    ]
    known = understand_all(take_turns(pa.Table.from_pylist(rows)), load_encoder())
    stock = take_stock(known, reference=load_reference(encoder_id()), calendar=Calendar(), now=END)
    standings = close_states(stock.readings, END)
    found = {name: np.full(len(talks), np.nan) for name in (*GAUGES, *SHOWN, *HELD)}
    for number, talk in enumerate(talks):
        for gauge, standing in standings.get(talk.name, {}).items():
            found[gauge][number] = score_pillar(standing, WHOLE[gauge.lower()], DEFAULT_MODEL).mean
            for facet, mean in zip(standing.facets, standing.mean.tolist(), strict=True):
                found[facet][number] = mean
    return found


def measure_plain(talks: Sequence[Talk], view: str) -> dict[str, Floats]:
    """What anybody can count: length and mean sentiment of each side that wrote, and the price."""
    analyser = SentimentIntensityAnalyzer()
    parts = [cut_talk(talk, view) for talk in talks]

    def count_words(turns: list[tuple[bool, str]], *, ours: bool) -> float:
        return math.log1p(sum(len(text.split()) for is_ours, text in turns if is_ours is ours))

    def feel(turns: list[tuple[bool, str]], *, ours: bool) -> float:
        values = [analyser.polarity_scores(text)["compound"] for is_ours, text in turns if is_ours is ours]
        return float(np.mean(values)) if values else 0.0

    columns = {
        "turns": [math.log1p(len(turns)) for turns in parts],
        "our words": [count_words(turns, ours=True) for turns in parts],
        "their words": [count_words(turns, ours=False) for turns in parts],
        "our sentiment": [feel(turns, ours=True) for turns in parts],
        "their sentiment": [feel(turns, ours=False) for turns in parts],
        **{name: [talk.facts[name] for talk in talks] for name in talks[0].facts},
    }
    return {name: np.array(values) for name, values in columns.items()}


def lay_side_by_side(columns: Sequence[Floats], rows: npt.NDArray[np.bool_]) -> Floats:
    """Columns as one array; what was not read is typical, and a column that never differs says nothing."""
    made = np.column_stack(columns)[rows] if columns else np.zeros((int(rows.sum()), 0))
    for at in range(made.shape[1]):
        seen = made[~np.isnan(made[:, at]), at]
        made[np.isnan(made[:, at]), at] = np.median(seen) if len(seen) else 0.0
    differs = made.std(axis=0) > 1e-9
    return made[:, differs]


def judge_corpus(
    name: str, talks: Sequence[Talk], view: str, trust: dict[str, Floats], *, draws: int
) -> Iterator[dict[str, Any]]:
    """One row for each outcome: how well it is foretold from plain counts, and what the gauges add."""
    plain = measure_plain(talks, view)
    for outcome in dict.fromkeys(key for talk in talks for key in talk.outcomes):
        rng = np.random.default_rng(SEED)
        there = np.array([outcome in talk.outcomes for talk in talks])
        chosen = [talk for talk in talks if outcome in talk.outcomes]
        trial = set_up(np.array([talk.outcomes[outcome] for talk in chosen]), [talk.cluster for talk in chosen], rng)
        base = [*plain.values()]
        gauges = [trust[gauge] for gauge in GAUGES]
        facets = [trust[facet] for facet in (*SHOWN, *HELD)]
        mixed = rng.permutation(len(talks))
        sets = {
            "plain": base,
            "gauges alone": gauges,
            "plain + gauges": [*base, *gauges],
            "plain + facets": [*base, *facets],
            "plain + facets of others": [*base, *(one[mixed] for one in facets)],
        }
        made = {label: foretell(trial, lay_side_by_side(columns, there)) for label, columns in sets.items()}
        texts = [
            " ".join(("we " if ours else "they ") + text for ours, text in cut_talk(talk, view)) for talk in chosen
        ]
        made["words"] = foretell_by_words(trial, texts)
        yield {
            "corpus": name,
            "outcome": outcome,
            "view": view,
            "measure": "AUC" if trial.is_binary else "R2",
            "conversations": len(chosen),
            "clusters": int(trial.cluster.max()) + 1,
            "share": round(float(trial.outcome.mean()), 3) if trial.is_binary else None,
            "read": {gauge: int((~np.isnan(trust[gauge][there])).sum()) for gauge in GAUGES},
            **compare(trial, made, "plain", draws=draws, rng=rng),
        }


# The page


def draw_leads(rows: Sequence[dict[str, Any]], view: str) -> str:
    """The table of one view in docs/worth-real.md."""
    lines = [
        (
            "| outcome (conversations) | measure | plain | + SHOWN and HELD | + 14 facets | + facets of others | "
            "SHOWN and HELD alone | words |"
        ),
        f"|{'---|' * 8}",
    ]
    for row in rows:
        if row["view"] != view:
            continue
        leads = [row["lead"][name] for name in ("plain + gauges", "plain + facets", "plain + facets of others")]
        cells = [
            f"{row['corpus']}: {row['outcome']} ({row['conversations']:,})",
            "R²" if row["measure"] == "R2" else row["measure"],
            f"{row['score']['plain'][0]:.3f}",
            *(_tell_lead(lead) for lead in leads),
            *(f"{row['score'][name][0]:.3f}" for name in ("gauges alone", "words")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _tell_lead(lead: Sequence[float]) -> str:
    value, low, high = lead
    text = f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def fill_whole_page(page: str, kept: dict[str, Any]) -> str:
    """The page with every table made from the results."""
    for view in VIEWS if "rows" in kept else ():
        page = fill_page(page, view, draw_leads(kept["rows"], view))
    return fill_page(page, "deals", draw_placebo(kept["deals"])) if "deals" in kept else page


def read_or_measure(name: str, talks: Sequence[Talk], view: str, keep: Path | None) -> dict[str, Floats]:
    """What was read of a corpus, from the folder where an earlier run left it."""
    path = keep / f"{name} {view} {len(talks)} {encoder_id()}.npz" if keep else None
    if path is not None and path.exists():
        with np.load(path) as stored:
            return dict(stored)
    found = measure_trust(talks, view)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **found)
    return found


def judge_all(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of every corpus there is data for."""
    rows: list[dict[str, Any]] = []
    for name, read in CORPORA.items():
        if arguments.only and arguments.only not in name:
            continue
        talks = draw_talks(list(read(arguments.data)), arguments.most, np.random.default_rng(SEED))
        if not talks:
            print(f"{name}: no data", flush=True)
            continue
        for view in VIEWS:
            if max(len(cut_talk(talk, view)) for talk in talks) == 0:
                continue  # a request has no first half
            begun = time.perf_counter()
            trust = read_or_measure(name, talks, view, arguments.keep)
            read_s = time.perf_counter() - begun
            rows += judge_corpus(name, talks, view, trust, draws=arguments.draws)
            judged_s = time.perf_counter() - begun - read_s
            print(f"{name}, {view}: read {read_s:.0f} s, judged {judged_s:.0f} s", flush=True)
    return rows


def main() -> None:
    """Measure every corpus there is data for, keep the results and bring the page up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=find_data())
    parser.add_argument("--part", choices=("both", "talks", "deals"), default="both", help="the other part stays")
    parser.add_argument("--only", help="corpora whose name contains this; nothing is written")
    parser.add_argument("--most", type=int, default=2000, help="conversations of a corpus, drawn at random")
    parser.add_argument("--draws", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--keep", type=Path, help="folder for what was read of each corpus")
    arguments = parser.parse_args()
    kept: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if arguments.part != "deals" or arguments.only:
        rows = judge_all(arguments)
        for view in VIEWS:
            print(draw_leads(rows, view), flush=True)
        kept |= {"encoder": encoder_id(), "seed": SEED, "folds": FOLDS, "repeats": REPEATS, "rows": rows}
    if arguments.part != "talks" and not arguments.only:
        kept["deals"] = run_placebo(arguments.data, np.random.default_rng(SEED))
        print(draw_placebo(kept["deals"]))
    if not arguments.only:
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        PAGE.write_text(fill_whole_page(PAGE.read_text("utf-8"), kept), "utf-8")


if __name__ == "__main__":
    main()
