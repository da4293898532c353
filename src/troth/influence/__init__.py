"""Influence: how often what we ask, offer or recommend is taken up."""
