"""What was said to be done: promises found, their due times, and what became of them."""

from troth.promises.agents import check_agent
from troth.promises.calendar import Calendar
from troth.promises.find import date_turns, find_promises, find_versions, found_by, meet_people
from troth.promises.ongoing import Bearing, Ongoing
from troth.promises.people import People
from troth.promises.resolve import Due, due
from troth.promises.settle import settle_after, settle_promises

__all__ = [
    "Bearing",
    "Calendar",
    "Due",
    "Ongoing",
    "People",
    "check_agent",
    "date_turns",
    "due",
    "find_promises",
    "find_versions",
    "found_by",
    "meet_people",
    "settle_after",
    "settle_promises",
]
