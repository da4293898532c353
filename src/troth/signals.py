"""The catalogue: every observable that troth knows, and what it needs to count as evidence.

A signal is found in one sentence. `shown` is the facet it speaks to when our side writes it, `held` when the
counterpart does; a signal loads on one facet of a gauge and no more. A signal with neither is an occasion:
it opens the opportunity for others (a feeling voiced is the occasion for a reaction), or is a typed event.

Without its opportunity a signal is no evidence, present or absent.
Source: MEASUREMENT.md section 2; the names are those of the codebook of acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

FoundBy = Literal["encoder", "rule", "ledger", "survey", "not yet"]
Kind = Literal["binary", "graded", "ordinal", "continuous"]

SHOWN: Final = MappingProxyType(
    {
        "RS": "reasoning",
        "CL": "clarity",
        "CA": "candour",
        "CO": "consistency",
        "FT": "follow-through",
        "AT": "attunement",
        "OP": "openness",
        "OR": "orientation",
        "RG": "regard",
        "PE": "personalisation",
    }
)
"""Facets of trustworthiness shown by our side: code to name."""

HELD: Final = MappingProxyType({"HC": "credence", "HR": "dependence", "HI": "closeness", "HS": "fairness"})
"""Facets of trust held by the counterpart: code to name. Each is one of the customer's four questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One observable of the catalogue."""

    name: str
    question: str  # what a reader asks of the sentence
    opportunity: str  # the occasion on which it could have happened
    kind: Kind
    found_by: FoundBy
    shown: str | None = None
    held: str | None = None
    sign: Literal[1, -1] = 1  # on `shown`
    held_sign: Literal[1, -1] = 1  # on `held`
    of_theirs: bool = False  # found in a turn of the counterpart, and yet it tells of us
    checked_on: tuple[str, ...] = ()  # data sets with labels by people or named annotators

    def facet(self, side: str) -> str | None:
        """The facet this signal speaks to when `side` ("us" or "them") writes it."""
        if self.of_theirs:
            return self.shown if side == "them" else None
        return self.shown if side == "us" else self.held

    def direction(self, side: str) -> int:
        """+1 or -1: whether the signal raises or lowers that facet."""
        return self.sign if side == "us" or self.of_theirs else self.held_sign

    @property
    def is_finding(self) -> bool:
        """Whether FINDINGS hold it: what the encoder or a rule reads in a sentence, or a rule in several turns."""
        return self.found_by == "encoder" or self.name in WORDED or self.name in RULED


RULED: Final = ("elsewhere", "contradiction", "facts_agree", "told_again", "their_facts", "template")
"""Signals that rules find by laying turns beside earlier ones (`troth.ruled`)."""

WORDED: Final = ("bad_news", "admission", "own_interest", "discourtesy")
"""Signals that rules find in the words of one sentence (`troth.encoder.phrases`)."""

_ACTS = ("business_acts",)
_CASES = ("rule_cases",)

