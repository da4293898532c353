"""The sender's own words: every kind of part in several languages, and own words come back exactly."""

from __future__ import annotations

import email
import email.policy
import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.text import find_parts

SHARED = Path(os.environ.get("TROTH_SHARED") or Path(__file__).parents[1] / "../shared")


def own(body: str) -> str:
    return "".join(body[part.start : part.end] for part in find_parts(body) if part.kind == "own").strip()


def kinds(body: str) -> list[str]:
    return [part.kind for part in find_parts(body)]


OWN = "We can ship the first pallet on Thursday.\nThe rest follows a week later, if the carrier keeps its word."

ATTRIBUTIONS = [
    "On Tue, Mar 3, 2026 at 9:12 AM Bo Li <bo@x.example> wrote:",
    "On Tue, Mar 3, 2026 at 9:12 AM Bo Li\n<bo.li.of.the.very.long.name@a.long.domain.example> wrote:",
    "On Tuesday, March 3, 2026, at 9:12 AM,\nBo Li from the purchasing department\n<bo@x.example>\nwrote:",
    "Am 03.03.2026 um 09:12 schrieb Bo Li <bo@x.example>:",
    "Am Di., 3. März 2026 um 09:12 Uhr schrieb Bo Li <\nbo@x.example>:",
    "Le mar. 3 mars 2026 à 09:12, Bo Li <bo@x.example> a écrit :",
    "El mar, 3 mar 2026 a las 9:12, Bo Li (<bo@x.example>) escribió:",
    "Il giorno mar 3 mar 2026 alle ore 09:12 Bo Li <bo@x.example> ha scritto:",
    "Op di 3 mrt 2026 om 09:12 schreef Bo Li <bo@x.example>:",
    "Den tis 3 mars 2026 kl 09:12 skrev Bo Li <bo@x.example>:",
    "Den tirs. 3. mar. 2026 kl. 09.12 skrev Bo Li <bo@x.example>:",
    "wt., 3 mar 2026 o 09:12 Bo Li <bo@x.example> napisał(a):",
    "Em ter., 3 de mar. de 2026 às 09:12, Bo Li <bo@x.example> escreveu:",
]

HEADERS = [
    "From: Bo Li <bo@x.example>\nSent: Tuesday, March 3, 2026 9:12 AM\nTo: Ann <ann@y.example>\nSubject: RE: Pallets",
    "*From:* Bo Li\n*Sent:* Tuesday, March 3, 2026 9:12 AM\n*To:* Ann\n*Subject:* RE: Pallets",
    "Von: Bo Li <bo@x.example>\nGesendet: Dienstag, 3. März 2026 09:12\nAn: Ann\nBetreff: AW: Paletten",
    "De : Bo Li <bo@x.example>\nEnvoyé : mardi 3 mars 2026 09:12\nÀ : Ann\nObjet : RE: Palettes",
    "De: Bo Li <bo@x.example>\nEnviado el: martes, 3 de marzo de 2026 9:12\nPara: Ann\nAsunto: RE: Palés",
    "Da: Bo Li <bo@x.example>\nInviato: martedì 3 marzo 2026 09:12\nA: Ann\nOggetto: R: Pallet",
    "Van: Bo Li <bo@x.example>\nVerzonden: dinsdag 3 maart 2026 09:12\nAan: Ann\nOnderwerp: RE: Pallets",
    "Från: Bo Li <bo@x.example>\nSkickat: den 3 mars 2026 09:12\nTill: Ann\nÄmne: SV: Pallar",
    "Fra: Bo Li <bo@x.example>\nSendt: 3. marts 2026 09:12\nTil: Ann\nEmne: SV: Paller",
    "Od: Bo Li <bo@x.example>\nWysłano: wtorek, 3 marca 2026 09:12\nDo: Ann\nTemat: ODP: Palety",
    "De: Bo Li <bo@x.example>\nEnviada em: terça-feira, 3 de março de 2026 09:12\nPara: Ann\nAssunto: RES: Paletes",
    "-----Original Message-----\nFrom: Bo Li\nSent: Tuesday\nTo: Ann\nSubject: x",
    "-----Ursprüngliche Nachricht-----\nVon: Bo Li\nBetreff: x",
    "________________________________\nFrom: Bo Li <bo@x.example>\nSent: 3 March 2026 09:12\nTo: Ann\nSubject: x",
    "Bo Li@ACME\n03/03/2026 09:12 AM\nTo: Ann/HOU/ACME@ACME\ncc: \nSubject: Pallets",
    "bo@x.example on 03/03/2026 09:12:44 AM\nTo: ann@y.example\ncc:  \n\nSubject: Pallets",
]

