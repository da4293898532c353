"""The words by which mail programs and people mark what is not their own text, by language.

All in lower case. Languages: English, German, French, Spanish, Italian, Dutch, Swedish, Danish, Norwegian, Polish,
Portuguese. The headings are those the programs print (Outlook, Gmail, Apple Mail, Thunderbird, Lotus Notes).
"""

from __future__ import annotations

from typing import Final

# "On ... wrote:". The verb stands at the end, or before the name (German, Swedish, Dutch).
WROTE: Final = (
    "wrote", "writes", "schrieb", "a écrit", "escribió", "escribio", "ha scritto", "schreef", "het volgende geschreven",
    "skrev", "napisał(a)", "napisała", "napisał", "napisal", "pisze", "escreveu",
)  # fmt: skip
# First word of such a line; a weekday or a digit also opens one.
OPENERS: Final = frozenset("on am le el il op den det på dnia w em no a o".split())
WEEKDAYS: Final = frozenset(
    "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday "
    "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag "
    "lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche "
    "mié jue vie sáb dom lunes martes miércoles jueves viernes sábado domingo gio sab lunedì martedì mercoledì giovedì "
    "venerdì sabato domenica ma wo vr za zo maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "mån tis ons tor tors fre lör sön måndag tisdag onsdag torsdag fredag lördag söndag man tir lør søn mandag tirsdag "
    "lørdag søndag pon wt śr czw pt sob niedz poniedziałek wtorek środa czwartek piątek sobota niedziela "
    "seg ter qua qui sex segunda terça quarta quinta sexta".split()
)
NOT_AN_ATTRIBUTION: Final = ("you wrote:", "i wrote:", "we wrote:", "sie schrieb:", "ich schrieb:")

# What stands between dashes above the mail that is answered.
ORIGINAL: Final = (
    "original message", "original-nachricht", "originalnachricht", "ursprüngliche nachricht", "original appointment",
    "ursprünglicher termin", "message d'origine", "message d’origine", "message original", "mensaje original",
    "messaggio originale", "oorspronkelijk bericht", "origineel bericht", "ursprungligt meddelande",
    "originalmeddelande", "oprindelig meddelelse", "original meddelelse", "opprinnelig melding",
    "mensagem original", "wiadomość oryginalna", "oryginalna wiadomość", "reply message",
)  # fmt: skip
FORWARDED: Final = (
    "forwarded message", "forwarded by", "begin forwarded message", "weitergeleitete nachricht",
    "anfang der weitergeleiteten", "weitergeleitet von", "message transféré", "message transmis",
    "début du message réexpédié", "début du message transféré", "mensaje reenviado", "inicio del mensaje reenviado",
    "messaggio inoltrato", "inizio messaggio inoltrato", "doorgestuurd bericht", "begin doorgestuurd bericht",
    "vidarebefordrat meddelande", "vidarebefordrat brev", "vidarebefordrat mejl", "videresendt besked",
    "videresendt meddelelse", "start på videresendt besked", "videresendt melding", "videresendt e-post",
    "mensagem encaminhada", "mensagem reencaminhada", "início da mensagem", "wiadomość przekazana dalej",
    "przekazana wiadomość", "treść przekazanej wiadomości", "początek przekazywanej wiadomości",
)  # fmt: skip

# Header blocks: label to what it names.
HEADERS: Final = {
    label: kind
    for kind, labels in {
        "from": "from|von|de|da|van|från|fra|od|expéditeur|mittente|remitente|afzender|nadawca|avsändare",
        "sent": "sent|date|gesendet|datum|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviado em|enviada em|fecha|"
        "inviato|data|verzonden|skickat|sendt|dato|wysłano|data wysłania|sent by|gesendet am",
        "to": "to|an|à|a|para|aan|till|til|do|pour|destinataire|destinatario|destinatário|adresat",
        "cc": "cc|bcc|kopie|kopia|copie|kopi|cco|dw|cc:",
        "subject": "subject|betreff|objet|asunto|oggetto|onderwerp|ämne|emne|assunto|temat|re",
    }.items()
    for label in labels.split("|")
}

# "Sent from my iPhone".
SENT_FROM: Final = (
    "sent from", "sent via", "sent with", "sent using", "get outlook for", "von meinem", "gesendet von", "gesendet mit",
    "von meiner", "diese nachricht wurde von meinem", "envoyé de mon", "envoyé depuis", "envoyé avec",
    "envoyé à partir",
    "télécharger outlook", "obtenez outlook", "enviado desde", "enviado con", "obtener outlook", "inviato da",
    "inviato dal", "inviato con", "ottieni outlook", "verstuurd vanaf", "verzonden vanaf", "verzonden met",
    "verstuurd met", "outlook voor", "skickat från", "skickas från", "hämta outlook", "sendt fra", "hent outlook",
    "wysłane z", "wysłano z", "pobierz outlook", "enviado do meu", "enviado a partir", "enviado de meu",
    "enviado do iphone", "obter o outlook", "holen sie sich outlook", "outlook für", "yahoo mail:",
)  # fmt: skip

