"""What a draft would answer, by the same matching that settles mails that were sent."""

from __future__ import annotations

import pyarrow as pa

from troth.questions.forms import reply_forms
from troth.questions.replies import Match, match_elsewhere, match_reply, read_asked, read_lines
from troth.questions.settle import by_age
from troth.schema import QUESTIONS


def answer_with(questions: pa.Table, sentences: pa.Table) -> pa.Table:
    """QUESTIONS with the states they would have after a draft with these sentences had been sent.

    The draft faces what the latest turn that waits asked; an older question is answered only where the draft speaks
    of it. A silence after a price is no question that words answer, and is left as it is.

    Args:
        questions: QUESTIONS of the relationship that the draft goes to.
        sentences: SENTENCES of the draft.
    """
    rows = questions.to_pylist()
    waits = [row for row in rows if row["state"] in {"open", "partly"} and row["act"] != "goes_silent"]
    if not waits:
        return questions
    said = sentences.sort_by("sentence")
    spans = list(zip(*(said.column(name).to_pylist() for name in ("start", "end", "text")), strict=True))
    lines = read_lines(spans, None, reply_forms(said.column("text")))
    latest = max(waits, key=by_age)["turn_id"]
    faced = [row for row in waits if row["turn_id"] == latest]
    older = [row for row in waits if row["turn_id"] != latest]
    matches = (
        match_reply(read_asked([row["text"] for row in faced]), lines)
        if lines
        else [Match(verdict="none")] * len(faced)
    )
    matches += [match_elsewhere(one, lines) for one in read_asked([row["text"] for row in older])]
    for row, match in zip([*faced, *older], matches, strict=True):
        if match.verdict != "none" and match.line is not None:
            row["state"] = match.verdict
            row["answer_text"] = match.line.text
    return pa.Table.from_pylist(rows, schema=QUESTIONS)
