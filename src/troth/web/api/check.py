"""A draft before it is sent: what each sentence does, what it promises, what it leaves open."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from pydantic import Field, StringConstraints

from troth.web import drafts
from troth.web.api.promises import Pledge
from troth.web.api.questions import Question
from troth.web.api.relationships import find_row
from troth.web.api.rim import Row, Sent, make_router, problems
from troth.web.visit import Own

router = make_router("check")


class Draft(Sent):
    """A text that is not sent yet."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    to: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, description="The relationship that it goes to: what was asked there and promised is looked at."
    )


class Mark(Row):
    """One act found in one sentence."""

    start: int
    end: int
    text: str
    signal: str
    facet: str | None = Field(description="Null for an occasion, such as a request.")
    effect: int = Field(description="1 raises, -1 costs, 0 neither.")
    probability: float
    question: str = Field(description="What a reader asks of the sentence.")


class Checked(Row):
    """What a draft does before it is sent."""

    marks: list[Mark]
    promises: list[Pledge] = Field(description="Promises that the draft makes.")
    warnings: list[str]
    unanswered: list[Question] = Field(description="What they asked and the draft leaves open.")
    open_promises: list[Pledge] = Field(description="Promises of ours to them that wait and are not named here.")
    unread: list[str] = Field(description="Sentences in a language in which no signal was shown to work.")


_EXAMPLE = Body(openapi_examples={"one": {"value": {"text": "Thank you, we will have it fixed by Friday."}}})


@router.post(
    "/check",
    responses=problems(_400="The body is no JSON.", _404="There is no such relationship, or you took no part in it."),
)
def check_draft(visit: Own, draft: Annotated[Draft, _EXAMPLE]) -> Checked:
    """Check a draft. Nothing of it is kept."""
    if draft.to is not None:
        find_row(visit.view, draft.to)
    found = drafts.check_draft(visit.view, draft.text, to=draft.to)
    return Checked.model_validate({name: getattr(found, name) for name in Checked.model_fields})