_SIGNALS: Final = (
    # Occasions and typed events: they open opportunities or start a promise, and move no gauge themselves.
    Signal(name="claim", question="Does it assert something that the reader may rely on?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="request", question="Does it ask the reader to do something?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=(*_ACTS, "email_intent")),
    Signal(name="question", question="Does it ask for information?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="feeling", question="Does the writer voice a feeling, worry or need?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=(*_ACTS, "goemotions")),
    Signal(name="commitment", question="Does it commit the writer's side to a future act?",
           opportunity="any sentence", kind="binary", found_by="encoder", checked_on=(*_ACTS, "email_intent")),
    Signal(name="offer", question="Does it offer an act that waits for a yes?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="done", question="Does it report that something awaited is done?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="not_done", question="Does it say that something awaited was not done?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="bad_news", question="Does it tell the reader something unwelcome?", opportunity="any sentence",
           kind="binary", found_by="rule", checked_on=_ACTS),
    Signal(name="apology", question="Does it apologise for what the writer's side did?", opportunity="any sentence",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="rejects", question="Does it disagree, decline or object?", opportunity="proposal",
           kind="binary", found_by="encoder", checked_on=_ACTS),
    Signal(name="elsewhere", question="Do they come over another channel, or to another of us, than the last time?",
           opportunity="any turn of theirs", kind="binary", found_by="rule"),
    # Reasoning.
    Signal(name="reason", question="Does it give a reason or evidence?", opportunity="claim, recommendation",
           kind="binary", found_by="encoder", shown="RS", checked_on=_ACTS),
    Signal(name="source", question="Does it name where a statement comes from?", opportunity="claim",
           kind="binary", found_by="encoder", shown="RS", checked_on=_ACTS),
    Signal(name="wrong_fact", question="Is it wrong, as a person confirmed?", opportunity="factual claim",
           kind="binary", found_by="not yet", shown="RS", sign=-1),
    # Clarity.
    Signal(name="clarity", question="Is it plain, concrete and to the point?", opportunity="substantive message",
           kind="continuous", found_by="rule", shown="CL", checked_on=("clear", "argquality_novice")),
    # Candour.
    Signal(name="hedge", question="Does it mark honest uncertainty or a limit?", opportunity="claim",
           kind="binary", found_by="encoder", shown="CA", checked_on=_ACTS),
    Signal(name="certainty", question="How certain does it sound?", opportunity="claim with certainty mark",
           kind="graded", found_by="encoder", checked_on=("certainty_science",)),
    Signal(name="overclaim", question="Does it state more than is given?", opportunity="claim, praise",
           kind="binary", found_by="encoder", shown="CA", sign=-1, checked_on=_ACTS),
    Signal(name="flattery", question="Does it praise the reader without a fact?", opportunity="praise",
           kind="binary", found_by="encoder", shown="CA", sign=-1, checked_on=_ACTS),
    Signal(name="early_warning", question="Was bad news told before it was asked for?", opportunity="known bad event",
           kind="ordinal", found_by="not yet", shown="CA"),
    # Consistency.
    Signal(name="contradiction", question="Does it say otherwise than another of us, or another channel, did before?",
           opportunity="two statements on one subject", kind="binary", found_by="rule", shown="CO", sign=-1,
           checked_on=("touchpoint_pairs", "enron_email")),
    Signal(name="facts_agree", question="Do price, date and scope agree over people and channels?",
           opportunity="same fact from two people or channels", kind="binary", found_by="rule", shown="CO",
           checked_on=("touchpoint_pairs",)),
    Signal(name="told_again", question="Do they have to say or ask again what they said elsewhere?",
           opportunity="turn of theirs over another channel, or to another of us, than the last one", kind="binary",
           found_by="rule", shown="CO", sign=-1, of_theirs=True, checked_on=_CASES),
    # Follow-through.
    Signal(name="promise_outcome", question="Was the promise kept, late or broken?",
           opportunity="promise with a resolvable due time", kind="ordinal", found_by="ledger", shown="FT"),
    Signal(name="answer_time", question="Was it answered in the usual time?",
           opportunity="turn that expects an answer", kind="continuous", found_by="rule", shown="FT"),
    # Attunement.
    Signal(name="reaction", question="Does it react warmly to what the reader lives through?",
           opportunity="feeling or situation expressed", kind="binary", found_by="encoder", shown="AT",
           checked_on=(*_ACTS, "goemotions", "offmychest")),
    Signal(name="interpretation", question="Does it say what the reader seems to mean or feel?",
           opportunity="feeling or situation expressed", kind="binary", found_by="encoder", shown="AT",
           checked_on=_ACTS),
    Signal(name="exploration", question="Does it ask about the reader's situation in order to understand?",
           opportunity="need not yet clear", kind="binary", found_by="encoder", shown="AT", checked_on=_ACTS),
    # Openness; the same words from the counterpart tell of closeness.
    Signal(name="disclosure", question="Does it reveal something that was not owed?", opportunity="occasion for it",
           kind="binary", found_by="encoder", shown="OP", held="HI", checked_on=(*_ACTS, "offmychest")),
    Signal(name="admission", question="Does it admit a mistake, doubt or limit?", opportunity="occasion for it",
           kind="binary", found_by="rule", shown="OP", held="HI", checked_on=_ACTS),
    # Orientation.
    Signal(name="their_interest", question="Does it put the reader's interest first?",
           opportunity="proposal, trade-off, objection", kind="binary", found_by="encoder", shown="OR",
           checked_on=(*_ACTS, "casino")),
    Signal(name="own_interest", question="Does it push the writer's interest against the reader's?",
           opportunity="proposal, trade-off, objection", kind="binary", found_by="rule", shown="OR", sign=-1,
           checked_on=(*_ACTS, "casino")),
    Signal(name="pressure", question="Does it push by urgency, threat or repetition?",
           opportunity="proposal, trade-off, objection", kind="binary", found_by="encoder", shown="OR", sign=-1,
           checked_on=_ACTS),
    # Regard.
    Signal(name="politeness", question="How polite is it?", opportunity="request, refusal, complaint reply",
           kind="graded", found_by="encoder", shown="RG",
           checked_on=("stanford_politeness_wiki", "stanford_politeness_se")),
    Signal(name="courtesy", question="Is it polite beyond the bare minimum?",
           opportunity="request, refusal, complaint reply", kind="binary", found_by="encoder", shown="RG",
           checked_on=_ACTS),
    Signal(name="discourtesy", question="Is it rude, dismissive or blaming?",
           opportunity="request, refusal, complaint reply", kind="binary", found_by="rule", shown="RG", sign=-1,
           checked_on=_ACTS),
    Signal(name="gratitude", question="Does it thank?", opportunity="any turn", kind="binary", found_by="encoder",
           shown="RG", held="HI", checked_on=(*_ACTS, "goemotions")),
    Signal(name="fun", question="Is it playful?", opportunity="any turn", kind="binary", found_by="encoder",
           shown="RG", held="HI", checked_on=(*_ACTS, "goemotions")),
    # Personalisation.
    Signal(name="personal", question="Does it use what is particular to this reader or the shared history?",
           opportunity="reply", kind="binary", found_by="encoder", shown="PE", checked_on=_ACTS),
    Signal(name="their_facts", question="Does it take up a number, name, date or words that this reader gave before?",
           opportunity="reply", kind="binary", found_by="rule", shown="PE", checked_on=_CASES),
    Signal(name="template", question="Did others get much the same words from us before?", opportunity="reply",
           kind="binary", found_by="rule", shown="PE", sign=-1, checked_on=_CASES),
    Signal(name="intimacy", question="How personal is it?", opportunity="any turn", kind="graded",
           found_by="encoder", held="HI", checked_on=("intimacy_questions",)),
    # Held by the counterpart.
    Signal(name="asks_proof", question="Does it ask by whose authority, or for a second check?",
           opportunity="claim of ours", kind="binary", found_by="encoder", held="HC", held_sign=-1, checked_on=_ACTS),
    Signal(name="chases", question="Does it remind, follow up or escalate?", opportunity="due or open item",
           kind="binary", found_by="encoder", held="HR", held_sign=-1, checked_on=_ACTS),
    Signal(name="accepts", question="Does it agree, confirm or delegate?", opportunity="request, proposal",
           kind="binary", found_by="encoder", held="HR", checked_on=_ACTS),
    Signal(name="doubts_motive", question="Does it question motives or fairness?", opportunity="proposal, mishap",
           kind="binary", found_by="encoder", held="HS", held_sign=-1, checked_on=_ACTS),
    Signal(name="good_faith", question="Does it credit the reader with good intent?", opportunity="proposal, mishap",
           kind="binary", found_by="encoder", held="HS", checked_on=_ACTS),
    Signal(name="survey_answer", question="What did they answer when asked?", opportunity="asked", kind="ordinal",
           found_by="survey"),
)  # fmt: skip

CATALOGUE: Final = MappingProxyType({signal.name: signal for signal in _SIGNALS})
"""Every signal by name."""
