"""Question sets out, answers in, how good the scale is, and what an answer is worth."""

from troth.surveys.answers import Place, RejectedAnswer, SurveyReading, read_answers
from troth.surveys.curves import Curves, fit_curves
from troth.surveys.exports import tell_survey
from troth.surveys.learning import learn_items
from troth.surveys.make import make_survey
from troth.surveys.quality import ENOUGH, ItemQuality, ScaleQuality, rate_scale, rate_scales
from troth.surveys.sets import LANGUAGES, NAMES, Item, QuestionSet, Scale, load_set, set_of_lens

__all__ = [
    "ENOUGH",
    "LANGUAGES",
    "NAMES",
    "Curves",
    "Item",
    "ItemQuality",
    "Place",
    "QuestionSet",
    "RejectedAnswer",
    "Scale",
    "ScaleQuality",
    "SurveyReading",
    "fit_curves",
    "learn_items",
    "load_set",
    "make_survey",
    "rate_scale",
    "rate_scales",
    "read_answers",
    "set_of_lens",
    "tell_survey",
]
