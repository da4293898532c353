"""Words that tell which language a few words are in, where a statistical guess has too little to go by.

Only words that hardly occur in business English are listed for another language, and only the languages whose short
messages an English-speaking firm meets most; a short message in any other Latin-written language goes unnoticed.
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
        "de": "aber alles auch auf bis bitte danke das dass der dich dir doch du ein eine einen einer er erst "
        "es euch für ganz geht gerne gern gibt grüße gruß guten gutes habe haben hallo heute hier ich "
        "ihr ihre ihnen immer ist ja jetzt kann kein keine klar kommt können leider liebe lieber mache "
        "mehr mein mich mir mit morgen müssen nach nein nicht nichts noch nochmal nur oder ohne passt "
        "rechnung schon schön schönes sehr sein sich sie sind sofort tut uns und vielen viele vom von "
        "vor wann warum wenn wer wie wieder wir wird wo wochenende zu zum zur",
        "fr": "aussi avec beaucoup bien bientôt bonjour bonne bonsoir ça c'est ce cela cette combien d'accord "
        "dans demain désolé désolée des donc du elle encore est et être faire fait il ils j'ai je jour "
        "journée l'équipe les leur lui mais merci mes moi n'est ne nous où oui par parfait pas peu peut "
        "plaît pouvez pourquoi qu'il quand que quel quelle qui quoi reçu rien s'il salut sera ses si "
        "soirée sont souci suis toujours tous très une veuillez vers voici voilà vos votre vous",
        "es": "adiós ahora algo aquí así aún bien buena buenas buenos como cómo con cuando cuándo cuánto de "
        "del días donde dónde el ella ellos en entonces es esta está están estamos este esto favor "
        "funciona gracias había hasta hay hola hoy la las le lo los luego más mañana mi mucha muchas "
        "mucho muy nada ningún noches nos nosotros nuestro nunca para pero perdón perfecto porque "
        "problema puede pues que qué quién sí siento siempre sobre sus tal también tardes te tengo "
        "tiene todavía todo una usted ustedes vale ya yo",
        "it": "allora anche ancora arriva bene buona buongiorno buonasera ci ciao con cosa da della di domani "
        "dove è fatto giorno gli grazie ho il io la lei lo loro ma mi mille molto nessun nessuno niente "
        "non nostro oggi perché perfetto più presto può prego problema qualche quando quanto questa "
        "questo scusi scusa sì sono subito tutto un una va vi voi",
        "nl": "aan alles als bedankt bent beste dank dat de deze die dit een eens factuur fijne ga gaat geen "
        "goed goede goedemiddag goedemorgen graag groet groeten hebben heb heeft heel helemaal het hij "
        "hoe hoi ik ja jammer jij jou jullie klopt komt kunnen maar met mij mijn moet morgen naar nee "
        "niet nog nu ook op prima probleem snel straks tot uit uw van veel vandaag voor vriendelijke "
        "waar wat wel werkt weten wij wordt zijn zo",
        "pt": "agora ainda amanhã até bem boa bom com como de ela ele então está estou eu favor foi hoje isso "
        "mais mas muito muita não nada nós noite obrigada obrigado olá ontem para pelo por porque "
        "problema quando que quem se sem sim sobre tarde também tem tenho tudo um uma você vocês",
        "pl": "bardzo będzie być czy co cześć dla dobra dobrze do dzień dobry dziękuję dzięki jak jest jestem "
        "już jutro kiedy która które mi może nie niestety nic po pozdrawiam proszę przepraszam się są "
        "tak witam wszystko że",
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
