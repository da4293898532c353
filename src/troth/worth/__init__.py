"""TRUST and OUTCOMES to time, chance and money: what goes with trust, and how sure that is.

Source of every equation: MEASUREMENT.md section 6, which also says what is never claimed.
"""
