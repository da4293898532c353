"""The tables that the stages hand to each other, and the one way into them.

Times are UTC. In a table "not measured" is null, never NaN. Offsets count Python characters (code points)
into ``body``. Whatever comes from outside passes `conform` once; after that it is good.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.errors import BadColumn, InputError, MissingColumns

_TIME: Final = pa.timestamp("us", tz="UTC")
_NAMES: Final = pa.list_(pa.string())


def _must(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


TURNS: Final = pa.schema(
    [
        _must("turn_id", pa.string()),  # a mail's Message-ID, a message's own id, else a hash of its content
        _must("conversation_id", pa.string()),
        pa.field("parent_id", pa.string()),  # turn_id of the turn it answers, where that is known
        _must("position", pa.int64()),  # order in the source; decides where sent_at is equal or missing
        pa.field("sent_at", _TIME),
        _must("speaker", pa.string()),  # address in lower case, or the handle or name the source gives
        pa.field("speaker_name", pa.string()),
        pa.field("recipients", _NAMES),
        pa.field("cc", _NAMES),
        pa.field("references", _NAMES),  # message ids this one answers, oldest first
        _must("channel", pa.string()),  # mail, chat, call, ticket, meeting, social, shop, letter
        pa.field("stage", pa.string()),  # marketing, sales, onboarding, service, billing
        pa.field("subject", pa.string()),
        _must("body", pa.string()),  # all text as received, quotes and signature included; HTML made text
        pa.field("attachments", _NAMES),
        _must("automatic", pa.bool_()),  # written by a program to nobody in particular: kept, never scored
        _must("source", pa.string()),  # name of the file or service it came from
        # From here on: filled by `people.place`, or by a source that states it.
        pa.field("side", pa.string()),  # us, them
        pa.field("circle", pa.string()),  # customer, colleague, friend
        pa.field("relationship", pa.string()),  # id of the counterpart: an account's domain, a person's address
    ]
)

TURN_VERSIONS: Final = pa.schema(
    [
        _must("turn_id", pa.string()),
        _must("replaced_at", _TIME),  # when a later export said otherwise
        _must("replaced_by", pa.string()),  # the source that did
        *(field for field in TURNS if field.name != "turn_id"),  # the turn as it stood until then
    ]
)
"""Earlier versions of turns, whole: what the book said before an export corrected it. The later version is in TURNS."""

SENTENCES: Final = pa.schema(
    [
        _must("turn_id", pa.string()),
        _must("sentence", pa.int32()),  # 0, 1, 2, ... within the sender's own words of one turn
        _must("start", pa.int32()),  # offset into body, inclusive
        _must("end", pa.int32()),  # offset into body, exclusive
        _must("text", pa.string()),  # body[start:end] with white space made single
        pa.field("language", pa.string()),  # ISO 639-1; "und": surely not English; null: too short to say
    ]
)

FINDINGS: Final = pa.schema(
    [
        _must("turn_id", pa.string()),
        _must("sentence", pa.int32()),
        _must("start", pa.int32()),
        _must("end", pa.int32()),
        _must("signal", pa.string()),  # a name in `signals.CATALOGUE`
        _must("probability", pa.float32()),  # calibrated; for graded signals: of lying above the reference median
        pa.field("value", pa.float32()),  # graded signals only: standard deviations from the reference mean
    ]
)

PROMISES: Final = pa.schema(
    [
        _must("promise_id", pa.string()),
        _must("turn_id", pa.string()),
        _must("start", pa.int32()),
        _must("end", pa.int32()),
        _must("text", pa.string()),
        _must("probability", pa.float32()),
        pa.field("relationship", pa.string()),
        pa.field("circle", pa.string()),
        pa.field("side", pa.string()),  # whose promise: us, them
        _must("actor", pa.string()),
        pa.field("addressee", pa.string()),
        pa.field("said_at", _TIME),
        pa.field("condition", pa.string()),  # the words of an "if", "once", "as soon as"
        _must("specific", pa.bool_()),  # act or time could be checked later
        pa.field("due_words", pa.string()),
        _must("due_rule", pa.string()),  # explicit, relative, recurring, conditional, vague, none
        pa.field("due_earliest", _TIME),
        pa.field("due_latest", _TIME),
        _must("observability", pa.string()),  # O1 in a connected channel, O2 in a system of record, O3 not visible
        _must("state", pa.string()),  # open, kept, late, suspected, broken, withdrawn, unknown, contested
        pa.field("state_at", _TIME),  # when the evidence for the state appeared
        _must("decided_by", pa.string()),  # machine, person
        pa.field("evidence_turn_id", pa.string()),
        pa.field("evidence_start", pa.int32()),
        pa.field("evidence_end", pa.int32()),
        pa.field("evidence_text", pa.string()),
        pa.field(
            "act", pa.string()
        ),  # the words of what is to be done; another sentence than `text` where it was asked
        pa.field("origin", pa.string()),  # stated, offer accepted, request accepted
        pa.field("origin_turn_id", pa.string()),  # the other turn it rests on: the request, or the yes to an offer
        pa.field("evidence_probability", pa.float32()),  # that the evidence is about this promise
        pa.field("replaced_by", pa.string()),  # promise_id of the one that stands in its place, once withdrawn
    ]
)

DECISIONS: Final = pa.schema(
    [
        _must("promise_id", pa.string()),
        _must("at", _TIME),  # when a person said so
        _must("state", pa.string()),  # kept, late, broken, withdrawn, contested, undone
        _must("by", pa.string()),
        pa.field("note", pa.string()),
        _must("machine_state", pa.string()),  # what the machine had said at that moment
        pa.field("machine_evidence_turn_id", pa.string()),
        # The sentence as it was, so that the decision can be learned from after the sentence is found no more.
        _must("turn_id", pa.string()),
        _must("text", pa.string()),
        _must("probability", pa.float32()),
    ]
)
"""What people said of promises, never overwritten: the latest of a promise counts, all are there to learn from."""

OBJECTIONS: Final = pa.schema(
    [
        _must("objection_id", pa.string()),
        _must("at", _TIME),  # when a person said so
        _must("state", pa.string()),  # contested, upheld, rejected, undone
        _must("by", pa.string()),
        pa.field("note", pa.string()),
        # The reading that is objected to, and the sentence as it was, to be learned from.
        _must("turn_id", pa.string()),
        _must("facet", pa.string()),
        _must("signal", pa.string()),  # a name in `signals.CATALOGUE`, or what READINGS.signal says
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("text", pa.string()),  # null where no single sentence is meant
        pa.field("probability", pa.float32()),
    ]
)
"""What people said against readings, never overwritten: the latest of an objection counts."""

PROMISE_HISTORY: Final = pa.schema(
    [
        _must("promise_id", pa.string()),
        _must("noted_at", _TIME),
        _must("turn_id", pa.string()),
        _must("as_of", _TIME),  # the evening whose books showed this for the first time
        _must("state", pa.string()),
        pa.field("state_at", _TIME),
        _must("decided_by", pa.string()),
        pa.field("due_latest", _TIME),
        pa.field("evidence_turn_id", pa.string()),
    ]
)
"""The states that a promise has been in: a row for each time that its state, its decider or its due time changed."""

QUESTIONS: Final = pa.schema(
    [
        _must("question_id", pa.string()),
        _must("turn_id", pa.string()),
        _must("start", pa.int32()),
        _must("end", pa.int32()),
        _must("text", pa.string()),
        _must("kind", pa.string()),  # HC, HR, HI, HS for a trust question; direct for any other
        _must("probability", pa.float32()),
        pa.field("relationship", pa.string()),
        pa.field("circle", pa.string()),
        pa.field("asked_at", _TIME),
        _must("state", pa.string()),  # open, partly (they wait for the rest), answered, stale
        pa.field("answer_turn_id", pa.string()),  # the turn that answered in whole or in part, or ended a silence
        pa.field("answered_at", _TIME),
        pa.field("answer_start", pa.int32()),  # the sentence that answers, where one could be told
        pa.field("answer_end", pa.int32()),
        pa.field("answer_text", pa.string()),
        pa.field("side", pa.string()),  # who asked: them, us
        _must("spoken", pa.bool_()),  # the question is in the words; else in what was done
        _must("act", pa.string()),  # asks, asks_reference, asks_guarantee, ...: `questions.ACTS`
        _must("strength", pa.float32()),  # 0 to 1: how openly trust is put in question; 0 for a direct question
    ]
)

ANSWERS: Final = pa.schema(
    [
        _must("answer_id", pa.string()),
        _must("relationship", pa.string()),
        pa.field("person", pa.string()),
        _must("item", pa.string()),
        _must("facet", pa.string()),
        _must("value", pa.int32()),
        _must("lowest", pa.int32()),  # ends of the scale the answer was given on
        _must("highest", pa.int32()),
        _must("answered_at", _TIME),
    ]
)

ITEMS: Final = pa.schema(
    [
        _must("item", pa.string()),
        _must("facet", pa.string()),
        _must("is_reversed", pa.bool_()),  # agreeing speaks against the facet
        # y* = slope·level + N(0, 1); an answer c, reversed items turned round, says that y* lies in (cut c, cut c+1].
        _must("slope", pa.float64()),
        _must("cuts", pa.list_(pa.float64())),  # one fewer than the scale has points, rising
        _must("answers", pa.int64()),  # that slope and cuts were learned from; 0 for start values
    ]
)
"""What an answer to each survey item is worth. Learned anew from ANSWERS when needed, so no book keeps it."""

OUTCOMES: Final = pa.schema(
    [
        _must("outcome_id", pa.string()),
        _must("relationship", pa.string()),
        _must("kind", pa.string()),  # deal, renewal, invoice, ticket
        pa.field("stage", pa.string()),
        _must("state", pa.string()),  # open, won, lost
        pa.field("amount", pa.float64()),
        pa.field("currency", pa.string()),
        _must("opened_at", _TIME),
        pa.field("closed_at", _TIME),
    ]
)

OUTCOME_STEPS: Final = pa.schema(
    [
        _must("outcome_id", pa.string()),
        _must("at", _TIME),  # when it came to stand so
        pa.field("stage", pa.string()),
        _must("state", pa.string()),  # open, won, lost
        pa.field("amount", pa.float64()),
        _must("source", pa.string()),  # name of the file or service it came from
    ]
)
"""How an outcome came about: one row for each stage or amount that it went through."""

CONTACTS: Final = pa.schema(
    [
        _must("contact_id", pa.string()),  # kind of export and the id there, as in slack:U123
        _must("source", pa.string()),  # name of the file or service it came from
        _must("kind", pa.string()),  # person, account
        pa.field("handle", pa.string()),  # what TURNS.speaker holds for this person where no address is known
        pa.field("name", pa.string()),
        pa.field("address", pa.string()),  # mail address in lower case
        pa.field("phone", pa.string()),  # digits with a leading + where the country is known
        pa.field("account", pa.string()),  # the firm's name
        pa.field("account_id", pa.string()),  # contact_id of the account
        pa.field("domain", pa.string()),
        pa.field("owner", pa.string()),  # who of us looks after it: address or name
        pa.field("segment", pa.string()),
        pa.field("side", pa.string()),  # us, them, where the source says so
    ]
)
"""What exports say of people and firms, beside what they wrote: as each source says it, matched nowhere yet."""

PERSON_DECISIONS: Final = pa.schema(
    [
        _must("decision_id", pa.string()),
        _must("at", _TIME),  # when a person said so
        _must("kind", pa.string()),  # join, part, undo
        _must("left", _NAMES),  # addresses, handles and phones of the one person as they were known then
        _must("right", _NAMES),  # and of the other
        _must("by", pa.string()),
        pa.field("note", pa.string()),
        pa.field("undoes", pa.string()),  # decision_id of the one that an undo takes back
    ]
)
"""Who is who, as people said: names joined into one person or parted. Never overwritten; an undo is a row too."""

CALLS: Final = pa.schema(
    [
        _must("call_id", pa.string()),  # the log's own id within its conversation, else a hash of its content
        _must("conversation_id", pa.string()),
        pa.field("turn_id", pa.string()),  # the turn it stands with; null where it stands before the first
        pa.field("is_before", pa.bool_()),  # made before the words of that turn; else, and where null, behind them
        _must("position", pa.int64()),  # order in the source
        _must("tool", pa.string()),
        pa.field("arguments", pa.string()),  # as logged
        _must("failed", pa.bool_()),  # the tool answered with an error
    ]
)
"""What an AI agent did: the calls of tools that stand in a log of its conversations."""

EVIDENCE: Final = pa.schema(
    [
        _must("turn_id", pa.string()),
        _must("sentence", pa.int32()),
        _must("start", pa.int32()),
        _must("end", pa.int32()),
        _must("facet", pa.string()),
        _must("raw", pa.float32()),  # signed sum of the facet's signals in this sentence; an occasion alone gives 0
        pa.field("signal", pa.string()),  # the signal that weighs most; null where the occasion passed unused
        pa.field("probability", pa.float32()),  # of that signal
    ]
)

READINGS: Final = pa.schema(
    [
        _must("relationship", pa.string()),
        _must("facet", pa.string()),
        _must("at", _TIME),
        _must("signal", pa.string()),  # the signal, or "turn" where a turn's signals were joined into one reading
        # What is known of y* = slope·level + N(0, v): it lies in (lo, hi]; lo = hi is an exact reading.
        _must("lo", pa.float64()),
        _must("hi", pa.float64()),
        _must("v", pa.float64()),
        _must("slope", pa.float64()),
        _must("alpha", pa.float64()),  # P(reading | level) = alpha + beta [Phi(...) - Phi(...)]
        _must("beta", pa.float64()),
        _must("slow_only", pa.bool_()),  # deception verified by a person loads on the slow part alone
        pa.field("turn_id", pa.string()),  # the evidence, and the sentence in it that weighs most
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
    ]
)

TRUST: Final = pa.schema(
    [
        _must("relationship", pa.string()),
        _must("facet", pa.string()),
        _must("at", _TIME),  # the state after all readings up to and including this time
        _must("mean", pa.float64()),  # standard deviations between relationships; 0 is typical
        _must("var", pa.float64()),
        _must("slow", pa.float64()),  # mean = slow + fast
        _must("fast", pa.float64()),
        _must("reliability", pa.float64()),  # 1 - posterior variance / prior variance, within 0 and 1
        _must("readings", pa.int64()),  # of this facet in this relationship so far
    ]
)

SCORES: Final = pa.schema(
    [
        _must("scope", pa.string()),  # "day:customer" for a circle on one day, else a relationship
        _must("at", _TIME),
        _must("lens", pa.string()),
        _must("pillar", pa.string()),
        _must("gauge", pa.string()),  # SHOWN, HELD
        pa.field("percentile", pa.float64()),  # null where withheld: reliability under .5
        _must("low", pa.float64()),  # ends of the 80 % band, percentiles
        _must("high", pa.float64()),
        _must("reliability", pa.float64()),
        _must("readings", pa.int64()),
    ]
)

FORECASTS: Final = pa.schema(
    [
        _must("day", pa.string()),  # local day on which it came true or not, as 2026-11-20
        _must("number", pa.int32()),  # 0, 1, 2, ... within the day
        _must("relationship", pa.string()),
        _must("facet", pa.string()),
        _must("kind", pa.string()),  # readings of one kind have the same outcomes
        _must("at", _TIME),
        pa.field("turn_id", pa.string()),
        pa.field("previous", pa.int32()),  # outcome of the latest such reading of the relationship before the day
        _must("outcome", pa.int32()),  # what happened: a place in the lists below
        # Chances of every outcome, stated from the books as they stood at the close before; each list sums to 1.
        _must("model", pa.list_(pa.float64())),
        _must("base", pa.list_(pa.float64())),  # rivals: how common it is, what it was last time, what follows that
        _must("last", pa.list_(pa.float64())),
        _must("markov", pa.list_(pa.float64())),
        _must("typical", pa.list_(pa.float64())),  # the model's own, of a relationship of which nothing is known
        pa.field("pit", pa.float64()),  # exact readings: the share of the forecast density below what was read
        pa.field("log_density", pa.float64()),  # exact readings: log of the forecast density there
    ]
)
"""What the closing books said of the next day's readings, and what came."""

