"""What the counterpart asked, whether it is the trust that they ask for, and whether it was answered."""

from troth.questions.find import find_questions

__all__ = ["find_questions"]
