"""Everything found, to READINGS: what the filter takes in, where it had its occasion, in units of what is usual."""

from troth.readings.contested import is_out, latest_objections
from troth.readings.evidence import weigh_findings
from troth.readings.gather import gather_readings, read_words
from troth.readings.reference import Reference, load_reference
from troth.readings.scene import set_scene
from troth.readings.surveys import forecast_answer, read_survey
from troth.readings.waits import list_waits, read_all_waits, recall_waits

__all__ = [
    "Reference",
    "forecast_answer",
    "gather_readings",
    "is_out",
    "latest_objections",
    "list_waits",
    "load_reference",
    "read_all_waits",
    "read_survey",
    "read_words",
    "recall_waits",
    "set_scene",
    "weigh_findings",
]