FORWARDS = [
    "Begin forwarded message:\n\nFrom: Bo Li <bo@x.example>\nSubject: Pallets",
    "---------- Forwarded message ---------\nFrom: Bo Li <bo@x.example>",
    "---------------------- Forwarded by Ann/HOU/ACME on 03/03/2026 \n09:43 AM ---------------------------",
    "---------- Weitergeleitete Nachricht ---------\nVon: Bo Li",
    "Anfang der weitergeleiteten Nachricht:\n\nVon: Bo Li",
    "---------- Message transféré ---------\nDe : Bo Li",
    "---------- Mensaje reenviado ---------\nDe: Bo Li",
    "---------- Messaggio inoltrato ---------\nDa: Bo Li",
    "---------- Doorgestuurd bericht ---------\nVan: Bo Li",
    "---------- Vidarebefordrat meddelande ---------\nFrån: Bo Li",
    "---------- Mensagem encaminhada ---------\nDe: Bo Li",
]

SIGNATURES = [
    "-- \nAnn Moe\nHead of Sales | Acme",
    "Best regards,\nAnn Moe\nHead of Sales\n+47 22 33 44 55",
    "Mit freundlichen Grüßen\n\nAnn Moe\nVertrieb",
    "Cordialement,\nAnn Moe",
    "Saludos cordiales,\nAnn",
    "Cordiali saluti\nAnn Moe",
    "Met vriendelijke groet,\n\nAnn Moe\nAcme B.V.",
    "Mvh\nAnn",
    "Med venlig hilsen\nAnn Moe",
    "Pozdrawiam,\nAnn Moe",
    "Atenciosamente,\nAnn Moe",
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Wysłane z iPhone'a",
    "Enviado do meu iPhone",
    "Get Outlook for iOS",
    "Ann",
    "Ann Moe\nHead of Sales\nTel: 22 33 44 55\nann@acme.example",
    "/Ann",
    "Ann Moe\nAcme Pallets, Oslo",
    'Ann\n\nAnn Moe\nHead of Growth | Acme\n"Your pallets are our passion!"',
]