# Closing formulas that are only a form; they belong to the signature.
CLOSINGS: Final = frozenset(
    "best|best regards|kind regards|warm regards|warmest regards|warmly|regards|kindest regards|many regards|br|rgds|"
    "best wishes|warm wishes|with best wishes|with kind regards|with best regards|all the best|sincerely|"
    "sincerely yours|yours sincerely|yours faithfully|yours truly|very truly yours|respectfully|respectfully yours|"
    "cheers|take care|love|lots of love|xoxo|ciao|cordially|yours|kind wishes|greetings|"
    "mit freundlichen grüßen|mit freundlichen gruessen|mit freundlichen grüssen|mit freundlichem gruß|"
    "mit besten grüßen|mit herzlichen grüßen|mit vielen grüßen|freundliche grüße|freundliche grüsse|viele grüße|"
    "viele gruesse|viele grüsse|liebe grüße|liebe grüsse|beste grüße|beste grüsse|herzliche grüße|herzliche grüsse|"
    "schöne grüße|gruß|grüße|grüsse|lieben gruß|schönen gruß|herzlichst|hochachtungsvoll|mfg|vg|lg|bg|hg|"
    "cordialement|bien cordialement|très cordialement|bien à vous|bien à toi|sincères salutations|salutations|"
    "meilleures salutations|salutations distinguées|amicalement|respectueusement|bises|bisous|cdlt|cdt|"
    "saludos|un saludo|saludos cordiales|un cordial saludo|cordiales saludos|atentamente|muy atentamente|un abrazo|"
    "abrazos|cordialmente|cordiali saluti|distinti saluti|saluti|un saluto|un cordiale saluto|i migliori saluti|"
    "cari saluti|tanti saluti|un abbraccio|in fede|"
    "met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|vriendelijke groeten|met hartelijke groet|"
    "hartelijke groet|hartelijke groeten|groet|groeten|groetjes|hoogachtend|mvg|"
    "mvh|med vänlig hälsning|med vänliga hälsningar|vänliga hälsningar|vänlig hälsning|bästa hälsningar|"
    "hälsningar|varma hälsningar|med venlig hilsen|venlig hilsen|med venlige hilsner|venlige hilsner|de bedste hilsner|"
    "bedste hilsner|mange hilsner|hilsen|kærlig hilsen|kh|vh|med vennlig hilsen|vennlig hilsen|med hilsen|"
    "beste hilsen|hilsener|z poważaniem|pozdrawiam|pozdrawiam serdecznie|serdecznie pozdrawiam|pozdrowienia|"
    "z pozdrowieniami|łączę pozdrowienia|atenciosamente|att|cumprimentos|melhores cumprimentos|com os melhores "
    "cumprimentos|abraço|abraços|um abraço|saudações|cordiais saudações|respeitosamente".split("|")
)
# First words of a thanks: own words, though a name and a contact block may follow.
THANKS: Final = (
    "thanks", "thank you", "thx", "many thanks", "cheers and thanks", "danke", "vielen dank", "besten dank",
    "dankeschön",
    "herzlichen dank", "merci", "gracias", "muchas gracias", "mil gracias", "grazie", "bedankt", "dank je", "dank u",
    "dankjewel", "alvast bedankt", "tack", "tusen tack", "tak", "mange tak", "takk", "tusen takk", "mange takk",
    "dziękuję", "dzięki", "obrigado", "obrigada", "muito obrigado", "muito obrigada", "ta",
)  # fmt: skip
GREETINGS: Final = frozenset(
    "hi hello hey hiya dear morning good hallo liebe lieber guten sehr moin servus bonjour salut bonsoir cher chère "
    "hola buenos buenas estimado estimada querido ciao buongiorno salve gentile caro cara beste geachte dag "
    "goedemorgen "
    "hej hejsan tjena god kära bästa kære hei heia kjære cześć dzień szanowny szanowna witam drogi olá oi bom boa caro "
    "prezado prezada all folks team everyone".split()
)
# Capitalised lines that end a mail and are no names.
NOT_NAMES: Final = frozenset(
    "yes no ok okay sure done great perfect agreed thanks absolutely correct right exactly fine good excellent "
    "wonderful "
    "understood noted confirmed approved congratulations sorry please attached enclosed none maybe never will works "
    "sounds looks well nice super cool ja nein danke gerne oui non merci bien sí si claro vale gracias grazie va "
    "bene nee "
    "goed prima tack bra nej tak fint takk flott tak dobrze nie sim não certo obrigado obrigada looking let see call "
    "enjoy happy have talk speak questions thoughts monday tuesday wednesday thursday friday saturday sunday today "
    "tomorrow tbd fyi asap i we you it this that the my our your".split()
)

