"""The recipe that also learns from sets whose licence forbids shipping: for whoever may use them, on their machine."""
