"""Words that tell which language a few words are in, where a statistical guess has too little to go by.

Only words that hardly occur in business English, not even as a name, filler or abbreviation ("van", "um", "EST"), are
listed for another language, and only the languages whose short messages an English-speaking firm meets most: a short
message in any other language with Latin letters goes unnoticed.
Written from knowledge of these languages, not counted in a corpus.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")

_ENGLISH: Final = frozenset(
    "a about after again all also am an and any are at be been but by can could did do does don't for from "
    "get good got had has have he hello her here hi him how i i'll i'm i've if in is isn't it it's just know "
    "let's like me morning my need new no not now of off on one or our out please she should so some sorry "
    "sure that that's the their them then there these they this those to today tomorrow up us was we we'll "
    "were what when where which who why will with won't would yes yet you you're your yours".split()
)

_LISTED: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "de": "aber alles auch auf beste bis bitte danke das dass dich doch du ein eine einen einer erst euch "
        "freundliche freundlichen für ganz geht gern gerne gibt gruß grüße grüßen guten gutes habe haben "
        "hallo heute hier ich ihnen ihr ihre immer ja jetzt kann kein keine klar kommt können leider lieber "
        "mache mehr mein mich mir morgen müssen nach nein nicht nichts noch nochmal nur oder ohne passt "
        "rechnung schon schön schönes sehr sein sich sie sind sofort und uns viele vielen vor wann warum "
        "wenn wer wie wieder wir wird wochenende zu zum zur",
        "fr": "aussi avec beaucoup bien bientôt bonjour bonne bonsoir c'est ce cela cette combien cordialement "
        "d'accord dans demain donc du désolé désolée encore faire il ils j'ai je jour journée l'équipe leur "
        "lui mais merci moi n'est nous oui où parfait pas peut plaît pourquoi pouvez qu'il quand que quel "
        "quelle qui quoi reçu rien s'il soirée sont souci suis toujours tous très une veuillez voici voilà "
        "vos votre vous ça être",
        "es": "adiós ahora algo aquí así aún bien buena buenas buenos como cuando cuándo cuánto cómo donde días "
        "dónde ella ellos en entonces es esta estamos este esto está están favor funciona gracias había "
        "hasta hola hoy luego mañana mucha muchas mucho muy más nada ningún noches nos nosotros nuestro "
        "nunca para perdón perfecto pero porque problema puede pues que quién qué saludo saludos siempre "
        "siento sí tal también tardes tengo tiene todavía todo una usted ustedes vale ya yo",
        "it": "allora anche ancora arriva bene buona buonasera buongiorno ciao cordiali cosa della domani fatto "
        "giorno grazie loro mille molto nessun nessuno niente non nostro oggi perché perfetto più prego "
        "problema può qualche quando quanto questa questo saluti scusa scusi sono subito sì tutto una voi è",
        "nl": "aan alles bedankt bent deze dit een eens factuur fijne ga gaat geen goed goede goedemiddag "
        "goedemorgen graag groet groeten heb hebben heeft helemaal het hij hoe hoi ik ja jammer jij jou "
        "jullie klopt komt kunnen maar mij mijn moet morgen naar nee niet nog nu ook probleem snel straks "
        "uit uw vandaag veel voor vriendelijke waar wel werkt weten wij wordt zijn zo",
        "pt": "agora ainda amanhã até bem boa bom como de ela então estou está favor foi hoje mais muita muito "
        "nada noite não nós obrigada obrigado olá ontem pelo por porque problema quando que quem sim sobre "
        "também tarde tenho tudo uma você vocês",
        "pl": "bardzo być będzie cześć dobra dobry dobrze dzień dzięki dziękuję jak jestem jutro już kiedy która "
        "które może nie niestety pozdrawiam proszę przepraszam się są witam wszystko że",
    }.items()
}


def count_listed(text: str) -> tuple[int, str | None]:
    """How many words of `text` are English ones of the list, and the language that more of them are listed for, if any.

    Of two languages with as many words the first in the order above is told: that it is not English is the point.
    """
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    english = sum(word in _ENGLISH for word in words)
    if 2 * english >= len(words):
        return english, None  # no other language can have more
    counts = {language: sum(word in listed for word in words) for language, listed in _LISTED.items()}
    likely = max(counts, key=lambda language: counts[language])
    return english, likely if counts[likely] > english else None