CLOSINGS: Final = pa.schema(
    [
        _must("day", pa.string()),
        _must("zone", pa.string()),  # whose midnight closed it
        _must("evening", _TIME),  # the last microsecond of the day
        _must("closed_at", _TIME),  # by the clock of the machine: long after the evening where a day was made up later
        _must("readings", pa.int64()),  # in the books that evening
        _must("came", pa.int64()),  # of these, not there the evening before
        _must("went", pa.int64()),  # there the evening before, and replaced since
        _must("relationships", pa.int64()),
        _must("forecasts", pa.int64()),
        _must("made_with", pa.string()),  # encoder and constants
        # SHA-256: of the readings that came and went, of the levels they led to, of the day's FORECASTS, of the seal
        # of the closing before ("" for the first), and of all of this row.
        _must("news", pa.string()),
        _must("levels", pa.string()),
        _must("scored", pa.string()),
        _must("previous", pa.string()),
        _must("seal", pa.string()),
    ]
)
"""The days whose books were closed, each sealed together with all before it."""

RESEALED: Final = pa.schema(
    [
        _must("day", pa.string()),  # a closed day whose FORECASTS named somebody who was forgotten
        _must("at", _TIME),  # when the name was taken out
        _must("scored", pa.string()),  # SHA-256 of its FORECASTS since; CLOSINGS.scored is that of before
    ]
)
"""Days whose forecasts were sealed once more, without a name. The seals of CLOSINGS stand as they were."""

