"""What the research recipe learns to say of a text: one task for each thing that one set says, with its goal.

Licence, floor, published figure and agreement of people are those of each set's README in the folder of labelled sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from training.sets import ACTS

Kind = Literal["class", "labels", "score", "pair"]
"""One of several classes; each of several labels, yes or no; numbers; or a number of which only the order of two texts
is known."""

CLEAR: Final = "clearly above TF-IDF"
"""The goal where the issue names no figure: the lower end of the interval above what TF-IDF reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What was aimed at, in one metric.

    Attributes:
        metric: of `report.METRICS`.
        value: the figure aimed at; None where the goal is to be clearly above TF-IDF.
        margin: instead of a figure, how far above the better of length alone and TF-IDF.
        floor: what TF-IDF reaches by the set's README, where this is quoted and not computed again.
        published: figure and source.
        agreement: how far people agree, in the same metric.
        inside_length: whether the gain must also hold among texts of like length.
        sought: whether it is a goal at all, and not only a figure that both recipes have.
    """

    metric: str
    value: float | None = None
    margin: float | None = None
    floor: float | None = None
    published: tuple[float, str] | None = None
    agreement: float | None = None
    inside_length: bool = False
    sought: bool = True
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that one set says about a text.

    Attributes:
        outputs: the classes, labels or scores, in order.
        signal: the signal of the catalogue that it is nearest to, or a plain name.
        answers: whether it reads the turn before too.
        cut: for `labels`, whether yes is said from one half up or from the cut that is best on dev.
        goals: none for what only shapes the encoder.
    """

    name: str
    set: str
    kind: Kind
    outputs: tuple[str, ...]
    signal: str
    licence_class: str
    answers: bool = False
    cut: Literal["half", "dev"] = "half"
    weight: float = 1.0
    goals: tuple[Goal, ...] = field(default=())


EMOTIONS: Final = (
    "admiration amusement anger annoyance approval caring confusion curiosity desire disappointment disapproval "
    "disgust embarrassment excitement fear gratitude grief joy love nervousness optimism pride realization relief "
    "remorse sadness surprise neutral"
).split()
STRATEGIES: Final = (
    "acknowledgement agree-donation ask-donation-amount ask-donation-procedure ask-org-info "
    "ask-persuader-donation-intention closing confirm-donation credibility-appeal disagree-donation "
    "donation-information emotion-appeal foot-in-the-door greeting logical-appeal negative-reaction-to-donation "
    "negative-to-inquiry neutral-reaction-to-donation neutral-to-inquiry off-task other personal-related-inquiry "
    "personal-story positive-reaction-to-donation positive-to-inquiry praise-user proposition-of-donation "
    "provide-donation-amount self-modeling source-related-inquiry task-related-inquiry thank"
).split()
"""The acts of PersuasionForGood with 40 sentences or more in train."""
QUALITIES: Final = (
    "credibility clarity arrangement appropriateness emotional_appeal local_acceptability local_relevance "
    "local_sufficiency global_acceptability global_relevance global_sufficiency"
).split()
ASPECTS: Final = ("number", "extent", "probability", "condition", "suggestion", "framing")

_EPITOME: Final = "RoBERTa bi-encoder, README of TayalarajanTR/empathy-detection, split not described"
_NIU: Final = "LSTM-CNN trained on Wikipedia, Niu and Bansal 2018, as in WolfNiu/polite-dialogue-generation"
_OWN_SPLIT: Final = "split by the seeker's post, not the published one; the replication's figure is on another split"
_SHIFTED: Final = (
    "test labels were corrected by the authors with the help of system outputs, and rates differ from train; people: "
    "share of pairs of raters that agree, not this metric"
)


def _epitome(name: str, f1: float, accuracy: float, published: tuple[float, float], floor: tuple[float, float]) -> Task:
    return Task(
        name=f"epitome/{name}",
        set="epitome",
        kind="class",
        outputs=("none", "weak", "strong"),
        signal=name,
        licence_class="research",
        answers=True,
        goals=(
            Goal(metric="macro-F1", value=f1, floor=floor[0], published=(published[1], _EPITOME), note=_OWN_SPLIT),
            Goal(
                metric="accuracy", value=accuracy, floor=floor[1], published=(published[0], _EPITOME), note=_OWN_SPLIT
            ),
            Goal(metric="AUC, any against none", sought=False, note=_OWN_SPLIT),
        ),
    )


