"""What was done: promises kept, late or broken, as readings of FT.

Source: MEASUREMENT.md sections 2, 4.2, 4.7 and 5.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troth.readings.ordinal import cut_points
from troth.schema import READINGS, conform, empty

SIGNAL: Final = "promise_outcome"
_OUTCOMES: Final = ("broken", "late", "kept")
_RATES: Final = np.array([0.05, 0.05, 0.90])  # until a firm's own are learned; section 4.7 shows what they imply
_PROMISE_VAR: Final = 1.0
_LEAST_MISREAD: Final = 0.20
"""However sure the match: of 59 turns of written pairs that were judged .9 and above, 12 showed no act (cross-validated
and held out together; 95 % interval .12 to .32). The pairs are made to mislead, so mail may be kinder."""
_TYPICAL_MISREAD: Final = 0.26
"""Where how sure the match was is not known: of 46 held-out pairs called kept or late, 12 showed no act."""
_MISREAD: Final = MappingProxyType(
    {"kept": _TYPICAL_MISREAD, "late": _TYPICAL_MISREAD, "suspected": 0.30, "broken": 0.30}
)
"""Share of machine-made states that are wrong; a person's word counts as certain. That of a suspicion is MEASUREMENT's
section 5; of 10 written threads suspected 1 was not broken (.02 to .40), of 3 promises of the sample 2."""


def misread_share(state: str, probability: float | None) -> float:
    """How likely a state that settling gave is wrong.

    Args:
        state: of PROMISES, one with an outcome.
        probability: that the evidence shows the act (`evidence_probability`). Between .4 and .75 it was right as often
            as it says, above that less often than it says.
    """
    if state not in ("kept", "late") or probability is None:
        return _MISREAD[state]
    return max(1.0 - probability, _LEAST_MISREAD)


def read_promises(promises: pa.Table, now: dt.datetime) -> pa.Table:
    """One ordinal reading for each promise of ours whose outcome is known; unknown is never counted as broken."""
    settled = promises.filter(
        pc.and_(
            pc.and_(pc.equal(promises["side"], "us"), pc.is_in(promises["state"], pa.array(list(_MISREAD)))),
            pc.and_(pc.is_valid(promises["relationship"]), pc.is_valid(promises["state_at"])),
        )
    )
    settled = settled.filter(pc.less_equal(settled["state_at"], pa.scalar(now, settled["state_at"].type)))
    if not settled.num_rows:
        return empty(READINGS)
    states = settled["state"].to_pylist()
    by_person = [decided == "person" for decided in settled["decided_by"].to_pylist()]
    category = np.array([_OUTCOMES.index("broken" if state == "suspected" else state) for state in states])
    match = settled["evidence_probability"].to_pylist()
    wrong = np.array(
        [
            0.0 if sure else misread_share(state, probability)
            for state, sure, probability in zip(states, by_person, match, strict=True)
        ]
    )
    cuts = cut_points(_RATES, _PROMISE_VAR)
    columns: dict[str, Any] = {
        "relationship": settled["relationship"],
        "facet": pa.repeat("FT", len(states)),
        "at": settled["state_at"],
        "signal": pa.repeat(SIGNAL, len(states)),
        "lo": cuts[category],
        "hi": cuts[category + 1],
        "v": np.full(len(states), _PROMISE_VAR),
        "slope": np.ones(len(states)),
        "alpha": wrong / len(_OUTCOMES),
        "beta": 1.0 - wrong,
        "slow_only": np.zeros(len(states), bool),
        "turn_id": settled["turn_id"],
        "start": settled["start"],
        "end": settled["end"],
    }
    return conform(pa.table(columns), READINGS)
