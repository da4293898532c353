"""How well the rules work that lay turns beside each other: python -m training.rules --data ../shared/data

Into src/troth/checks/rules.json, from which `troth validity` shows them and `training.reference` takes how often a
rule misses and is wrong. The cases are those of tests/: written by the author of the rules, a language model, and held
out. Real mail has nobody's labels; there, whatever a rule found was read by the same author, and counted.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import beta

from training.fairness import lay_out
from training.reference import read_corpus
from troth.intake import take_turns
from troth.pipeline import Understood
from troth.promises import Calendar
from troth.ruled import find_ruled
from troth.text import split_sentences

_ROOT: Final = Path(__file__).parents[1]
CHECKS: Final = _ROOT / "src/troth/checks/rules.json"
CASES: Final = _ROOT / "tests/test_rules_cases.tsv"
PAIRS: Final = _ROOT / "tests/test_touchpoints_pairs.tsv"
SIGNALS: Final = MappingProxyType({"facts": "their_facts", "template": "template", "repeat": "told_again"})
_MONDAY: Final = dt.datetime(2026, 3, 2, 10, tzinfo=dt.UTC)
_CHANNELS: Final = MappingProxyType({"c": "chat", "p": "call"})

Case = dict[str, str]


def read_cases(path: Path, columns: Sequence[str], part: str) -> list[Case]:
    """The rows of one part of a labelled file."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines]
    return [row for row in rows if row["part"] == part]


def read_rule_cases(part: str) -> list[Case]:
    """Cases of the rules on words and repeats."""
    return read_cases(CASES, ("part", "rule", "truth", "kind", "turns"), part)


def lay_out_case(turns: str) -> pa.Table:
    """TURNS of one case, in their order."""
    rows: list[dict[str, Any]] = []
    for number, part in enumerate(turns.split(" | ")):
        who, _, body = part.partition(": ")
        is_us, home, marks = ">" in who, who[0].lower(), who[2:]
        agent = "ben" if "2" in marks else "anna"
        channel = next((_CHANNELS[mark] for mark in marks if mark in _CHANNELS), "mail")
        ours, theirs = f"{agent}@firm.example", f"info@{home}-customer.example"
        rows.append(
            {"turn_id": str(number), "conversation_id": f"{home}{channel}{agent}", "position": number, "body": body,
             "sent_at": _MONDAY + dt.timedelta(days=number), "channel": channel, "circle": "customer", "source": "t",
             "speaker": ours if is_us else theirs, "recipients": [theirs if is_us else ours],
             "side": "us" if is_us else "them", "relationship": home, "subject": None}
        )  # fmt: skip
    return take_turns(rows)


def judge_case(case: Case) -> bool:
    """Whether the rule finds its act in the last turn."""
    turns = lay_out_case(case["turns"])
    found = find_ruled(turns, split_sentences(turns), calendar=Calendar()).findings
    last = str(turns.num_rows - 1)
    return any(row["turn_id"] == last and row["signal"] == SIGNALS[case["rule"]] for row in found.to_pylist())


def judge_pair(case: Case) -> bool:
    """Whether the second statement of a labelled pair is suspected of contradicting the first."""
    common = {"circle": "customer", "relationship": "c", "source": "t", "side": "us"}
    rows: list[dict[str, Any]] = [
        common | {"turn_id": "a", "conversation_id": "A", "position": 0, "sent_at": _MONDAY, "channel": "mail",
                  "speaker": "anna@us.example", "subject": case["line_a"], "body": case["first"]},
        common | {"turn_id": "b", "conversation_id": "B", "position": 2, "sent_at": _MONDAY + dt.timedelta(days=3),
                  "speaker": "ben@us.example", "channel": "chat", "subject": case["line_b"], "body": case["second"]},
    ]  # fmt: skip
    if case["between"] != "-":
        rows.insert(1, rows[0] | {"turn_id": "m", "position": 1, "sent_at": _MONDAY + dt.timedelta(days=1),
                                  "speaker": "cleo@acme.example", "side": "them", "body": case["between"]})  # fmt: skip
    turns = take_turns(rows)
    found = find_ruled(turns, split_sentences(turns), calendar=Calendar()).findings
    return "contradiction" in found["signal"].to_pylist()


def _take_up_plainly(case: Case) -> bool:
    """Without the rule: the reply holds a number of two digits, or a word with a capital, that a customer wrote."""
    parts = [part.partition(": ")[::2] for part in case["turns"].split(" | ")]
    theirs = " ".join(body for who, body in parts[:-1] if "<" in who)
    marks = set(re.findall(r"\d\d+|\b[A-Z][a-z]{2,}", theirs))
    return bool(marks & set(re.findall(r"\d\d+|\b[A-Z][a-z]{2,}", parts[-1][1])))


def _copy_plainly(case: Case) -> bool:
    """Without the rule: the whole text went to another customer."""
    parts = [part.partition(": ")[::2] for part in case["turns"].split(" | ")]
    return any(body == parts[-1][1] and ">" in who and who[0] != parts[-1][0][0] for who, body in parts[:-1])


def _repeat_plainly(case: Case) -> bool:
    """Without the rule: the customer wrote the very same before."""
    parts = [part.partition(": ")[::2] for part in case["turns"].split(" | ")]
    return any(body == parts[-1][1] and "<" in who and who[0] == parts[-1][0][0] for who, body in parts[:-1])


