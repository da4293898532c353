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

_OUTCOMES: Final = ("broken", "late", "kept")
_RATES: Final = np.array([0.05, 0.05, 0.90])  # until a firm's own are learned; section 4.7 shows what they imply
_PROMISE_VAR: Final = 1.0
_MISREAD: Final = MappingProxyType({"kept": 0.10, "late": 0.20, "suspected": 0.30, "broken": 0.30})
"""Share of machine-made states that are wrong; a person's word counts as certain."""


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
    wrong = np.array([0.0 if sure else _MISREAD[state] for state, sure in zip(states, by_person, strict=True)])
    cuts = cut_points(_RATES, _PROMISE_VAR)
    columns: dict[str, Any] = {
        "relationship": settled["relationship"],
        "facet": pa.repeat("FT", len(states)),
        "at": settled["state_at"],
        "signal": pa.repeat("promise_outcome", len(states)),
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
