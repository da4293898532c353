"""HTML to text: what a reader sees, quoted parts marked, and nothing that a stranger sends stops it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.markup import html_to_text

words = st.text(alphabet=st.characters(categories=("Ll", "Lu", "Nd")), min_size=1, max_size=12)
pieces = (
    "<p> </p> <div> </div> <blockquote> </blockquote> <table><tr><td> </td> <!-- --> <a\thref=' <a\thref=\" > < </ "
    "&amp; &#xD800; &#99999999999; <pre> </pre> <li> <style> </style <br/> <![if\tx]> <?x \x00 \ud800 \u200f \xa0 a\tb "
    "<ol> </ol> <div\tstyle=display:none> <p\thidden> <img\talt=\U0001f600> = ' \" / \n"
)
soup = st.lists(st.sampled_from([*pieces.split(" "), " "]), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello</p><p>World</p>", "Hello\n\nWorld"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        (
            "<p class=MsoNormal>a</p><p class=MsoNormal>b</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>c",
            "a\nb\n\nc",
        ),
        ("so  much\n   white\tspace", "so much white space"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"),
        ("<ol><li>a<li>b</ol>after", "1. a\n2. b\nafter"),
        ('see <a href="https://x.example/?a=1&amp;b=2">the <b>page</b></a>.', "see the page."),
        ("a<script>alert('<p>no</p>')</script>b<style>p{}</style>c", "abc"),
        ("<head><title>T</title></head><body>x</body>", "x"),
        ('<div style="display: none">no<div>no</div></div>yes', "yes"),
        ("<p hidden>no<p>yes", "yes"),
        ("Anna &lt;anna@x.example&gt; &amp; co&#8217;s &euro;5 &nosuch;", "Anna <anna@x.example> & co’s €5 &nosuch;"),
        ("1 < 2 and 3<4", "1 < 2 and 3<4"),
        ("<pre>a\n  b\n</pre>c", "a\n  b\nc"),
        ("<table><tr><td>Date<td>Sum</tr><tr><td>May</td><td>5</td></tr></table>", "Date\tSum\nMay\t5"),
        ("<table><tr><td><table><tr><td>in</td></tr></table></td></tr></table>out", "in\nout"),
        ("<!--[if mso]><p>no</p><![endif]-->yes<![if !x]>!<![endif]>", "yes!"),
        ("<p title='a>b'>x</p>", "x"),
        ("<p>it's <b class=x'y>fine</b>, isn't it</p>", "it's fine, isn't it"),
        ('great <img src=x alt="&#128077;"><img alt="Company logo">', "great \U0001f44d"),
        ("", ""),
    ],
)
def test_a_page_reads_as_it_is_shown(html: str, text: str):
    assert html_to_text(html) == text


def test_gmail_reply_marks_the_quoted_mail():
    html = (
        '<div dir="ltr">Fine by me.</div><br>'
        '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">Am Mo., 3. Nov. '
        'schrieb Bo &lt;b@x.example&gt;:<br></div><blockquote class="gmail_quote"><div>Shall we?<br>Bo</div>'
        "</blockquote></div>"
    )
    assert html_to_text(html).splitlines() == [
        "Fine by me.",
        "",
        "> Am Mo., 3. Nov. schrieb Bo <b@x.example>:",
        "",
        "> Shall we?",
        "> Bo",
    ]


def test_answers_between_quotes_stay_the_senders_own():
    html = "<blockquote>one?</blockquote>yes<blockquote>two?<blockquote>old</blockquote></blockquote>no"
    lines = [line for line in html_to_text(html).splitlines() if line.strip("> ")]
    assert lines == ["> one?", "yes", "> two?", "> > old", "no"]


@pytest.mark.parametrize(
    "border",
    [
        "<div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'>",
        '<hr tabindex="-1" style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr">',
        '<hr id="zwchr">',
    ],
)
def test_below_the_outlook_border_all_is_quoted(border: str):
    text = html_to_text(f"<div>Done.</div>{border}<p><b>Von:</b> Bo</p></div><p>Is it done?</p>")
    assert text.splitlines()[0] == "Done."
    assert all(line.startswith(">") for line in text.splitlines()[2:])
    assert "> Is it done?" in text


def test_an_indented_paragraph_of_web_mail_is_no_quote():
    assert html_to_text('<blockquote style="margin:0 0 0 40px;border:none;padding:0px">mine</blockquote>') == "mine"


@given(soup)
def test_tag_soup_never_raises(html: str):
    assert isinstance(html_to_text(html), str)


@given(st.lists(words, min_size=1, max_size=8))
def test_every_shown_word_comes_out_once_and_in_order(shown: list[str]):
    html = "".join(f"<div><i>{word}</i></div>" for word in shown)
    assert html_to_text(html).split() == shown


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(["<div>", "<blockquote>", "<ul><li>", "<table><tr><td>", "<span hidden>", "<b>"]))
def test_ten_thousand_levels_deep_is_read(opener: str):
    text = html_to_text("start" + opener * 10_000 + "deep")
    assert text.startswith("start")
    assert len(text) < 10_000 * len(opener) + 100


def test_a_signature_of_web_mail_is_set_off():
    html = '<p>Fine.</p><div class="gmail_signature">Bo Li<br>Acme</div>'
    assert html_to_text(html).splitlines()[-3:] == ["-- ", "Bo Li", "Acme"]