def _differ_plainly(case: Case) -> bool:
    """Without the rule: both statements hold numbers, and none in common."""
    one, other = (set(re.findall(r"\d[\d.,]*", case[name])) for name in ("first", "second"))
    return bool(one and other and not one & other)


def score_cases(truth: Sequence[bool], found: Sequence[bool], plain: Sequence[bool]) -> list[dict[str, Any]]:
    """F1 with a bootstrap interval over cases, sensitivity and specificity with those of Clopper and Pearson."""
    counted, beside = Counter(zip(truth, found, strict=True)), Counter(zip(truth, plain, strict=True))
    rng = np.random.default_rng(1)
    both = np.array([truth, found]).astype(bool)
    draws = [_f1(*both[:, rng.integers(0, len(truth), len(truth))]) for _ in range(2000)]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    rows: list[dict[str, Any]] = [
        {"metric": "F1", "value": _f1(*both), "low": float(low), "high": float(high),
         "rivals": f"{_f1(both[0], np.array(plain, bool)):.2f}"}
    ]  # fmt: skip
    for metric, wanted in (("sensitivity", True), ("specificity", False)):
        right, of = counted[wanted, wanted], counted[wanted, True] + counted[wanted, False]
        low = float(beta.ppf(0.025, right, of - right + 1)) if right else 0.0
        high = float(beta.ppf(0.975, right + 1, of - right)) if right < of else 1.0
        plainly = f"{beside[wanted, wanted] / of:.2f}"
        rows.append({"metric": metric, "value": right / of, "low": low, "high": high, "rivals": plainly})
    return rows


def _f1(truth: np.ndarray, found: np.ndarray) -> float:
    hits = float((truth & found).sum())
    return 2 * hits / float(truth.sum() + found.sum()) if truth.any() or found.any() else float("nan")


def check_rules(cases: Sequence[Case], pairs: Sequence[Case]) -> list[dict[str, Any]]:
    """Rows for `troth validity`, from held-out cases."""
    checks: list[dict[str, Any]] = []
    plains: dict[str, tuple[Callable[[Case], bool], str]] = {
        "facts": (_take_up_plainly, "a number or capital word of theirs"),
        "template": (_copy_plainly, "the same text as a whole"),
        "repeat": (_repeat_plainly, "the same text as a whole"),
    }
    for rule, (plain, name) in plains.items():
        mine = [case for case in cases if case["rule"] == rule]
        truth = [case["truth"] == "1" for case in mine]
        rows = score_cases(truth, [judge_case(case) for case in mine], [plain(case) for case in mine])
        checks += [_row(SIGNALS[rule], "rule_cases", truth, row, plain=name) for row in rows]
    truth = [case["truth"] == "contradiction" for case in pairs]
    rows = score_cases(truth, [judge_pair(case) for case in pairs], [_differ_plainly(case) for case in pairs])
    return checks + [_row("contradiction", "touchpoint_pairs", truth, row, plain="other numbers") for row in rows]


def _row(signal: str, name: str, truth: Sequence[bool], row: dict[str, Any], *, plain: str) -> dict[str, Any]:
    shown = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
    shown["rivals"] = f"{plain} {row['rivals']}"
    return {
        "found_by": "rule", "signal": signal, "set": name, "split": "test", "rows": len(truth),
        "positives": sum(truth), **shown, "licence_class": "open",
        "note": "held out; written by the author of the rule, a language model",
    }  # fmt: skip


READ: Final = MappingProxyType({"their_facts": 2, "template": 0, "contradiction": 0, "told_again": 2})
"""Turns of real mail in which a rule was wrong, by reading whatever it found in `_MAIL`, once."""
_MAIL: Final = ("enron_email", "numpy_list_2001_11")


def check_mail(known: Sequence[Understood]) -> list[dict[str, Any]]:
    """False alarms in 1,000 turns of real mail between us and others, by reading all that was found."""
    checks: list[dict[str, Any]] = []
    sides = {"their_facts": "us", "template": "us", "contradiction": "us", "told_again": "them"}
    for signal, wrong in READ.items():
        turns = sum(
            one.turns.filter(
                pc.and_(pc.equal(one.turns["side"], sides[signal]), pc.invert(one.turns["automatic"]))
            ).num_rows
            for one in known
        )
        found = sum(
            len(one.findings.filter(pc.equal(one.findings["signal"], signal))["turn_id"].unique()) for one in known
        )
        checks.append({
            "found_by": "rule", "signal": signal, "set": "enron_email, numpy_list", "split": "all", "rows": turns,
            "positives": found, "metric": "false alarms in 1,000 turns", "value": round(1000 * wrong / turns, 2),
            "low": round(1000 * float(beta.ppf(0.025, wrong, turns - wrong + 1)) if wrong else 0.0, 2),
            "high": round(1000 * float(beta.ppf(0.975, wrong + 1, turns - wrong)), 2), "licence_class": "open",
            "note": f"{found} turns found, {wrong} of them wrong as the author of the rule, a language model, reads "
            "them",
        })  # fmt: skip
    return checks


def main() -> None:
    """Check every rule and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "interactions"
    columns = ("part", "truth", "kind", "line_a", "first", "between", "line_b", "second")
    checks = check_rules(read_rule_cases("held"), read_cases(PAIRS, columns, "held"))
    checks += check_mail([read_corpus(folder / name / "messages.jsonl") for name in _MAIL])
    CHECKS.write_text(lay_out(checks), encoding="utf-8")


if __name__ == "__main__":
    main()