NOTICES = [
    (
        "This message is intended only for the person named above and may be confidential. If you received it in "
        "error, please delete it and notify the sender."
    ),
    (
        "CONFIDENTIALITY NOTICE\n\nThe information in this e-mail is confidential and intended for the addressee. Any "
        "disclosure is strictly prohibited."
    ),
    (
        "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie "
        "bitte den Absender und löschen Sie diese E-Mail. Das unerlaubte Kopieren ist nicht gestattet."
    ),
    (
        "Ce message est confidentiel et destiné à l'usage de son destinataire. Si vous l'avez reçu par erreur, "
        "merci de le supprimer."
    ),
    "Este mensaje es confidencial y va dirigido a su destinatario. Si lo ha recibido por error, elimínelo.",
    "Questo messaggio è riservato e diretto al destinatario indicato. Se ricevuto per errore, è vietato usarlo.",
    "Dit bericht is vertrouwelijk en alleen bestemd voor de geadresseerde. Ten onrechte ontvangen? Verwijder het.",
    "Detta meddelande är konfidentiellt och avsett för mottagaren. Har du fått det av misstag, radera det genast.",
    "Please consider the environment before printing this e-mail.",
    "_______________________________________________\nPallets mailing list\nPallets@lists.x.example",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
@pytest.mark.parametrize("marks", ["> ", ""], ids=["marked", "unmarked"])
def test_what_somebody_wrote_before_is_quoted(attribution: str, marks: str):
    body = f"{OWN}\n\n{attribution}\n\n{marks}Where are the pallets?\n{marks}Bo\n"
    assert own(body) == OWN
    assert kinds(body) == ["own", "quote"]


@pytest.mark.parametrize("header", HEADERS)
def test_below_a_header_block_all_is_quoted(header: str):
    body = f"{OWN}\n\n{header}\n\nWhere are the pallets?\n"
    assert own(body) == OWN
    assert set(kinds(body)) == {"own", "quote"}


@pytest.mark.parametrize("heading", FORWARDS)
def test_a_forwarded_mail_is_not_own(heading: str):
    body = f"{OWN}\n\n{heading}\n\nWhere are the pallets?\n"
    assert own(body) == OWN
    assert kinds(body) == ["own", "forward"]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_not_own(signature: str):
    body = f"{OWN}\n\n{signature}\n"
    assert own(body) == OWN
    assert kinds(body) == ["own", "signature"]


@pytest.mark.parametrize("notice", NOTICES)
def test_a_notice_below_is_a_disclaimer(notice: str):
    body = f"{OWN}\n\n{notice}\n"
    assert own(body) == OWN
    assert kinds(body)[-1] == "disclaimer"


def test_a_warning_banner_above_is_a_disclaimer():
    banner = "CAUTION: This email originated from outside of the company. Do not click links."
    assert kinds(f"{banner}\n\n{OWN}\n") == ["disclaimer", "own"]


def test_answers_between_quotes_stay_own():
    body = (
        "On 3 March 2026 at 09:12, Bo wrote:\n\n> First question?\n\nYes.\n\n> Second question?\n> More.\n\n"
        "No, not before May.\n\n> Bo\n"
    )
    assert kinds(body) == ["quote", "own", "quote", "own", "quote"]
    assert own(body).split() == ["Yes.", "No,", "not", "before", "May."]


@pytest.mark.parametrize(
    "thanks", ["Thanks,", "Thank you so much!", "Vielen Dank!", "Merci,", "Gracias", "Grazie", "Tack"]
)
def test_a_thanks_is_own_words_and_the_name_below_is_not(thanks: str):
    body = f"{OWN}\n\n{thanks}\nAnn Moe\nHead of Sales\n+47 22 33 44 55\n"
    assert own(body) == f"{OWN}\n\n{thanks}"
    assert kinds(body) == ["own", "signature"]


@pytest.mark.parametrize(
    "body",
    [
        "Hi Bo,\n\nYes",
        "Hi Bo,\n\nThanks",
        "From: London\nTo: Paris\nDate: 5 May\n\nIs that the right train?",
        "Sent from the warehouse yesterday, so it should be there on Monday.",
        "In your mail you wrote:\nwe ship on Thursday. That suits us.",
        "On page 12 the lawyer of the other side wrote:\nnothing at all.",
        "Please keep this confidential until Friday.",
        "The list:\n\n- pallets\n- straps",
        "a -- b\nc",
        "Nobody fixed it.\n\n>From today the number rings three phones.\n\nThat is all.",
        "Coming on Friday:\n\nAnn Moe\nBo Li",
        "",
        "\n \n",
        "Best regards to your sister, I hope she is well again.",
    ],
)
def test_own_words_that_look_like_something_else_stay_own(body: str):
    assert own(body) == body.strip()


def test_a_whole_mail_with_everything():
    body = (
        f"Hi Bo,\n\n{OWN}\n\nThanks,\nAnn\n\n-- \nAnn Moe\nAcme\n\nThis e-mail is confidential. If you are not the "
        f"intended recipient, delete it.\n\n{ATTRIBUTIONS[0]}\n\n> Where are they?\n>\n> -- \n> Bo\n"
    )
    assert own(body) == f"Hi Bo,\n\n{OWN}\n\nThanks,"
    assert kinds(body) == ["own", "signature", "disclaimer", "quote"]


text = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("ab .:>-_@<>*|\n\n\r\t\x0b\x85\u2028\u200b\ufeff\ud800\x00אش")),
        st.characters(codec="utf-8"),
    ),
    max_size=300,
)
blocks = st.lists(
    st.one_of(text, st.sampled_from([OWN, *ATTRIBUTIONS, *HEADERS, *FORWARDS, *SIGNATURES, *NOTICES, "> a\n> b", ">"])),
    max_size=8,
)


@given(blocks, st.sampled_from(["\n", "\n\n", "\r\n"]))
def test_parts_cover_the_body_whole_and_in_order(pieces: list[str], newline: str):
    body = newline.join(pieces)
    parts = find_parts(body)
    assert "".join(body[part.start : part.end] for part in parts) == body
    assert all(part.start < part.end for part in parts)
    assert all(left.end == right.start and left.kind != right.kind for left, right in itertools.pairwise(parts))
    assert {part.kind for part in parts} <= {"own", "quote", "signature", "disclaimer", "forward"}


sentences = st.lists(
    st.sampled_from("the order ships on monday and we will call you about price terms today or later".split()),
    min_size=3,
    max_size=12,
).map(lambda words: " ".join(words).capitalize() + ".")


