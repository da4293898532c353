"""The cutter of own words beside mail-parser-reply: right answers, time, growth. Needs `pip install troth[bench]`.

Right answers are counted on the published samples in ../shared/samples (each read by hand; first and last own words
are in tests/test_text_parts.py), by the same rule for both. Speed is processor time on mails made here.
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from mailparser_reply import EmailReplyParser

from troth.markup import html_to_text
from troth.text import find_parts, split_sentences

LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "sv", "da", "pl"]

SHORT = """Hi Anna,

thanks for the call this morning. We have looked at the figures that you
sent us last week and we find that the third column does not add up. Could
you look at it again before Friday, please?

I will send you the signed contract as soon as our lawyer has read it.

Best regards,
Bo Li
Head of Purchasing
+47 22 33 44 55

On Tue, Mar 3, 2026 at 9:12 AM Anna Moe <anna@y.example> wrote:

> Dear Bo,
>
> please find attached the offer that we spoke about.
>
> Anna
"""
PARAGRAPH = SHORT.split("\n\n")[1] + "\n\n"


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def own_words(body: str) -> str:
    return "".join(body[part.start : part.end] for part in find_parts(body) if part.kind == "own")


def library_words(body: str) -> str:
    """The body of the newest reply, without the signatures and notices that the library finds."""
    replies = EmailReplyParser(languages=LANGUAGES).read(body).replies
    return replies[0].body or "" if replies else ""


def compare_answers() -> None:
    tests = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "test_text_parts.py"))
    right = {"troth": 0, "mail-parser-reply": 0}
    for name, (first, last) in tests["READ_BY_HAND"].items():
        body = tests["read_sample"](name)
        verdicts = {}
        for who, cut in (("troth", own_words), ("mail-parser-reply", library_words)):
            words = " ".join(cut(body).split())
            unwanted = tests["NOT_OWN"].get(name, "\0")
            good = words.startswith(first) and words.endswith(last) and unwanted not in words
            verdicts[who] = good and (first != last or words == first)
            right[who] += verdicts[who]
        if not all(verdicts.values()):
            wrong = ", ".join(who for who, good in verdicts.items() if not good)
            print(f"  {name}: not by {wrong}")
    total = len(tests["READ_BY_HAND"])
    print(", ".join(f"{who} {count} of {total} right" for who, count in right.items()))


def compare_speed() -> None:
    bodies = {
        "prose": PARAGRAPH * (48_000 // len(PARAGRAPH)) + SHORT,
        "answers between quotes": "> a line that was quoted\n\nAn answer.\n\n" * 1_263,
        "short": SHORT,
    }
    for name, body in bodies.items():
        ours, library = spent(lambda b=body: find_parts(b)), spent(lambda b=body: library_words(b))
        ratio = f"{library / ours:,.0f} times"
        print(f"{name}, {len(body):,} characters: {ours * 1e3:.2f} ms; the library {library * 1e3:,.2f} ms, {ratio}")


def measure_growth() -> None:
    shapes = {
        "prose": PARAGRAPH,
        "quotes": "> a line that was quoted\n",
        "inline answers": "> a question?\n\nAn answer.\n\n",
        "attributions": "On Tue, Mar 3, 2026 at 9:12 AM Bo\n",
        "quoted attributions": "> On Tue, Mar 3, 2026 at 9:12 AM Bo wrote:\n",
        "headers": "From: a@b.example\nhello\n",
        "dashes": "-----\n",
        "names": "Anna\n\n",
        "colons": "a:\n>\n",
        "one line": "On 3 May 2026 at 9:12 he wrote ",
        "notice": "this message is confidential ",
    }
    for name, piece in shapes.items():
        body = piece * (400_000 // len(piece))
        for what, work in (("parts", find_parts), ("sentences", split_body)):
            half, whole = spent(lambda w=work, b=body: w(b[: len(b) // 2])), spent(lambda w=work, b=body: w(b))
            ratio = f"{whole / half:.2f} times the time for twice the text"
            print(f"  {name}, {what}: {ratio}, {whole * 1e3:.0f} ms at 400 kB")
    page = "<div><p style='margin:0'>Hello <b>you</b> &amp; me</p><blockquote>old</blockquote></div>" * 5_000
    half, whole = spent(lambda: html_to_text(page[: len(page) // 2])), spent(lambda: html_to_text(page))
    print(f"  HTML: {whole / half:.2f} times, {len(page) / whole / 1e6:.1f} MB/s")


def as_turns(bodies: list[str]) -> pa.Table:
    ids = [str(number) for number in range(len(bodies))]
    return pa.table({"turn_id": ids, "body": bodies, "automatic": [False] * len(bodies)})


def split_body(body: str) -> pa.Table:
    return split_sentences(as_turns([body]))


def measure_whole_step() -> None:
    turns = as_turns([SHORT.replace("Anna", f"Anna{number}") for number in range(2_000)])
    split_sentences(turns.slice(0, 1))
    took = spent(lambda: split_sentences(turns))
    print(f"TURNS to SENTENCES: {2_000 / took:,.0f} mails/s a core ({len(SHORT)} characters each)")


if __name__ == "__main__":
    compare_answers()
    compare_speed()
    measure_whole_step()
    measure_growth()
