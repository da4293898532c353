"""The words in which people put trust in question: one table of patterns, each with its kind and how openly it asks.

All patterns are RE2, over one sentence. `asks` patterns count only in a sentence that asks (by its mark, or found by
the encoder); the others count wherever they stand, since "I am still waiting for the drawings." asks without a mark.

Strength is how openly trust is put in question, from 0 to 1: .8 where the words name trust itself ("can we rely on
you"), .6 where they name its ground (who decided, still waiting, who benefits), .4 for an act that protects against a
breach of it (a reference, a guarantee), .3 for a routine form of one ("please confirm the date"). Probability is how
sure the wording makes the kind. Both are start values set by their author, not learned from data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words that voice one of the four questions."""

    kind: str  # HC, HR, HI, HS
    pattern: str  # RE2, case does not matter
    act: str = "asks"  # asks, asks_reference, asks_guarantee, asks_confirmation, double_checks
    asks: bool = True  # counts only in a sentence that asks
    strength: float = 0.6
    probability: float = 0.7

    @property
    def spoken(self) -> bool:
        """Whether the question is in the words; else it is in the act."""
        return self.act == "asks"


_SOMEBODY: Final = r"(anybody|anyone|somebody|someone|any of you|one of you)"
_PERSON: Final = r"(you|they|he|she|we|i|it|anybody|anyone|somebody|someone|(your|the|our) [\w-]+)"
_DECIDES: Final = (
    r"(decided|decides|approved|authori[sz]ed|signed|signs|said|told|moved|changed|agreed|checked|verified"
    r"|allowed|gave|"
    r"ordered|promised|confirmed|determined|came up|is responsible|will be responsible|vouches|guarantees)"
)

