"""The words of time in English, and the simple ones in German."""

from __future__ import annotations

from typing import Final

WEEKDAYS: Final = {
    "monday": 0, "mon": 0, "montag": 0, "tuesday": 1, "tue": 1, "tues": 1, "dienstag": 1,
    "wednesday": 2, "wed": 2, "weds": 2, "mittwoch": 2, "thursday": 3, "thu": 3, "thur": 3, "thurs": 3,
    "donnerstag": 3, "friday": 4, "fri": 4, "freitag": 4, "saturday": 5, "samstag": 5, "sonnabend": 5,
    "sunday": 6, "sonntag": 6, "sat": 5, "sun": 6,
}  # fmt: skip
SHORT_WEEKDAYS: Final = frozenset({"sat", "sun", "wed", "mon"})
"""Also plain English words or names: they need a preposition, a date or a capital before them."""

MONTHS: Final = {
    "january": 1, "jan": 1, "januar": 1, "february": 2, "feb": 2, "februar": 2, "march": 3, "mar": 3, "märz": 3,
    "april": 4, "apr": 4, "may": 5, "mai": 5, "june": 6, "jun": 6, "juni": 6, "july": 7, "jul": 7, "juli": 7,
    "august": 8, "aug": 8, "september": 9, "sept": 9, "sep": 9, "october": 10, "oct": 10, "oktober": 10,
    "okt": 10, "november": 11, "nov": 11, "december": 12, "dec": 12, "dezember": 12, "dez": 12,
}  # fmt: skip

NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30,
    "forty": 40, "sixty": 60, "ninety": 90, "ein": 1, "eine": 1, "einem": 1, "einer": 1, "einen": 1, "zwei": 2,
    "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "vierzehn": 14,
}  # fmt: skip

ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10, "fifteenth": 15, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip

UNITS: Final = {
    "minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute", "minuten": "minute",
    "hour": "hour", "hours": "hour", "hr": "hour", "hrs": "hour", "stunde": "hour", "stunden": "hour",
    "day": "day", "days": "day", "tag": "day", "tage": "day", "tagen": "day",
    "week": "week", "weeks": "week", "wk": "week", "wks": "week", "woche": "week", "wochen": "week",
    "fortnight": "fortnight", "fortnights": "fortnight",
    "month": "month", "months": "month", "monat": "month", "monate": "month", "monaten": "month",
    "quarter": "quarter", "quarters": "quarter", "year": "year", "years": "year", "yr": "year",
    "jahr": "year", "jahre": "year", "jahren": "year",
    "werktag": "open", "werktage": "open", "werktagen": "open", "arbeitstag": "open", "arbeitstage": "open",
    "arbeitstagen": "open",
}  # fmt: skip

PERIODS: Final = {
    "week": "week", "woche": "week", "month": "month", "monat": "month", "monats": "month", "quarter": "quarter",
    "quartal": "quarter", "quartals": "quarter", "year": "year", "jahr": "year", "jahres": "year",
}  # fmt: skip

PARTS: Final = {
    "morning": (6, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 24), "lunchtime": (12, 14),
    "früh": (6, 12), "vormittag": (6, 12), "nachmittag": (12, 18), "abend": (18, 24), "mittag": (12, 14),
}  # fmt: skip
"""Parts of the day, in hours."""

PLACED_PARTS: Final = {
    ("early", "morning"): (6, 9), ("mid", "morning"): (9, 11), ("late", "morning"): (10, 12),
    ("early", "afternoon"): (12, 14), ("mid", "afternoon"): (14, 16), ("late", "afternoon"): (16, 18),
    ("early", "evening"): (18, 20), ("late", "evening"): (20, 24),
}  # fmt: skip
"""Parts of parts of the day, in hours: conventions, not measurements."""

GERMAN_PARTS_OF_DAYS: Final = {
    f"{day}{part}": (WEEKDAYS[day], hours)
    for day in ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
    for part, hours in {
        **{name: PARTS[name] for name in ("vormittag", "nachmittag", "abend", "mittag")},
        "morgen": PARTS["früh"],
    }.items()
}
"""One word in German: "Montagmittag"."""

ZONES: Final = {
    "utc": 0.0, "gmt": 0.0, "cet": 1.0, "cest": 2.0, "mez": 1.0, "mesz": 2.0, "bst": 1.0, "est": -5.0, "edt": -4.0,
    "cst": -6.0, "cdt": -5.0, "mst": -7.0, "mdt": -6.0, "pst": -8.0, "pdt": -7.0, "ist": 5.5, "jst": 9.0,
    "aest": 10.0, "aedt": 11.0,
}  # fmt: skip
"""Hours ahead of UTC, as the letters say them, whatever the season."""

