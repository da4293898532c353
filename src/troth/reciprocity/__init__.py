"""Who opens first: whether an open act of one side goes with one of the other side's next.

Source: MEASUREMENT.md section 6. It says what goes with what within one relationship and a short stretch of it; proof
that one brings the other needs a randomised nudge.
"""
