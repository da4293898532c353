"""A book taken out of troth: every table in a form that other programs read, and that reads back without loss."""

from troth.leaving.book import leave_book
from troth.leaving.corpus import write_corpus
from troth.leaving.folder import Written
from troth.leaving.tables import save_table

__all__ = ["Written", "leave_book", "save_table", "write_corpus"]