WORDINGS: Final = (
    # Credence: by whose authority, do I need to check.
    Wording(kind="HC", strength=0.8, probability=0.85, pattern=
        r"\b(are|r) (you|they) (really |absolutely |quite |completely |entirely |so |very )?(sure|certain"
        r"|positive|confident)\b"
        r"|\bhow (sure|certain|confident) (are|is|can)\b|\b(can|could|may) (i|we) be (\w+ )?(sure|certain)\b"
        r"|\bcan (i|we) (really )?(trust|believe|take your word)\b|\b(whom?|which|what)\b.{0,40}\b(should|can"
        r"|do|are) (i|we) (to )?"
        r"(believe|trust)\b|\bwhy (should|would) (i|we) (believe|trust)\b|\bsind sie (sich )?(\w+ )?sicher\b"),
    Wording(kind="HC", strength=0.8, probability=0.85, pattern=
        r"\bwho( has| have| had| else)?( ever| actually)? " + _DECIDES +
        r"\b|\bwhose (decision|idea|authority|signature|approval|"
        r"permission|word|responsibility)\b|\b(by|with|under|on) (whose|what|which) (authority|approval"
        r"|permission|basis|grounds?|"
        r"evidence|mandate)\b|\bsays who\b|\baccording to (whom|what)\b|\bwho says\b|\bwer (hat|ist"
        r"|war)\b.{0,60}\b(entschieden|"
        r"genehmigt|freigegeben|gesagt|verantwortlich|unterschrieben)\b|\bwoher wissen\b"),
    Wording(kind="HC", probability=0.7, pattern=
        r"\b(is|was|are|were) (that|this|it|they|these|those)( \w+)? (really |actually |still )?(true|correct"
        r"|right|official|"
        r"accurate|reliable|genuine|verified)\b|\bwhich\b.{0,40}\bis (true|right|correct|the (right|correct|valid))\b"
        r"|\bstimmt (das|es)\b|\bis (that|this|it) (really )?you\b"),
    Wording(kind="HC", probability=0.75, pattern=
        r"\b(did|have|has|had|do|does)n?['’]?t? " + _PERSON +
        r"( \w+){0,3} (check|checked|verify|verified|test|tested|looked at|"
        r"reviewed|confirmed|validated|validate|calibrated|audited|proof-?read|seen this|measured)\b"
        r"|\b(is|was|are|were|been) (it |that |this |(the|your|our) [\w-]+ |[\w-]+ ){0,2}(actually |really "
        r"|ever )?(tested|calibrated|"
        r"certified|audited|verified|validated|peer[- ]reviewed|independently)\b|\b(lawyer|auditor|engineer"
        r"|expert)s? (seen|"
        r"checked|approved|read)\b"),
    Wording(kind="HC", probability=0.7, pattern=
        r"\bhow (do|did|can|could|have) (you|they|i|we) (know|measured?|calculated?|check(ed)?|test(ed)?|verify"
        r"|verified|arrived? at|"
        r"get to|got to|come (up|to))\b|\bhow (you|they) (know|measured|calculated|checked|tested|arrived|got)\b"
        r"|\bhow (is|was|are|were|the|your|this|that) .{0,40}\b(is |was |are |were )?(computed|calculated"
        r"|measured|determined|tested|"
        r"checked|validated|derived)\b|\bon what (basis|grounds?)\b|\bwhat is (that|this|it) based on\b"
        r"|\bwhere (did|do|does) (you|that|this|the)\b.{0,30}\b(get|come from|from)\b|\bwhere (you|they) got\b"),
    Wording(kind="HC", probability=0.75, pattern=
        r"\b(evidence|proof|prove|proven|substantiate|back (that|this|it) up|track record|credentials|qualified"
        r"|belegen|nachweisen|"
        r"beweis\w*|nachweis\w*)\b"),
    Wording(kind="HC", probability=0.65, pattern=
        r"\bhave you (ever|actually|really|already) (done|worked|built|handled|installed|managed|delivered|run"
        r"|migrated|tried)\b"
        r"|\bhow (often|many times) have you\b|\bdo you (actually|really) (use|know|have|understand how)\b"
        r"|\bwhat makes you (so )?(sure|think|believe|confident)\b|\bis there a reason\b|\b(are|aren['’]t) you "
        r"(not )?(telling|hiding)"
        r"|\bnot telling (me|us)\b|\bare you (allowed|authori[sz]ed|entitled|permitted|qualified)\b"
        r"|\bdo you (even )?have (the |any )?(authority|permission|approval|right) to\b|\bwho gave you\b"
        r"|\bwhy (was|were|am|are) .{1,40}\b(told|promised)\b|\bwho (else )?(has|had|can|could|gets?) (access"
        r"|see|read)\b|\bhas access to (our|my)\b"
        r"|\bwhich (one )?of (you|your)\b.{0,30}\b(is talking|should i|do i|am i)\b"),
    Wording(kind="HC", act="asks_reference", strength=0.4, probability=0.7, pattern=
        r"\breference (customers?|clients?|projects?|sites?|letters?|calls?|contacts?)\b|\breferences\b|\breferees?\b"
        r"|\btestimonials?\b|\bcase stud(y|ies)\b|\bother (customers|clients) (of yours|who|that|we (can"
        r"|could))\b|\breferenz(en|kunden?)\b"),
    Wording(kind="HC", act="double_checks", asks=False, strength=0.5, probability=0.65, pattern=
        r"\b(asked|asking|consult(ed|ing)?|checked with|checking with|invited|requested|obtained|got|getting"
        r"|show(n|ed)?|run(ning)?)"
        r"\b.{0,40}\b(second (opinion|workshop|firm|company|supplier|expert|quote|pair of eyes)|another "
        r"(opinion|workshop|firm|company|"
        r"supplier|expert|quote|lawyer)|one more (firm|company|supplier)|independent \w+|outside (expert"
        r"|counsel)|our (own )?(lawyers?|"
        r"auditors?|experts?|engineers?))\b|\bsecond opinion\b"
        r"|\bzweite meinung\b|\bgegengeprüft\b"),
    Wording(kind="HC", act="double_checks", strength=0.5, probability=0.65, pattern=
        r"\b(can|could|may|will|would|has|should) (somebody|someone|anybody|anyone)( else)?\b.{0,30}\b(confirm"
        r"|check|verify|look|sign)"
        r"|\b(somebody|someone|anybody|anyone) (else|other than|besides)\b|\b(your|the) (manager|boss|director"
        r"|supervisor|lawyer|"
        r"superior)\b.{0,20}\b(confirm|approve|sign|check)"),
    # Dependence: can I rely on you to do it.
    Wording(kind="HR", strength=0.8, probability=0.9, pattern=
        r"\b(can|could|may|should|do|will|am|are|must) (i|we|one|they|you|he|she)( still| really| fully| even| "
        r"safely)? (to )?(rely|depend|count|bank|build)"
        r" on\b|\b(rely|depend|count|counting|relying|depending) on (you|your|it|that|this|him|her|them|the|a"
        r"|somebody|someone)\b"
        r"|\bverlassen\b|\bdarauf zählen\b|\bhow (reliable|dependable)\b"),
    Wording(kind="HR", probability=0.7, pattern=
        r"\b(for (sure|certain)|as (agreed|promised|planned|scheduled)|on time|in time|on schedule|on track)\b.{0,30}\?"
        r"|\bis (anybody|anyone|somebody|someone) (coming|working|on it|there|looking)\b|\bis there (anybody"
        r"|anyone|somebody|someone)\b"
        r"|\b(does|will) (somebody|someone|anybody|anyone) (pick up|answer|come|be there|call|show up|take care"
        r"|look after)"
        r"|\bshould (we|i) (be (worried|concerned|nervous)|worry)\b|\bhappen(s|ing)? again\b|\bnicht wieder "
        r"(geschieht|passiert|vorkommt)\b"
        r"|\bwhat are the (odds|chances)\b|\bhow likely\b|(^\W*|[,;:] |\b(and|but|so) )will (we|you|they|it"
        r"|this)( really| ever| still)? (make|manage|hold|stay|last|be (ready|there|finished|done))\b"
        r"|\bwhether (we|you|they) (will|can) (make|manage|hold|keep)\b"),
    Wording(kind="HR", strength=0.5, probability=0.6, pattern=
        r"\bwhat (happens|do we do|will happen|would happen|will you do|do you do) (if|when|in case)\b|\bwhat "
        r"if (you|your|the|it|something|nobody)\b"
        r"|\bare you (still )?(in business|still there|available|around)\b"
        r"|(^|[.,;:!] |\b(and|but|so|also) )(is|are|do|does|will|can|may|have) (i|we|you|it|they|this|that"
        r"|there|(the|our|your) [\w-]+)( \w+)? still\b"
        r"|^(is|are|do|does|will|can|may|have|has) [\w ]{2,24} still\b|\bkommt? (es|das|sie|er) noch\b"),
    Wording(kind="HR", strength=0.6, probability=0.7, pattern=
        r"\bwhy (did|has|have|had|was|is|were|are) (nobody|no one|no-one|nothing|it (not|taking|still)|(the"
        r"|your|our) [\w -]{2,40} (not|fail|"
        r"ring|late|still))|\bwhy [\w ]{2,30}\b(ring out|nobody|no one|not (been|work\w*|deliver\w*|arriv\w*"
        r"|answer\w*))"),
    Wording(kind="HR", strength=0.6, probability=0.75, pattern=
        r"\bany (news|updates?|progress|word|luck|sign|movement)\b|\b(second|third|fourth|fifth|last) time\b"
        r"|\bstill (no|not|nothing|missing|open|"
        r"outstanding)\b|\bfollowing up\b|\boverdue\b|\bno(t a)? (reply|answer|response|word"
        r"|sign)\b.{0,30}\b(yet|since|so far|from)"),
    Wording(kind="HR", asks=False, strength=0.6, probability=0.75, pattern=
        r"\b(i|we)( am|['’]m| are|['’]re| have been|['’]ve been)? (still )?waiting (for|since|in vain|to "
        r"hear)\b|\bstill waiting (for|on|to)\b"
        r"|\b(second|third|fourth|fifth|umpteenth|3rd|2nd|4th) (reminder|request|attempt)\b|\b(the|a|for the) "
        r"(third|fourth|fifth) time\b"
        r"|\b(i|we) (have |had |['’]ve )?(already )?(wrote|asked|called|written|reported|mailed|emailed"
        r"|requested|reminded)( to)?( you)?( (this|about|for) [\w ]{1,20})?"
        r" (last|twice|three times|before|already|again|weeks?|days?|two|three|on (the|mon|tue|wed|thu|fri))"
        r"|\b(i|we) (have|had|['’]ve)?( not|n['’]t)( yet)? (heard (back )?from you|heard anything|heard back"
        r"|received (it|your|the|any)|had an answer)\b"
        r"|\b(i|we) (haven['’]t|have not) (yet )?(heard (back )?from you|heard anything|heard back|received (it"
        r"|your|the|any)|had an answer)\b"
        r"|\b(gentle|friendly|kind) reminder\b|\b(i am|i['’]m|just|we are|we['’]re) following up (on|about)\b"
        r"|\byou (said|promised|told (me|us)|wrote|assured)\b.{0,80}\b(would|by|will|"
        r"gone|ready|be)\b|\bnoch (immer|nicht (erhalten|bekommen|da))\b|\bwo bleib(t|en)\b"),
    Wording(kind="HR", strength=0.6, probability=0.7, pattern=
        r"\b(where (is|are|stays?)|what (is|['’]s) (happening|going on) with|what (is )?the status of|what "
        r"happened (to|with))\b"
        r".{0,60}\b(promised|agreed|due|announced|asked|ordered|since|supposed)\b|\b(did|have) you (get|receive"
        r"|see|got|received|seen) (my|our)\b"
        r"|\bhave you (had a chance|managed)\b|\bi asked (you )?(last|whether|if|for)\b|\bwhen exactly\b|\bis "
        r"it coming\b"
        r"|\bwhen (does|do|will|can|are|is) .{0,40}\b(finally|at last|come back|be refunded|refund)"),
    Wording(kind="HR", act="asks_guarantee", strength=0.5, probability=0.7, pattern=
        r"\bguarant(ee|ees|y|ie|ieren)\b|\bpenalt(y|ies)( clause)?\b|\bliquidated damages\b|\bescrow\b"
        r"|\bservice level\b|\bsla\b|\bbank guarantee\b"
        r"|\bgarantie\b|\bvertragsstrafe\b|\bcontractual(ly)? (commit|bind|guarant)"),
    Wording(kind="HR", act="asks_guarantee", asks=False, strength=0.5, probability=0.7, pattern=
        r"\b(want|need|require|insist on|ask for|expect|would like|must have|demand)\b.{0,40}\b(guarantee"
        r"|penalty|penalties|liquidated damages|escrow|"
        r"written (terms|assurance|commitment|confirmation|guarantee)|in writing|contract clause|clause)\b"),
    Wording(kind="HR", act="asks_confirmation", strength=0.4, probability=0.65, pattern=
        r"\bin writing\b|\bwritten (confirmation|assurance|terms|commitment|statement)\b|\bschriftlich\b"
        r"|\bblack (and|on) white\b"),
    Wording(kind="HR", strength=0.3, probability=0.55, pattern=
        r"\b(can|could|will|would) you (please |kindly |also )?(re-?)?confirm( (that|the (delivery|date|time"
        r"|price|order|quantity|arrival)))?\b"
        r"|\bplease (re-?)?confirm (that|the (delivery|arrival|completion|date|deadline|price))\b|\bbestätigen sie\b"),
    # Closeness: can I sense how you feel, do you understand and respect my feelings.
    Wording(kind="HI", strength=0.8, probability=0.8, pattern=
        r"\bdo(es|n['’]t)? (you|they|anybody|anyone|somebody|someone|your \w+)( \w+){0,4} (even |really "
        r"|actually |ever |at all )?(see|understand|reali[sz]e|know|care|"
        r"get|appreciate|notice|grasp|imagine)\b.{0,40}\b(what|how|why|that)\b.{0,60}\b(me|us|we|i|my|our|mine)\b"
        r"|\bdo you (even |really |actually )?care\b|\b(does|do) (it|that|this|we|i) .{0,20}\b(matter|count"
        r"|mean)\b.{0,30}\b(to|for|at) (you|your|anyone|anybody)\b"
        r"|\bare (we|i) (just|only|nothing|merely|still|really)\b.{0,40}\b(to|for) you\b|\b(does|do|is|did) "
        r"(anybody|anyone|somebody|someone)\b.{0,30}"
        r"\b(read|reading|care|cares|listen|listening|understand)\b|\bwissen sie (eigentlich )?,? ?was (das"
        r"|es) für\b|\bverstehen sie\b.{0,40}\b(mich|uns|mir|wir|ich)\b"),
    Wording(kind="HI", probability=0.65, pattern=
        r"\b(is|are) (everything|all|things|you)( still)? (all right|alright|ok|okay|well|fine|good|angry|upset"
        r"|disappointed|tired|mad|happy|enjoying|having fun)"
        r"( with| between| at| about)\b|^\W*(so |and |but )?are you (all right|alright|ok|okay|angry|upset"
        r"|disappointed|mad|cross|tired|coping|enjoying|having fun)\b"
        r"|\b(did|have) (we|i) (do|done|say|said) (something|anything) (wrong|to)\b|\bhow would you feel\b"
        r"|\bput yourself\b|\bin (our|my) shoes\b"
        r"|\bwhat is going on\b|\bwhat['’]s going on( with (you|us))?\W*$|\bno longer (with you|there|at)\b"
        r"|\bis there still (some|any)(one|body)\b"
        r"|\b(can|may|could) (i|we) (tell|share|ask) (you )?.{0,30}\b(in confidence|between us|privately|off "
        r"the record|personal)"
        r"|\bdo you have a (second|minute|moment)\b|\bare you (listening|hearing|avoiding|ignoring)\b|\bhave "
        r"you (forgotten|given up on) (me|us)\b"),
    # Fairness: is this win-win.
    Wording(kind="HS", strength=0.8, probability=0.85, pattern=
        r"\b(un)?fair(ly|ness)?\b|\bwin[- ]win\b|\bone[- ]sided\b|\bwhat(['’]s| is) (in it|in this|in that) "
        r"for\b|\bwhat do (you|they) (get|gain|earn|make)\b.{0,30}"
        r"\b(out of|from|by|if|on)\b|\bthe catch\b|\bhidden (cost|costs|fee|fees|agenda|charges?)\b"
        r"|\b(commission|kickback|bonus)\b.{0,40}\?"
        r"|\bhaben sie davon\b|\bwas springt\b|\bwhose (side|interest)\b|\btaking advantage\b|\b(trick|rip"
        r"|overcharg)\w*\b|\bmotive\b"),
    Wording(kind="HS", probability=0.7, pattern=
        r"\bwhy (should|would|must|do|are|were|did) (we|i|only we|it be us)\b.{0,20}\b(pay|paying|charged|stay"
        r"|accept|bear|cover|sign|agree|be charged|billed)\b"
        r"|\bwho (pays|benefits|profits|bears|carries|loses|wins|gains)\b.{0,20}\b(if|when|from|the (risk|loss"
        r"|damage))\b|\bwhy did (you|they) (sell|push|charge|raise)\b"
        r"|\b(what|why)\b.{0,60}\b(more expensive|cost(s)? (so much|more)|so expensive|dearer|overpriced)\b"
        r"|\bis that how you (treat|do)\b"
        r"|\b(were|was|are) (you|they|anyone) ever going to\b|\bonly (we|us|i) (got|get|have|were|are|pay)\b"
        r"|\bat (our|my) expense\b"),
    Wording(kind="HS", probability=0.65, pattern=
        r"\bif it were (your|you)\b|\b(your|you['’]re) own (money|company|house|child|mother)\b|\bas (though"
        r"|if) .{0,40}\b(your own|yours)\b|\bin (our|my) (place|position)\b"
        r"|\bif you were (me|us|in)\b|\bwould you (yourself )?(buy|sign|take|choose|recommend|accept|do) (this"
        r"|it|the same)\b"),
)  # fmt: skip
"""Where several fit, the most probable counts, and of equals the first. No figure of these tells how well they do:
`tests/questions` and the sample's key do."""