FORGOTTEN: Final = pa.schema(
    [
        _must("erasure", pa.string()),  # what was forgotten together has one id
        _must("at", _TIME),
        # key: random, of this book. name, turn, conversation, outcome: HMAC-SHA256 with it of what was forgotten.
        # before: the time itself, before which turns are forgotten.
        _must("kind", pa.string()),
        _must("hash", pa.string()),
    ]
)
"""What was forgotten, as hashes alone, so that reading an export again does not bring it back."""

TRIALS: Final = pa.schema(
    [
        _must("trial_id", pa.string()),
        _must("practice", pa.string()),  # a name in `trial.practices.PRACTICES`, or one of your own
        _must("words", pa.string()),  # what is to be done
        pa.field("facet", pa.string()),
        pa.field("seen_by", pa.string()),  # the signal that shows in our turns how often it was done
        _must("circle", pa.string()),
        _must("outcome", pa.string()),  # held, answers, won, renewed
        _must("stated_at", _TIME),  # when all of this was written down
        _must("started_at", _TIME),  # what came after it counts
        _must("until", _TIME),  # up to this, and not read before
        _must("seed", pa.int64()),  # of the lot
        pa.field("least_effect", pa.float64()),  # found with probability .8; null where the book was too short to say
        pa.field("error", pa.float64()),  # standard error of the difference that was reckoned with
        pa.field("basis", pa.string()),  # what the two rest on
        _must("analysis", pa.string()),
        _must("by", pa.string()),
        pa.field("stopped_at", _TIME),
        pa.field("note", pa.string()),  # why it was stopped
    ]
)
"""Trials of a practice, as they were stated before they began. No score may rest on this or the two tables after it."""

