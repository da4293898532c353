"""What was said to be done: promises found, their due times, and what became of them."""

from troth.promises.calendar import Calendar
from troth.promises.resolve import Due, due

__all__ = ["Calendar", "Due", "due"]
