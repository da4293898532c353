"""Everything found, to READINGS: what the filter takes in, where it had its occasion, in units of what is usual."""

from troth.readings.evidence import weigh_findings
from troth.readings.gather import gather_readings
from troth.readings.reference import Reference, load_reference

__all__ = ["Reference", "gather_readings", "load_reference", "weigh_findings"]
