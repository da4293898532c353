"""troth: how much reason was given for trust, how much came back, and the sentences that say so."""