# A paragraph that touches three of these themes is a legal notice.
DISCLAIMER_THEMES: Final = (
    ("confidential", "privileged", "vertraulich", "confidentiel", "confidencial", "riservat", "confidenzial",
     "vertrouwelijk", "konfidentiel", "fortrolig", "poufn"),
    ("recipient", "addressee", "adressat", "empfänger", "destinataire", "destinatari", "destinatári", "geadresseerde",
     "ontvanger", "mottagare", "modtager", "mottaker", "adresat"),
    ("in error", "by mistake", "irrtümlich", "versehentlich", "nicht der richtige", "par erreur", "por error",
     "per errore", "abusievelijk", "ten onrechte", "niet de bedoelde", "av misstag", "ved en fejl", "ved en feil",
     "omyłk", "por engano", "not the intended"),
    ("delete", "destroy", "notify", "inform the sender", "löschen", "vernichten", "détruire", "supprimer", "elimin",
     "cancell", "verwijder", "vernietig", "radera", "slette", "usun", "apag"),
    ("prohibited", "unlawful", "strictly", "nicht gestattet", "untersagt", "interdit", "prohibid", "vietat", "proibid",
     "verboden", "niet toegestaan", "förbjud", "otillåten", "forbudt", "ikke tillatt", "zabronion"),
    ("this e-mail", "this email", "this message", "this communication", "diese e-mail", "diese mail", "diese nachricht",
     "ce message", "cet e-mail", "ce courriel", "este mensaje", "este correo", "questo messaggio", "questa e-mail",
     "presente messaggio", "dit bericht", "deze e-mail", "detta meddelande", "detta mail", "denne e-mail",
     "denne mail", "denne meddelelse", "denne e-post", "denne meldingen", "esta mensagem", "este e-mail", "wiadomość"),
)  # fmt: skip
# One of these alone is enough.
DISCLAIMERS: Final = (
    "originated from outside", "external email", "externe e-mail", "before printing this",
    "environment before printing",
    "you really need to print", "if you are not the intended recipient", "if you are not an intended recipient",
    "intended solely for the use of", "intended only for the use of", "intended only for the person",
    "has been scanned for virus", "scanned for viruses", "denken sie an die umwelt",
    "bevor sie diese e-mail ausdrucken",
    "pensez à l'environnement", "pensez à l’environnement", "antes de imprimir", "prima di stampare",
    "denk aan het milieu",
    "tänk på miljön", "tænk på miljøet", "tenk på miljøet", "zanim wydrukujesz", "virus-free", "virenfrei",
    "you received this message because you are subscribed", "you are receiving this because",
    "to unsubscribe from this",
    "registered office:", "registergericht", "company registered in england",
)  # fmt: skip
# A paragraph can only be one of the above if it holds one of these.
DISCLAIMER_ROOTS: Final = (
    "recipient", "confiden", "privileg", "vertraulich", "empfänger", "destinat", "riservat", "vertrouwelijk",
    "ontvanger",
    "konfidenti", "mottag", "fortrolig", "poufn", "adresat", "outside", "external", "print", "imprimir", "stampare",
    "umwelt", "ausdrucken", "environn", "milieu", "miljö", "miljø", "wydruk", "virus", "virenfrei", "subscribe",
    "receiving this", "registered", "registergericht", "externe e-mail", "addressee", "mottaker", "unlawful",
)  # fmt: skip
DISCLAIMER_HEADINGS: Final = frozenset(
    "disclaimer|confidentiality notice|confidentiality|legal notice|legal disclaimer|important notice|notice|"
    "haftungsausschluss|rechtlicher hinweis|vertraulichkeitshinweis|avis de confidentialité|aviso legal|"
    "aviso de confidencialidad|avvertenza|note legali|ansvarsfraskrivelse|aviso de confidencialidade|klauzula poufności"
    .split("|")
)  # fmt: skip
LIST_FOOTERS: Final = ("mailing list", "listinfo", "unsubscribe", "googlegroups", "@lists.", "mailinglist", "liste de")