@given(
    st.lists(sentences, min_size=1, max_size=6),
    st.sampled_from([*ATTRIBUTIONS, *HEADERS, *FORWARDS]),
    st.one_of(st.just(""), st.sampled_from(SIGNATURES)),
    st.lists(sentences, min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
)
def test_own_words_come_back_exactly_from_any_quoting_style(
    mine: list[str], style: str, signature: str, theirs: list[str], newline: str
):
    said = "\n".join(mine)
    quoted = "\n".join(f"> {line}" for line in theirs) if style in ATTRIBUTIONS else "\n".join(theirs)
    body = "\n\n".join(part for part in (said, signature, style, quoted) if part).replace("\n", newline)
    assert own(body).replace("\r\n", "\n") == said


# First and last own words of each sample, from reading it; "" where nothing is the sender's own.
READ_BY_HAND = {
    "caution.txt": ("Hi lads's Team,", "Thanks,"),
    "caution2.txt": ("Hello,", "for your help!"),
    "correct_sig.txt": ("this is an", "-- signature."),
    "email_1_1.txt": ("Hi folks", "Java HTTP API."),
    "email_1_2.txt": ("Hi,", 'them all individually."'),
    "email_1_3.txt": ("Oh thanks.", "would be great."),
    "email_1_4.txt": ("Awesome! I", "problem with it."),
    "email_1_5.txt": ("One: Here's", "for a while."),
    "email_1_6.txt": ("I get", "as well."),
    "email_1_7.txt": (":+1:", ":+1:"),
    "email_1_8.txt": ("I will reply", "and under this."),
    "email_2_1.txt": ("Outlook with", "with a reply"),
    "email_2_2.txt": ("Outlook with", "directly above line"),
    "email_2_3.txt": ("Outlook with", "using unusual format"),
    "email_BlackBerry.txt": ("Here is", "another email"),
    "email_bullets.txt": ("test 2", "- and another"),
    "email_gmail.txt": ("This is a test", "a github message."),
    "email_headers_no_delimiter.txt": ("And another", "another reply!"),
    "email_iPhone.txt": ("Here is", "another email"),
    "email_multi_word_sent_from_my_mobile_device.txt": ("Here is", "another email"),
    "email_nl_1_1.txt": ("Hallo allemaal,", "Java HTTP API."),
    "email_nl_1_2.txt": ("Outlook met", "een antwoord"),
    "email_one_is_not_on.txt": ("Thank, this", "when I run..."),
    "email_partial_quote_header.txt": ("On your remote", "is not working."),
    "email_sv_anon_1.txt": ("Hej", "kl 15 idag."),
    "email_swedish_1.txt": ("Hej Person A,", "företag det gäller?"),
    "email_swedish_2.txt": ("Hello Anna,", "I am available"),
    "multi_header.txt": ("No problem.", "a new order."),
    "android.eml": ("Hello", "Hello"),
    "aol.eml": ("Hello", "Hello"),
    "apple_mail.eml": ("Hello", "Hello"),
    "comcast.eml": ("Hello", "Hello"),
    "gmail.eml": ("Hello", "Hello"),
    "hotmail.eml": ("Hello", "Hello"),
    "iphone.eml": ("Hello", "Hello"),
    "outlook.eml": ("Hello", "Hello"),
    "reply-quotations-share-block.eml": ("Hi Katharine.", "from you soon."),
    "sparrow.eml": ("Hello", "Hello"),
    "thunderbird.eml": ("Hello", "Hello"),
    "yahoo.eml": ("Hello", "Hello"),
}
# Words that must not be among the own ones although they lie between the first and the last.
NOT_OWN = {"email_1_2.txt": "What is the best way", "email_1_8.txt": "okay?"}


def read_sample(name: str) -> str:
    folder = SHARED / "samples" / ("email_eml" if name.endswith(".eml") else "email_replies_text")
    if not (folder / name).exists():
        pytest.skip(f"needs {folder / name}, which is not part of the repository")
    if name.endswith(".txt"):
        return (folder / name).read_text(encoding="utf-8")
    part = email.message_from_bytes((folder / name).read_bytes(), policy=email.policy.default).get_body(("plain",))
    assert part is not None
    return part.get_content()


@pytest.mark.parametrize("name", READ_BY_HAND)
def test_published_samples_are_cut_as_a_reader_would(name: str):
    words = " ".join(own(read_sample(name)).split())
    first, last = READ_BY_HAND[name]
    assert words.startswith(first)
    assert words.endswith(last)
    if name in NOT_OWN:
        assert NOT_OWN[name] not in words
    if first == last:
        assert words == first


@pytest.mark.parametrize(
    ("body", "own"),
    [
        (
            "Yes, we can do Friday. On Mon, Mar 2, 2026 at 9:12 AM Bob Lee wrote: > Hi, > > can we rely on it? > > Bob",
            "Yes, we can do Friday. ",
        ),
        ("On Friday is fine. On 2 March 2026 at 9:12 Bob wrote: > Which day? > > Bob", "On Friday is fine. "),
        ("Ja, gern! Am 3.3.2026 um 09:12 schrieb Bob Lee: > Hallo, > > geht Freitag?", "Ja, gern! "),
        ("Thanks, that works. > Can you send the plan? > > Bob", "Thanks, that works. "),
        ("Sure. &gt; can you? &gt; &gt; Bob", "Sure. "),
        ("Go to Settings > Users > > Add.", "Go to Settings > Users > > Add."),
        ("If a > b and b > c, then a > c.", "If a > b and b > c, then a > c."),
        ("He asked me: > what now?", "He asked me: > what now?"),
    ],
)
def test_a_body_that_lost_its_line_breaks_still_ends_where_the_quote_begins(body: str, own: str):
    assert "".join(body[part.start : part.end] for part in find_parts(body) if part.kind == "own") == own