TRIAL_ACCOUNTS: Final = pa.schema(
    [
        _must("trial_id", pa.string()),
        _must("number", pa.int32()),  # 0, 1, 2, ... within the trial
        pa.field("relationship", pa.string()),  # null once it was erased; its arm still counts
        _must("arm", pa.string()),  # practice, usual
        _must("block", pa.int32()),  # within which the lot was drawn
        _must("level", pa.float64()),  # trust held at the start, standard deviations
        _must("size", pa.int32()),  # turns in the 90 days before
    ]
)
"""Which accounts a trial gave the practice to."""

TRIAL_LOOKS: Final = pa.schema(
    [
        _must("trial_id", pa.string()),
        _must("at", _TIME),  # when it was read
        _must("is_early", pa.bool_()),  # before its day
        pa.field("effect", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("p", pa.float64()),
    ]
)
"""Every reading of a trial: who looks often finds what is not there."""

AUDIT: Final = pa.schema(
    [
        _must("number", pa.int64()),  # 1, 2, 3, ... in the order of what happened
        _must("at", _TIME),
        pa.field("who", pa.string()),  # null once erased, and where nobody was signed in
        pa.field("role", pa.string()),
        _must("action", pa.string()),  # "GET /relationships/{name}", "sign in", ...
        pa.field("object", pa.string()),  # what it was about, never its content; null once erased, and where nothing
        _must("outcome", pa.string()),  # allowed, refused
        # Erasing takes a name and its salt; its hash stays in the seal, and tells nothing without the salt.
        pa.field("who_salt", pa.string()),
        pa.field("object_salt", pa.string()),
        _must("who_hash", pa.string()),  # SHA-256 of salt and name
        _must("object_hash", pa.string()),
        _must("previous", pa.string()),  # seal of the entry before, "" for the first
        _must("seal", pa.string()),  # SHA-256 of all of this row but names and salts
    ]
)
"""Who looked at what, each entry sealed together with all before it."""

TEAM_FIGURES: Final = pa.schema(
    [
        _must("period", pa.string()),  # 2026-10, or 2026-W43
        _must("team", pa.string()),  # the group: "all" for the team as a whole, else a segment of its customers
        _must("published_at", _TIME),
        pa.field("withheld", pa.string()),  # why there is no figure; then all that follows is null
        pa.field("people", pa.int64()),  # of ours who wrote
        pa.field("relationships", pa.int64()),
        pa.field("turns", pa.int64()),
        # The average relationship's place among relationships of the reference population, with its 80 % band.
        *(pa.field(f"{gauge}_{part}", pa.float64()) for gauge in ("shown", "held") for part in ("mid", "low", "high")),
        pa.field("promises", pa.int64()),  # of ours that fell due
        pa.field("kept", pa.float64()),  # share of them that was kept by its time
        pa.field("questions", pa.int64()),  # that customers asked
        pa.field("answered", pa.float64()),  # share of them that was answered
    ]
)
"""Figures of groups of the team: published once for a period that is over, and never worked out anew."""

WORTH_FIGURES: Final = pa.schema(
    [
        _must("period", pa.string()),  # 2026-10, or 2026-W43; of a trial its id
        _must("part", pa.string()),  # deal, renewal, reciprocity, influence, suggestions, trial
        _must("as_of", _TIME),  # nothing later is in it
        _must("published_at", _TIME),
        pa.field("content", pa.string()),  # figures of groups, naming nobody; null where there were too few accounts
        pa.field("basis", pa.string()),  # of deals: hashes of how they stood, to tell how many changed since
    ]
)
"""What goes with trust as analysts of a team see it, each part published once."""

DIGESTS: Final = pa.schema(
    [
        _must("person", pa.string()),  # whose close it is, and whom it is sent to
        _must("day", pa.string()),
        _must("message_id", pa.string()),  # the same at every attempt
        _must("made_at", _TIME),
        _must("state", pa.string()),  # waiting, sent, refused
        _must("attempts", pa.int32()),
        pa.field("tried_at", _TIME),
        pa.field("problem", pa.string()),  # of the last attempt
        pa.field("sent_at", _TIME),
    ]
)
"""The outbox of closes by mail: a row before the first attempt. What they say is made anew, and kept nowhere."""

TOKENS: Final = pa.schema(
    [
        _must("token_id", pa.string()),
        _must("name", pa.string()),  # what it is for
        _must("hash", pa.string()),  # SHA-256 of the token, which is kept nowhere
        _must("role", pa.string()),
        pa.field("person", pa.string()),  # whose it is; null for the sole user of a book
        _must("needs", pa.list_(pa.string())),  # what it may do
        _must("made_at", _TIME),
        _must("expires_at", _TIME),
        pa.field("revoked_at", _TIME),
        pa.field("used_at", _TIME),  # to some minutes
    ]
)

INVITATIONS: Final = pa.schema(
    [
        _must("invitation_id", pa.string()),
        _must("secret_hash", pa.string()),  # SHA-256 of the end of the link, which is kept nowhere
        _must("set", pa.string()),  # of `surveys.NAMES`
        _must("language", pa.string()),
        _must("relationship", pa.string()),
        pa.field("person", pa.string()),  # address of who is asked, where one person is
        _must("asked_by", pa.string()),  # as who is asked reads it
        _must("made_at", _TIME),
        _must("until", _TIME),
        pa.field("answered_at", _TIME),  # last
        pa.field("closed_at", _TIME),  # by who asked
    ]
)
"""Surveys sent by link: one link for each, which takes one set of answers."""

HOOK_EVENTS: Final = pa.schema(
    [
        _must("event_id", pa.string()),  # the same for the same thing, so that it is told once
        _must("hook_id", pa.string()),  # to which address
        _must("kind", pa.string()),
        _must("at", _TIME),  # when it was noticed
        pa.field("relationship", pa.string()),
        pa.field("subject", pa.string()),  # id of the promise or question
        pa.field("turn_id", pa.string()),  # that it rests on
        _must("state", pa.string()),  # known (there before the address was), waiting, sent, given up
        _must("tries", pa.int32()),
        pa.field("next_at", _TIME),  # when it is tried again
        pa.field("problem", pa.string()),  # of the last try
        pa.field("sent_at", _TIME),
    ]
)
"""What was told, or is to be told, to addresses that the owner entered."""

HOOK_LEVELS: Final = pa.schema(
    [
        _must("relationship", pa.string()),
        _must("gauge", pa.string()),
        _must("percentile", pa.float64()),
        _must("low", pa.float64()),
        _must("high", pa.float64()),
        _must("at", _TIME),
    ]
)
"""The level that a fall of trust is told from."""

JOBS: Final = pa.schema(
    [
        _must("job_id", pa.string()),  # from its kind and key, so that what is asked for twice is one job
        _must("kind", pa.string()),  # of `web.work.make_kinds`
        _must("asked", pa.string()),  # JSON: what to do it with
        _must("by", pa.string()),  # who asked for it
        _must("state", pa.string()),  # waiting, running, done, failed, stopped
        _must("made_at", _TIME),
        _must("tries", pa.int32()),  # how often it was begun
        pa.field("worker", pa.string()),  # who runs it
        pa.field("lease_until", _TIME),  # while it runs; after that somebody else may take it
        pa.field("ended_at", _TIME),
        pa.field("told", pa.string()),  # JSON: what came of it, without a word of anybody's message
        pa.field("problem", pa.string()),  # one line of why it failed
    ]
)
"""Long jobs of a served book: leased to one worker at a time, so that each is done once, and goes on after a crash."""

TABLES: Final[Mapping[str, pa.Schema]] = {
    "turns": TURNS,
    "turn_versions": TURN_VERSIONS,
    "sentences": SENTENCES,
    "findings": FINDINGS,
    "evidence": EVIDENCE,
    "promises": PROMISES,
    "decisions": DECISIONS,
    "objections": OBJECTIONS,
    "promise_history": PROMISE_HISTORY,
    "questions": QUESTIONS,
    "answers": ANSWERS,
    "outcomes": OUTCOMES,
    "outcome_steps": OUTCOME_STEPS,
    "contacts": CONTACTS,
    "person_decisions": PERSON_DECISIONS,
    "calls": CALLS,
    "readings": READINGS,
    "trust": TRUST,
    "scores": SCORES,
    "forecasts": FORECASTS,
    "closings": CLOSINGS,
    "resealed": RESEALED,
    "forgotten": FORGOTTEN,
    "trials": TRIALS,
    "trial_accounts": TRIAL_ACCOUNTS,
    "trial_looks": TRIAL_LOOKS,
    "audit": AUDIT,
    "team_figures": TEAM_FIGURES,
    "worth_figures": WORTH_FIGURES,
    "digests": DIGESTS,
}


def arrow_table(data: object) -> pa.Table:
    """Take anything that speaks Arrow, or a list of mappings, to a `pyarrow.Table`.

    Accepts pyarrow tables and batches, whatever offers the Arrow PyCapsule interface (pandas, Polars, DuckDB,
    narwhals), and an iterable of mappings.

    Raises: InputError when it is none of these.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return pa.table(data)  # type: ignore[arg-type]  # the PyCapsule protocol is not in pyarrow's annotations
    if isinstance(data, Iterable) and not isinstance(data, (str, bytes, Mapping)):
        return _from_mappings(data)
    raise InputError(
        f"cannot take a {type(data).__name__} as a table. "
        "Give a pyarrow, pandas, Polars or DuckDB table, or a list of mappings with a 'text' or 'body' each."
    )


def _from_mappings(rows: Iterable[Any]) -> pa.Table:
    listed = list(rows)
    for number, row in enumerate(listed):
        if not isinstance(row, Mapping):
            raise InputError(f"row {number} is a {type(row).__name__}, not a mapping of column names to values.")
    # Named by all of them: Arrow looks at the first alone, and would drop what only later ones hold.
    names = list(dict.fromkeys(name for row in listed for name in row))
    if not all(isinstance(name, str) for name in names):
        raise InputError("a row has a column whose name is no text.")
    columns = {name: [row.get(name) for row in listed] for name in names}
    try:
        try:
            return pa.table({name: pa.array(values) for name, values in columns.items()})
        except UnicodeEncodeError:
            return pa.table({name: pa.array([_mend(value) for value in values]) for name, values in columns.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InputError(f"the rows do not make one table: {error}.") from error


def _mend(value: object) -> object:
    """A text that can be written as UTF-8: pairs of surrogates joined, a lone one replaced by U+FFFD."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def conform(data: object, schema: pa.Schema) -> pa.Table:
    """Pick, order and cast the columns of `schema`; columns it does not name are left behind.

    Nullable columns that are absent come back as nulls.

    Raises: MissingColumns when a column that must be there is not; BadColumn when one cannot be cast or holds
        nulls that it must not hold.
    """
    table = arrow_table(data)
    required = [field.name for field in schema if not field.nullable]
    missing = [name for name in required if name not in table.column_names]
    if missing:
        raise MissingColumns(missing, table.column_names)
    columns = [_cast(table, field) for field in schema]
    return pa.table(columns, schema=schema)


def _cast(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    column = table.column(field.name)
    if not field.nullable and column.null_count:
        raise BadColumn(field.name, f"{column.null_count} of {len(column)} rows are empty, and none may be")
    if column.type == field.type:
        return column
    try:
        return pc.cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise BadColumn(field.name, f"cannot be read as {field.type}: {reason}") from error


def empty(schema: pa.Schema) -> pa.Table:
    """A table of this schema with no rows."""
    return schema.empty_table()
