"""The forms of questions and of answers: what sort of answer a sentence asks for, what sort of answer it has.

All patterns are RE2, over one sentence. They were written against the development part of
tests/test_questions_pairs.tsv and are English with the commonest German forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from troth.questions.formulas import FORMULA, POLITE
from troth.questions.matching import hold

_AUX: Final = (
    r"(is|are|am|was|were|do|does|did|have|has|had|can|could|will|would|should|shall|may|might|must|any|"
    r"(is|are|was|were|do|does|did|have|has|had|ca|could|wo|would|should)n['’]t)"
)
_HELLO: Final = (
    r"(?i)^\W*((hi|hello|hey|dear|good (morning|afternoon|evening)|thanks|thank you"
    r"|sorry)\b[^,.!:]{0,30}[,.!:]\s*)?(and |so |well,? |but |oh,? )?"
)

_OF_QUESTION: Final = MappingProxyType({
    "polar":
        r"(?i)(^\W*|[,;:–—.-] ?|\b(and|but|so|or|also|then|ask|asks|whether|if|means?|this|that)\b[,:]? )" + _AUX +
        r"\b|\b(whether|right\?|correct\?|ok(ay)?\?)"
             r"|^\W*(hat|haben|ist|sind|kann|können|wird|werden|gibt|darf|dürfen|soll|sollen|muss|müssen|wissen"
        r"|stimmt|passt|kommt|geht|haben)\b|, (oder|nicht wahr)",
    "wh":
        r"(?i)(^\W*|[,;:–—.-] ?|\b(and|but|so|or|also|then|on|by|with|for|to|in|at|from|know|tell (me|us)"
        r"|explain|see|ask|asks|whether) )(who|whom|whose|what|which|when|where|why|how)\b"
          r"|(^\W*|, ?|und )(wer|was|welche[rsmn]?|wann|wo|woher|warum|wieso|wie|wessen|wem|wen)\b",
    "request":
        r"(?i)\b(can|could|would|will) (you|somebody|someone|your \w+)\b|\bplease\b|\blet (us|me) know\b"
        r"|\bwould it be possible\b|\b(need|want|like|ask for|insist on)\b"
               r"|\b(send|call|confirm|provide|forward|share|give) (us|me|it|the)\b|\bany chance\b|\bbitte\b",
    "when":
        r"(?i)\b(when|what (time|date|day)|how (soon|late|long)|by when|until when|which (day|date|week)|wann"
        r"|bis wann|any (news|update)|still waiting|delivery date)\b",
    "count":
        r"(?i)\b(how (many|much|often|long|far|big|large|old|high|sure)|what(['’]s| is| are| does| do)? "
        r".{0,30}(price|cost|rate|fee|number|amount|odds|chances|percentage|size)|number\?|wie viele?|was "
        r"kostet|wie (lange|hoch|oft))\b|number\W*$",
    "who": r"(?i)\b(who|whom|whose|by whose|which of (you|your)|what name|wer|wem|wen|wessen)\b",
    "where": r"(?i)\b(where|wo|wohin|woher|which (room|address|page|place))\b",
    "why":
        r"(?i)\b(why|how come|what (has )?(changed|caused|happened|makes|made)|(is there a|what is the"
        r"|what['’]s the) reason|warum|wieso|weshalb)\b",
    "how": r"(?i)\b(how (do|does|did|is|are|was|can|could|would|you|the)|wie)\b|\bexplain\b",
    "bond":
        r"(?i)\b(understand|angry|feel|care|mean(s)? (for|to)|just a number|no longer with|all right with|in "
        r"confidence|odd|fair|tell us|treat|read what|bedeutet|verstehen)\b",
    "proof":
        r"(?i)\b(prove|proof|evidence|certificate|certified|basis|reference|table|report|list|plan|drawings?"
        r"|copy|document|figures?|contract|minutes|invoice|photo|protocol|send|written|writing|confirm)\b",
    "follows":
        r"(?i)^\W*((and|but|so|or) )?(is|are|was|were|would|will|can|could|do|does|did|have|has) (it|that|this"
        r"|they|there|he|she|you|we)( [\w']+)?\s*\?+\W*$",
    "inner":
        r"(?i).{12}(\b(and|or) (what|who|when|why|how|where|by whom|on what|with whose|does|do|is|are|can"
        r"|will)\b|, (and|or) )",
})  # fmt: skip
"""What sort of answer a question asks for."""

_OF_REPLY: Final = MappingProxyType({
    "yes": _HELLO +
        r"(hi,? |in order\W+)?(yes|yep|yeah|yup|sure|of course|certainly|absolutely|definitely|indeed|correct"
        r"|exactly|right|true|no|nope|nah|none|nothing|nobody|no one|neither|never"
           r"|unfortunately|sadly|i['’]m afraid|i am afraid|with pleasure|gladly|happy to|confirmed|hereby|agreed"
        r"|deal|done|merged|sent|honestly|to be honest|frankly|not (yet|at all|really|quite|for|the|in|on|to"
        r"|sure enough|enough|any)"
           r"|will do|no problem|ja|nein|klar|gerne?|natürlich|leider|nicht|doch|selbstverständlich|hiermit"
        r"|ehrlich|ganz sicher|auf jeden fall|noch nicht)\b",
    "echo": _HELLO +
        r"(?:it|that|this|they|we|he|she|i|you|there|both|ours|yours|mine)(['’](s|re|ve|m|ll|d))?( (is|are|am"
        r"|was|were|do|does|did|have|has|had|can|could|will|would|should|may|must|works?|don['’]t|doesn['’]t"
        r"|didn['’]t|isn['’]t|aren['’]t|wasn['’]t|can['’]t|cannot|won['’]t))?(n['’]t| not)?( indeed| so| ours| "
        r"me| fine)?\s*([.,:;!–—-]|because|until|from|and\b|but\b|$)",
    "anaphor": _HELLO +
        r"(honestly\W+)?(it|they|that|this|he|she|these|those|there|the one|both|everything|nobody|somebody"
        r"|everybody|one|two|three|four|five|six|ours|mine|es|das|er|sie|the (first|second|third|latter|former"
        r"|right)) ?(['’](s|re|ve|ll)|is|are|was|were|has|have|had|will|would|can|could|comes?|came|goes|go"
        r"|ships?|left|leaves?|takes?|costs?|works?|depends|means|starts?|ends?|arrives?|should|do|does|did"
        r"|needs?|people|of|percent|war|ist|wird|kommt|\d)\b",
    "elliptic": _HELLO +
        r"(on|in|at|by|the one (dated|from|with|in|that|which|on)|for|from|until|till|under|between|within"
        r"|after|before|since|because|per|via|through|about|around|roughly|only|just|next|last|tomorrow|today"
        r"|tonight|yesterday|every|each|once|twice|three times|already|probably|either|me\b|mine|him|her\b|hold"
        r"|press|click|use|take|go to|steel|twice|lunch|both|weil|am|im|seit|ab|auf|unter)\b",
    "first": _HELLO +
        r"(i|we)( (still|also|just|never|always|only|both|all|already|personally|honestly))?\b|(?i)\b(i|we|my "
        r"\w+|ich|wir|our \w+)( (have|had|did|also|just|already|will|can|could|would|['’]ve|do|never))*( not| "
        r"never)? ?(['’](ve|ll|d|m|re))? ?(am|is|checked|asked|tested|measured|cancelled|canceled|corrected"
        r"|changed|credited|reduced|moved|sent|called|paid|released|booked|forgot|told|took|guarantee|confirm"
        r"|pay|did|do|are|have|think|saw|would|can|passed|use|count|should have|made|found|wrote|split|give"
        r"|rented|looked|know|owe|lost|agree|promise|hold|get|send|bring|come|go|move|take|geben|haben)\b",
    "evades":
        r"(?i)\b((we|i) (really |truly )?(value|appreciate|strive|take .{0,30} serious\w*|apologi[sz]e)|(we"
        r"|i)( are|['’]re|['’]m| am) (very |fully |really |also |all |just )?(confident|committed|working"
        r"|delighted|pleased|proud|happy|excited|looking|convinced)"
              r"|top priority|first priority|highest|leading (experts|provider)|state[- ]of[- ]the[- ]art|(is|are) "
        r"standard\b|standard (in|practice|procedure|process)|many (advantages|benefits)|all the (benefits"
        r"|advantages)|look(ing)? forward|any inconvenience|(giving|doing) (their|our|my) best|as (fast|soon"
        r"|quickly) as (we|possible|i) can|as fast as"
              r"|terms and conditions|can be found (on|in|at)|great (relationship|team)|best[- ](selling|in class)"
        r"|thank(s| you) for your (patience|understanding|feedback|interest|message|mail|loyalty|trust|kind)"
        r"|rest assured|\b(haha|lol|love it)\b|important to us|bear with us|walk you through|valued (customer"
        r"|partner)|most of our (clients|customers)"
              r"|i already told|as i (said|wrote|mentioned)|as (already )?(said|stated|mentioned|discussed)"
        r"|satisfaction survey|great success|will be a success|went very well|please (note|find|quote|be "
        r"advised)|have you seen our|nice to meet|merry christmas|happy to hear|glad to hear|sorry to hear"
        r"|(good|great|fair|excellent|interesting) (question|point)|glad that|internally|outside our control)",
    "defers":
        r"(?i)\b(let me (\w+ )?(check|look|ask|find|see|get|clarify|dig|come)|(i|we)(['’]ll| will|['’]d| "
        r"would)( have to| need to| first| also)? (check|ask|find out|look|see|get back|come back|let you know"
        r"|clarify|dig|know|revert|report|enquire|inquire)"
              r"|(get|come|be) back to you|look(ing)? into|find(ing)? out|will (let you know|reply|answer|follow up"
        r"|get in touch|revert|be in touch)|(i|we)( do not| don['’]t|['’]m not| am not| are not|['’]re not) "
        r"(know|sure)( yet)?|no idea|can(no|['’])t (say|comment|tell)( (you )?yet| on)?"
              r"|passed (it|this|that|your \w+|them) (\w+ )?(on|to|along)|out of (the )?office|one sec|in a (call"
        r"|meeting)|(have|need) to (check|ask|clarify)|asking (\w+ ){1,4}(for|about|whether)|under "
        r"investigation|as soon as (i|we) (know|hear|have|are)|i am checking|we are checking|checking (with"
        r"|on) (it|this|that|my|our|the)"
              r"|ich (frage|kläre|prüfe|schaue|erkundige)|melde mich|wir (klären|prüfen|melden)|weiß (ich |es "
        r")?(noch )?nicht)\b",
    "time":
        r"(?i)\b((mon|tues|wednes|thurs|fri|satur|sun)days?|mon|tue|wed|thu|fri|today|tomorrow|tonight"
        r"|yesterday|noon|midnight|morning|afternoon|evening|(next|this|last) (week|month|year|quarter)"
        r"|(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar"
        r"|apr|jun|jul|aug|sept?|oct|nov|dec)\b|\d{1,2}(st|nd|rd|th)|\d{1,2}[:.]\d\d|at (one|two|three|four"
        r"|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})|(minutes?|hours?|days?|weeks?|months?|years?"
        r"|min)\b|spring|summer|autumn|winter|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag"
        r"|morgen|heute|januar|februar|märz|mai|juni|juli|oktober|dezember|week \d+|around (\d|one|two|three"
        r"|four|five|six|seven|eight|nine|ten))",
    "number":
        r"(?i)\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirty|fifty|hundred"
        r"|thousand|half|third|quarter|none|zero|dozen|ein(e|en)?|zwei|drei|vier|fünf|sechs)\b",
    "name":
        r"(^\W*|[^.!?]\s)((Mr|Mrs|Ms|Dr|Herr|Frau)\.? )?[A-ZÄÖÜ][\p{Ll}]{2,}( [A-ZÄÖÜ][\p{Ll}]+)?( (does|did|is"
        r"|was|will|has|comes|left|and|in|can|signs?|decided)\b|[,;.:]|$)|[\p{Ll},;:] [A-ZÄÖÜ][\p{Ll}]+"
        r"|^\W*(?i:me|mine|myself|our (ceo|director|managing director|owner|board|lawyer|boss))\b"
        r"|(?i)\b(that['’]?s me|it was me|i did|we do|i do|my colleague)\b",
    "cause":
        r"(?i)\b(because|since|due to|as the|as your|reason|so that|caused|owing to|that is why|which is why"
        r"|thanks to|mistake|error|forgot|was based on|on your|weil|wegen|deshalb|aufgrund|our supplier"
        r"|covers)\b",
    "place": r"(?i)\b(under|in|at|on|behind|next to|from) (the |your |our |my |a )?[\w-]+|\bhttps?:|\bpage\b|\btab\b",
    "gives":
        r"(?i)\b(attached|enclosed|attachment|below|as promised|here (is|are|you go|it is)|in copy|(is|are|was"
        r"|been) (created|done|sent|updated|fixed|ready|live|booked)|anbei|im anhang|find it)\b",
    "owns":
        r"(?i)\b(my (mistake|fault|part|slip)|our (mistake|fault)|that was (me|us|my|wrong|our)|(i|we) should "
        r"have|you(['’]re| are) (\w+ )?right|(i['’]m|i am|we are|so) sorry|(i|we) forgot|ashamed|you (lose|lost"
        r"|stand|found|feel|must)|honestly|i (do )?(see|understand|know|can imagine)\b|that sounds|stays with "
        r"me|means (a lot|something)|verstehe|es tut (mir|uns) leid)",
    "recalls":
        r"(?i)\b(you (also )?(asked|wanted to know|wrote|were asking)|(to|as for|about|regarding|on"
        r"|concerning) your question|your (first|second|third|last|other) (question|point)|answer(s|ing)? (to "
        r")?(you|your)|sie (fragten|wollten))\b",
    "accepts":
        r"(?i)\b((is|are|sounds|looks|seems|would be) (all )?(fine|ok|okay|good|great|possible|acceptable|no "
        r"problem|welcome|booked|confirmed|arranged|in)\b|works\b|would suit|suits (me|us)|(can|could) be (done"
        r"|changed|public|moved)|(is|are) (not |no longer )?(possible|included|available|allowed|needed))",
    "asks": r"\?\W*$",
    "ordinal":
        r"(?i)\b(to|as for|on) the (first|second|third|other)\b|\bthe (first|second|third) (is|one|question)\b"
        r"|\b(yes|no) and (yes|no)\b|\bto (both|all)\b|^\W*(yes|no),? both\b",
    "empty": FORMULA +
        "|" + POLITE +
        r"|(?i)^\W*((kind |best |warm )?(regards|wishes)|cheers|sincerely|yours|hi|hello|dear|hey|good (morning"
        r"|afternoon|evening)|thank(s| you)[^.]{0,40})\b[^.?!]{0,30}\W*$",
})  # fmt: skip
"""What forms a sentence of a reply has."""

QUESTION_BITS: Final = MappingProxyType({name: 1 << bit for bit, name in enumerate(_OF_QUESTION)})
REPLY_BITS: Final = MappingProxyType({name: 1 << bit for bit, name in enumerate(_OF_REPLY)})


def question_forms(texts: pa.Array | pa.ChunkedArray) -> list[int]:
    """For each text the sorts of answer it asks for, as bits."""
    return _bits(texts, _OF_QUESTION, QUESTION_BITS)


def reply_forms(texts: pa.Array | pa.ChunkedArray) -> list[int]:
    """For each text the forms of an answer that it has, as bits."""
    return _bits(texts, _OF_REPLY, REPLY_BITS)


def _bits(texts: pa.Array | pa.ChunkedArray, patterns: Mapping[str, str], bits: Mapping[str, int]) -> list[int]:
    if not len(texts):
        return []
    total = pa.repeat(pa.scalar(0, pa.int32()), len(texts))
    for name, pattern in patterns.items():
        hit = pc.cast(hold(texts, pattern), pa.int32())
        total = pc.add(total, pc.multiply(hit, pa.scalar(bits[name], pa.int32())))
    return total.to_pylist()
