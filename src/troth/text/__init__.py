"""A body to the sender's own words, to sentences with offsets."""

from troth.text.parts import Part, find_parts
from troth.text.sentences import find_sentences, split_sentences

__all__ = ["Part", "find_parts", "find_sentences", "split_sentences"]
