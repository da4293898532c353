"""The book: the store that holds all of a company's tables, behind one small Protocol."""

from troth.book.store import REWRITE_DUE, Mark, Store, Upserted, open_store

__all__ = ["REWRITE_DUE", "Mark", "Store", "Upserted", "open_store"]
