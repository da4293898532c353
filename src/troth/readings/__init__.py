"""Everything found, to READINGS: what the filter takes in, where it had its occasion, in units of what is usual."""

from troth.readings.contested import is_out, latest_objections
from troth.readings.evidence import weigh_findings
from troth.readings.gather import gather_readings
from troth.readings.reference import Reference, load_reference
from troth.readings.surveys import forecast_answer, read_survey

__all__ = [
    "Reference",
    "forecast_answer",
    "gather_readings",
    "is_out",
    "latest_objections",
    "load_reference",
    "read_survey",
    "weigh_findings",
]