VAGUE: Final = {
    ("soon",): "soon", ("shortly",): "soon", ("later",): "soon", ("sometime",): "soon", ("eventually",): "soon",
    ("in", "due", "course"): "soon", ("at", "some", "point"): "soon", ("in", "the", "near", "future"): "soon",
    ("in", "a", "bit"): "urgent", ("in", "a", "while"): "soon", ("in", "a", "moment"): "urgent",
    ("in", "a", "minute"): "urgent", ("in", "a", "sec"): "urgent", ("in", "a", "second"): "urgent",
    ("asap",): "urgent", ("as", "soon", "as", "possible"): "urgent", ("as", "soon", "as", "i", "can"): "urgent",
    ("as", "soon", "as", "we", "can"): "urgent", ("as", "soon", "as", "you", "can"): "urgent",
    ("right", "away"): "urgent", ("straight", "away"): "urgent", ("immediately",): "urgent",
    ("promptly",): "urgent", ("momentarily",): "urgent", ("at", "once"): "urgent",
    ("at", "the", "earliest", "opportunity"): "urgent", ("at", "your", "earliest", "convenience"): "urgent",
    ("bald",): "soon", ("demnächst",): "soon", ("in", "kürze"): "soon", ("später",): "soon", ("zeitnah",): "soon",
    ("baldmöglichst",): "urgent", ("umgehend",): "urgent", ("sofort",): "urgent", ("gleich",): "urgent",
    ("so", "schnell", "wie", "möglich"): "urgent", ("one", "of", "these", "days"): "soon",
    ("in", "no", "time"): "urgent", ("presently",): "soon", ("at", "the", "earliest"): "urgent",
}  # fmt: skip

BEFORE: Final = frozenset({"before", "vor"})
AFTER: Final = frozenset({"after", "nach"})
UNTIL: Final = frozenset({"by", "until", "till", "til", "bis", "before", "vor", "due", "latest"})
"""Words that make what follows a deadline even beside a verb of the past."""

LEADS: Final = UNTIL | {
    "on", "at", "from", "starting", "for", "in", "during", "around", "about", "am", "um", "ab", "im", "zum", "the",
    "over", "or", "and", "effective", "spätestens", "nächsten", "kommenden", "diesen",
}  # fmt: skip
"""Words that may stand before a time and belong to it."""

FUTURE: Final = frozenset({
    "will", "ll", "shall", "gonna", "going", "can", "could", "would", "may", "might", "must", "should", "need",
    "needs", "want", "wants", "let", "lets", "please", "plan", "plans", "planning", "aim", "aiming", "hope", "hoping",
    "expect", "expects", "expecting", "intend", "promise", "promises", "due", "deadline", "schedule", "eta", "won",
    "supposed", "agree", "agrees", "commit", "target", "latest", "get", "make", "see", "gotta", "cannot", "ready",
    "werde", "wird", "werden", "soll", "muss", "kann", "können",
})  # fmt: skip
"""Verbs and marks that look ahead."""

AHEAD_IN_PAST: Final = frozenset({
    "agreed", "promised", "asked", "planned", "scheduled", "decided", "committed", "supposed", "intended", "hoped",
    "expected", "meant", "told", "wanted", "offered", "arranged", "going", "set", "booked", "due", "moved",
    "postponed", "rescheduled", "extended",
})  # fmt: skip
"""Verbs of the past that, followed by "to" or "for", speak of what is still ahead."""

PAST: Final = frozenset({
    "was", "were", "had", "did", "been", "met", "sent", "spoke", "got", "went", "came", "said", "told", "made", "took",
    "gave", "saw", "heard", "left", "wrote", "bought", "paid", "broke", "fell", "found", "felt", "thought", "knew",
    "held", "began", "ran", "lost", "won", "drove", "flew", "brought", "built", "kept", "chose", "caught", "taught",
    "sold", "slept", "rang", "rose", "stood", "understood", "became", "arose", "showed", "gone", "done", "seen",
    "war", "waren", "hatte", "hatten", "wurde", "wurden", "getroffen", "geschickt", "gesprochen", "gewesen", "kam",
})  # fmt: skip
PERFECT: Final = frozenset({"have", "has", "had", "ve", "habe", "haben", "hat"})
HABIT: Final = frozenset({
    "always", "usually", "normally", "typically", "generally", "often", "mostly", "every", "each", "never",
    "immer", "meistens", "normalerweise", "jeden", "jede", "jedes",
})  # fmt: skip
BEFORE_PAST: Final = frozenset({
    "last", "past", "previous", "since", "ago", "every", "each", "any", "black", "man", "good", "happy", "merry",
    "frohe", "bloody", "letzten", "letzte", "letzter", "vorigen", "seit", "jeden", "most", "some",
})  # fmt: skip
"""Words before a time that make it a time gone by, a habit or a name."""
