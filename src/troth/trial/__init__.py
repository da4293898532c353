"""Trials of a practice: the lot says who gets it within pairs alike, and the result is read by intention to treat."""
