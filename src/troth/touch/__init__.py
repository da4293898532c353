"""Touch points: the stage a turn took place in, how long they waited, what they heard twice, what they repeat."""

from troth.touch.compare import Pair, Said, compare_facts
from troth.touch.facts import Day, Fact, find_facts
from troth.touch.levels import Evidence, Pooled, Spread, pool_levels
from troth.touch.pairs import Hearers, Statements, judge_pairs, list_hearers
from troth.touch.repeats import SAYS_SO, Line, Recall, Repeat, find_repeats
from troth.touch.stages import STAGES, UNKNOWN, Staged, StageRule, tell_stages
from troth.touch.telling import find_told
from troth.touch.times import Typical, Waits, find_first_answers, find_hand_overs, find_typical

__all__ = [
    "SAYS_SO",
    "STAGES",
    "UNKNOWN",
    "Day",
    "Evidence",
    "Fact",
    "Hearers",
    "Line",
    "Pair",
    "Pooled",
    "Recall",
    "Repeat",
    "Said",
    "Spread",
    "StageRule",
    "Staged",
    "Statements",
    "Typical",
    "Waits",
    "compare_facts",
    "find_facts",
    "find_first_answers",
    "find_hand_overs",
    "find_repeats",
    "find_told",
    "find_typical",
    "judge_pairs",
    "list_hearers",
    "pool_levels",
    "tell_stages",
]