def _offmychest(name: str, signal: str, goal: float, agreement: float) -> Task:
    return Task(
        name=f"offmychest/{name}",
        set="offmychest",
        kind="labels",
        outputs=(name,),
        signal=signal,
        licence_class="open",
        goals=(
            Goal(
                metric="macro-F1",
                value=goal,
                floor=round(goal - 0.05, 2),
                agreement=agreement,
                note=f"{name.replace('_', ' ')}; {_SHIFTED}",
            ),
        ),
    )


_TASKS: Final = (
    _epitome("reaction", 0.775, 0.83, (0.821, 0.753), (0.719, 0.756)),
    _epitome("interpretation", 0.70, 0.84, (0.839, 0.697), (0.572, 0.801)),
    _epitome("exploration", 0.69, 0.92, (0.914, 0.635), (0.581, 0.901)),
    Task(
        name="stanford_politeness_se/polite",
        set="stanford_politeness_se",
        kind="labels",
        outputs=("polite",),
        signal="politeness",
        licence_class="open",
        goals=(
            Goal(
                metric="accuracy",
                value=0.72,
                floor=0.626,
                published=(0.702, _NIU),
                note="top against bottom quarter; the published figure was not trained on this half",
            ),
        ),
    ),
    Task(
        name="stanford_politeness_se/politeness",
        set="stanford_politeness_se",
        kind="score",
        outputs=("politeness",),
        signal="politeness",
        licence_class="open",
        goals=(Goal(metric="Pearson r", floor=0.291, sought=False),),
    ),
    Task(
        name="stanford_politeness_wiki/polite",
        set="stanford_politeness_wiki",
        kind="labels",
        outputs=("polite",),
        signal="politeness",
        licence_class="open",
        goals=(
            Goal(
                metric="accuracy",
                value=0.88,
                floor=0.856,
                published=(0.892, "XLM-RoBERTa-large, model card Genius1237/xlm-roberta-large-tydip, 251 rows"),
                note="top against bottom quarter",
            ),
        ),
    ),
    Task(
        name="stanford_politeness_wiki/politeness",
        set="stanford_politeness_wiki",
        kind="score",
        outputs=("politeness",),
        signal="politeness",
        licence_class="open",
        goals=(Goal(metric="Pearson r", floor=0.638, sought=False),),
    ),
    Task(
        name="intimacy_questions/intimacy",
        set="intimacy_questions",
        kind="score",
        outputs=("intimacy",),
        signal="intimacy",
        licence_class="open",
        goals=(Goal(metric="Pearson r", value=0.85, floor=0.702, published=(0.87, "Pei and Jurgens 2020, abstract")),),
    ),
    _offmychest("emotional_disclosure", "disclosure", 0.73, 0.71),
    _offmychest("information_disclosure", "disclosure", 0.73, 0.71),
    _offmychest("emo_support", "reaction", 0.86, 0.84),
    _offmychest("info_support", "support with advice", 0.75, 0.84),
    Task(
        name="goemotions/emotions",
        set="goemotions",
        kind="labels",
        outputs=tuple(EMOTIONS),
        signal="feelings of 28 kinds",
        licence_class="open",
        cut="dev",
        goals=(
            Goal(
                metric="macro-F1 over labels",
                value=0.50,
                floor=0.468,
                published=(0.503, "BERT-base-cased, README of monologg/GoEmotions-pytorch"),
            ),
        ),
    ),
    Task(
        name="certainty_science/certainty",
        set="certainty_science",
        kind="score",
        outputs=("certainty",),
        signal="certainty",
        licence_class="open",
        goals=(Goal(metric="Pearson r", margin=0.10),),
    ),
    Task(
        name="certainty_science/aspects",
        set="certainty_science",
        kind="labels",
        outputs=tuple(f"{aspect}={how}" for aspect in ASPECTS for how in ("Certain", "Uncertain")),
        signal="certainty",
        licence_class="open",
        weight=0.3,
    ),
    Task(
        name="vira_trust/trust",
        set="vira_trust",
        kind="class",
        outputs=("low_institutional", "low_agent", "neutral", "high"),
        signal="trust in what people say",
        licence_class="open",
        goals=(Goal(metric="macro-F1", value=0.78, floor=0.714, note="low_agent_trust has 9 rows of test"),),
    ),
    Task(
        name="airbnb_host_trust/trust",
        set="airbnb_host_trust",
        kind="score",
        outputs=("trust",),
        signal="trust as readers perceive it",
        licence_class="eval, share-alike",
        goals=(Goal(metric="Pearson r", value=0.68, floor=0.557, inside_length=True),),
    ),
    Task(
        name="airbnb_host_trust/parts",
        set="airbnb_host_trust",
        kind="score",
        outputs=("ability", "benevolence", "integrity"),
        signal="trust as readers perceive it",
        licence_class="eval, share-alike",
        weight=0.5,
    ),
    Task(
        name="ukp_convarg1_pairs/convincing",
        set="ukp_convarg1_pairs",
        kind="pair",
        outputs=("convincing",),
        signal="reasoning quality",
        licence_class="open",
        goals=(
            Goal(
                metric="accuracy of pairs",
                value=0.82,
                published=(0.78, "Habernal and Gurevych 2016, leave one group out: .76 to .78"),
                note="three debates that training did not see; intervals by debate and side, of which there are few",
            ),
        ),
    ),
    Task(
        name="annomi/behaviour",
        set="annomi",
        kind="class",
        outputs=("reflection", "question", "therapist_input", "other"),
        signal="interpretation",
        licence_class="research",
        answers=True,
        goals=(Goal(metric="macro-F1", floor=0.701),),
    ),
    Task(
        name="annomi/talk",
        set="annomi",
        kind="class",
        outputs=("change", "neutral", "sustain"),
        signal="accepts",
        licence_class="research",
        answers=True,
        goals=(Goal(metric="macro-F1", floor=0.468, note="the client's talk of change"),),
    ),
    Task(
        name="persuasion_for_good/act",
        set="persuasion_for_good",
        kind="class",
        outputs=tuple(STRATEGIES),
        signal="acts of persuasion",
        licence_class="open",
        answers=True,
        goals=(Goal(metric="macro-F1"),),
    ),
    Task(
        name="email_intent/intent",
        set="email_intent",
        kind="labels",
        outputs=("intent",),
        signal="request",
        licence_class="open",
        goals=(
            Goal(
                metric="accuracy",
                floor=0.824,
                published=(0.7903, "SVM, README of gauravshegokar/enron-dataset-intent-detection"),
                note="request, offer or commitment in one label",
            ),
        ),
    ),
    Task(
        name="complaints/complaint",
        set="complaints",
        kind="labels",
        outputs=("complaint",),
        signal="complaint",
        licence_class="research",
        goals=(
            Goal(
                metric="macro-F1",
                floor=0.827,
                published=(0.87, "Jin and Aletras 2020, abstract, best of several, protocol not seen"),
            ),
        ),
    ),
    Task(
        name="argquality_novice/qualities",
        set="argquality_novice",
        kind="score",
        outputs=tuple(QUALITIES),
        signal="reasoning quality",
        licence_class="open",
        goals=(
            Goal(
                metric="Pearson r",
                agreement=0.52,
                note="credibility, one of eleven; people: the most that their reliability of .27 lets any model reach",
            ),
        ),
    ),
    Task(
        name="mrda/acts",
        set="mrda",
        kind="labels",
        outputs=("commitment", "offer", "command"),
        signal="commitment",
        licence_class="research",
        answers=True,
        cut="dev",
        goals=(Goal(metric="F1", note="commitment (cc) in meetings; swda's test part has no row with one"),),
    ),
    Task(
        name="pledges/pledge",
        set="pledges",
        kind="labels",
        outputs=("pledge",),
        signal="commitment",
        licence_class="research",
        answers=True,
        goals=(Goal(metric="macro-F1", note="manifestos of an election that training did not see"),),
    ),
)

ACTS_TASK: Final = Task(
    name="business_acts/acts",
    set="business_acts",
    kind="labels",
    outputs=ACTS,
    signal="acts together",
    licence_class="open",
    cut="dev",
    goals=(
        Goal(
            metric="macro-F1, cuts from dev",
            value=0.65,
            floor=0.595,
            agreement=0.933,
            note="acts with 20 test rows or more; read by two language models and no person; disputed pairs left out; "
            "an ask in question form is right as either",
        ),
    ),
)
EVERY: Final = (*_TASKS, ACTS_TASK)
"""All tasks, in a fixed order."""
