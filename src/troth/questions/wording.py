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
    words: tuple[str, ...]  # RE2 each; case does not matter
    act: str = "asks"  # asks, asks_reference, asks_guarantee, asks_confirmation, double_checks
    asks: bool = True  # counts only in a sentence that asks
    strength: float = 0.6
    probability: float = 0.7

    @property
    def pattern(self) -> str:
        """One expression for all of the words."""
        return "(?i)" + "|".join(f"({words})" for words in self.words)

    @property
    def spoken(self) -> bool:
        """Whether the question is in the words; else it is in the act."""
        return self.act == "asks"


WORDINGS: Final = (
    # Credence: by whose authority, do I need to check.
    Wording(
        kind="HC",
        strength=0.8,
        probability=0.85,
        words=(
            (
                r"\b(are|r) (you|they) (really |absolutely |quite |completely |entirely |so |very )?(sure|certain"
                r"|positive|confident)\b"
            ),
            r"\bhow (sure|certain|confident) (are|is|can)\b",
            r"\b(can|could|may) (i|we) be (\w+ )?(sure|certain)\b",
            r"\bcan (i|we) (really )?(trust|believe|take your word)\b",
            r"\b(whom?|which|what)\b.{0,40}\b(should|can|do|are) (i|we) (to )?(believe|trust)\b",
            r"\bwhy (should|would) (i|we) (believe|trust)\b",
            r"\bsind sie (sich )?(\w+ )?sicher\b",
        ),
    ),
    Wording(
        kind="HC",
        strength=0.8,
        probability=0.85,
        words=(
            (
                r"\bwho( has| have| had| else)?( ever| actually)? (decided|decides|approved|authori[sz]ed|signed|signs"
                r"|said|told|moved|changed|agreed|checked|verified|allowed|gave|ordered|promised|confirmed|determined"
                r"|came up|is responsible|will be responsible|vouches|guarantees)\b"
            ),
            r"\bwhose (decision|idea|authority|signature|approval|permission|word|responsibility)\b",
            (
                r"\b(by|with|under|on) (whose|what|which) (authority|approval|permission|basis|grounds?|evidence"
                r"|mandate)\b"
            ),
            r"\bsays who\b",
            r"\baccording to (whom|what)\b",
            r"\bwho says\b",
            (
                r"\bwer (hat|ist|war)\b.{0,60}\b(entschieden|genehmigt|freigegeben|gesagt|verantwortlich"
                r"|unterschrieben)\b"
            ),
            r"\bwoher wissen\b",
        ),
    ),
    Wording(
        kind="HC",
        words=(
            (
                r"\b(is|was|are|were) (that|this|it|they|these|those)( \w+)? (really |actually |still )?(true|correct"
                r"|right|official|accurate|reliable|genuine|verified)\b"
            ),
            r"\bwhich\b.{0,40}\bis (true|right|correct|the (right|correct|valid))\b",
            r"\bstimmt (das|es)\b",
            r"\bis (that|this|it) (really )?you\b",
        ),
    ),
    Wording(
        kind="HC",
        probability=0.75,
        words=(
            (
                r"\b(did|have|has|had|do|does)n?['’]?t? (you|they|he|she|we|i|it|anybody|anyone|somebody|someone|(your"
                r"|the|our) [\w-]+)( \w+){0,3} (check|checked|verify|verified|test|tested|looked at|reviewed|confirmed"
                r"|validated|validate|calibrated|audited|proof-?read|seen this|measured)\b"
            ),
            (
                r"\b(is|was|are|were|been) (it |that |this |(the|your|our) [\w-]+ |[\w-]+ ){0,2}(actually |really "
                r"|ever )?(tested|calibrated|certified|audited|verified|validated|peer[- ]reviewed|independently)\b"
            ),
            r"\b(lawyer|auditor|engineer|expert)s? (seen|checked|approved|read)\b",
        ),
    ),
    Wording(
        kind="HC",
        words=(
            (
                r"\bhow (do|did|can|could|have) (you|they|i|we) (know|measured?|calculated?|check(ed)?|test(ed)?"
                r"|verify|verified|arrived? at|get to|got to|come (up|to))\b"
            ),
            r"\bhow (you|they) (know|measured|calculated|checked|tested|arrived|got)\b",
            (
                r"\bhow (is|was|are|were|the|your|this|that) .{0,40}\b(is |was |are |were )?(computed|calculated"
                r"|measured|determined|tested|checked|validated|derived)\b"
            ),
            r"\bon what (basis|grounds?)\b",
            r"\bwhat is (that|this|it) based on\b",
            r"\bwhere (did|do|does) (you|that|this|the)\b.{0,30}\b(get|come from|from)\b",
            r"\bwhere (you|they) got\b",
        ),
    ),
    Wording(
        kind="HC",
        probability=0.75,
        words=(
            (
                r"\b(evidence|proof|prove|proven|substantiate|back (that|this|it) up|track record|credentials"
                r"|qualified|belegen|nachweisen|beweis\w*|nachweis\w*)\b"
            ),
        ),
    ),
    Wording(
        kind="HC",
        probability=0.65,
        words=(
            (
                r"\bhave you (ever|actually|really|already) (done|worked|built|handled|installed|managed|delivered|run"
                r"|migrated|tried)\b"
            ),
            r"\bhow (often|many times) have you\b",
            r"\bdo you (actually|really) (use|know|have|understand how)\b",
            r"\bwhat makes you (so )?(sure|think|believe|confident)\b",
            r"\bis there a reason\b",
            r"\b(are|aren['’]t) you (not )?(telling|hiding)",
            r"\bnot telling (me|us)\b",
            r"\bare you (allowed|authori[sz]ed|entitled|permitted|qualified)\b",
            r"\bdo you (even )?have (the |any )?(authority|permission|approval|right) to\b",
            r"\bwho gave you\b",
            r"\bwhy (was|were|am|are) .{1,40}\b(told|promised)\b",
            r"\bwho (else )?(has|had|can|could|gets?) (access|see|read)\b",
            r"\bhas access to (our|my)\b",
            r"\bwhich (one )?of (you|your)\b.{0,30}\b(is talking|should i|do i|am i)\b",
        ),
    ),
    Wording(
        kind="HC",
        act="asks_reference",
        strength=0.4,
        words=(
            r"\breference (customers?|clients?|projects?|sites?|letters?|calls?|contacts?)\b",
            r"\breferences\b",
            r"\breferees?\b",
            r"\btestimonials?\b",
            r"\bcase stud(y|ies)\b",
            r"\bother (customers|clients) (of yours|who|that|we (can|could))\b",
            r"\breferenz(en|kunden?)\b",
        ),
    ),
    Wording(
        kind="HC",
        act="double_checks",
        asks=False,
        strength=0.5,
        probability=0.65,
        words=(
            (
                r"\b(asked|asking|consult(ed|ing)?|checked with|checking with|invited|requested|obtained|got|getting"
                r"|show(n|ed)?|run(ning)?)\b.{0,40}\b(second (opinion|workshop|firm|company|supplier|expert|quote"
                r"|pair of eyes)|another (opinion|workshop|firm|company|supplier|expert|quote|lawyer)|one more (firm"
                r"|company|supplier)|independent \w+|outside (expert|counsel)|our (own )?(lawyers?|auditors?|experts?"
                r"|engineers?))\b"
            ),
            r"\bsecond opinion\b",
            r"\bzweite meinung\b",
            r"\bgegengeprüft\b",
        ),
    ),
    Wording(
        kind="HC",
        act="double_checks",
        strength=0.5,
        probability=0.65,
        words=(
            (
                r"\b(can|could|may|will|would|has|should) (somebody|someone|anybody|anyone)( else)?\b.{0,30}\b(confirm"
                r"|check|verify|look|sign)"
            ),
            r"\b(somebody|someone|anybody|anyone) (other than|besides) you\b",
            (
                r"\b(your|the) (manager|boss|director|supervisor|lawyer|superior)\b.{0,20}\b(confirm|approve|sign"
                r"|check)"
            ),
        ),
    ),
    # Dependence: can I rely on you to do it.
    Wording(
        kind="HR",
        strength=0.8,
        probability=0.9,
        words=(
            (
                r"\b(can|could|may|should|do|will|am|are|must) (i|we|one|they|you|he|she)( still| really| fully| even"
                r"| safely)? (to )?(rely|depend|count|bank|build) on\b"
            ),
            (
                r"\b(rely|depend|count|counting|relying|depending) on (you|your|it|that|this|him|her|them|the|a"
                r"|somebody|someone)\b"
            ),
            r"\bverlassen\b",
            r"\bdarauf zählen\b",
            r"\bhow (reliable|dependable)\b",
        ),
    ),
    Wording(
        kind="HR",
        words=(
            (
                r"\b(for (sure|certain)|as (agreed|promised|planned|scheduled)|on time|in time|on schedule|on "
                r"track)\b.{0,30}\?"
            ),
            r"\bis (anybody|anyone|somebody|someone) (coming|working|on it|there|looking)\b",
            r"\bis there (anybody|anyone|somebody|someone)( (there|else|i can|who can|above|we can)|\W*$)",
            (
                r"\b(does|will) (somebody|someone|anybody|anyone) (pick up|answer|come|be there|call|show up|take care"
                r"|look after)"
            ),
            r"\bshould (we|i) (be (worried|concerned|nervous)|worry)\b",
            r"\bhappen(s|ing)? again\b",
            r"\bnicht wieder (geschieht|passiert|vorkommt)\b",
            r"\bwhat are the (odds|chances)\b",
            r"\bhow likely\b",
            (
                r"(^\W*|[,;:] |\b(and|but|so) )will (we|you|they|it|this)( really| ever| still)? (make|manage|hold"
                r"|stay|last|be (ready|there|finished|done))\b"
            ),
            r"\bwhether (we|you|they) (will|can) (make|manage|hold|keep)\b",
        ),
    ),
    Wording(
        kind="HR",
        strength=0.5,
        probability=0.6,
        words=(
            r"\bwhat (happens|do we do|will happen|would happen|will you do|do you do) (if|when|in case)\b",
            r"\bwhat if (you|your|the|it|something|nobody)\b",
            r"\bare you (still )?(in business|still there|available|around)\b",
            (
                r"(^|[.,;:!] |\b(and|but|so|also) )(is|are|do|does|will|have) (it|they|this|that|there|you|(the|our"
                r"|your) [\w-]+)( \w+)? still\b"
            ),
            r"^(is|are|do|does|will|have|has) [\w ]{2,24} still\b",
            r"\bkommt? (es|das|sie|er) noch\b",
        ),
    ),
    Wording(
        kind="HR",
        words=(
            (
                r"\bwhy (did|has|have|had|was|is|were|are) (nobody|no one|no-one|nothing|it (not|taking|still)|(the"
                r"|your|our) [\w -]{2,40} (not|fail|ring|late|still))"
            ),
            r"\bwhy [\w ]{2,30}\b(ring out|nobody|no one|not (been|work\w*|deliver\w*|arriv\w*|answer\w*))",
        ),
    ),
    Wording(
        kind="HR",
        probability=0.75,
        words=(
            r"\bany (news|updates?|progress|word|luck|sign|movement)\b",
            r"\b(second|third|fourth|fifth) time\b",
            r"\bstill (no|not|nothing|missing|open|outstanding)\b",
            r"\bfollowing up\b",
            r"\boverdue\b",
            r"\bno(t a)? (reply|answer|response|word|sign)\b.{0,30}\b(yet|since|so far|from)",
        ),
    ),
    Wording(
        kind="HR",
        asks=False,
        probability=0.75,
        words=(
            (
                r"\b(i|we)( am|['’]m| are|['’]re| have been|['’]ve been)? (still )?waiting (for|since|in vain|to "
                r"hear)\b"
            ),
            r"\bstill waiting (for|on|to)\b",
            r"\b(second|third|fourth|fifth|umpteenth|3rd|2nd|4th) (reminder|request|attempt)\b",
            r"\b(i|we|you)\b.{0,60}\b(third|fourth|fifth) time\b",
            (
                r"\b(i|we) (have |had |['’]ve )?(already )?(wrote|asked|called|written|reported|mailed|emailed"
                r"|requested|reminded)( to)?( you)?( (this|about|for) [\w ]{1,20})? (last|twice|three times|before"
                r"|already|again|weeks?|days?|two|three|on (the|mon|tue|wed|thu|fri))"
            ),
            (
                r"\b(i|we) (have|had|['’]ve)?( not|n['’]t)( yet)? (heard (back )?from you|heard anything|heard back"
                r"|received (it|your|the|any)|had an answer)\b"
            ),
            (
                r"\b(i|we) (haven['’]t|have not) (yet )?(heard (back )?from you|heard anything|heard back|received (it"
                r"|your|the|any)|had an answer)\b"
            ),
            r"\b(gentle|friendly|kind) reminder\b",
            r"\b(i am|i['’]m|just|we are|we['’]re) following up (on|about)\b",
            r"\byou (said|promised|told (me|us)|wrote|assured)\b.{0,80}\b(would|by|will|gone|ready|be)\b",
            r"\bnoch (immer|nicht (erhalten|bekommen|da))\b",
            r"\bwo bleib(t|en)\b",
        ),
    ),
    Wording(
        kind="HR",
        words=(
            (
                r"\b(where (is|are|stays?)|what (is|['’]s) (happening|going on) with|what (is )?the status of|what "
                r"happened (to|with))\b.{0,60}\b(promised|agreed|due|announced|asked|ordered|since|supposed)\b"
            ),
            r"\b(did|have) you (get|receive|see|got|received|seen) (my|our)\b",
            r"\bhave you (had a chance|managed)\b",
            r"\bi asked (you )?(last|whether|if|for)\b",
            r"\bwhen exactly\b",
            r"\bis it coming\b",
            r"\bwhen (does|do|will|can|are|is) .{0,40}\b(finally|at last|come back|be refunded|refund)",
        ),
    ),
    Wording(
        kind="HR",
        act="asks_guarantee",
        strength=0.5,
        words=(
            r"\bguarant(ee|ees|y|ie|ieren)\b",
            r"\bpenalt(y|ies)( clause)?\b",
            r"\bliquidated damages\b",
            r"\bescrow\b",
            r"\bservice level\b",
            r"\bsla\b",
            r"\bbank guarantee\b",
            r"\bgarantie\b",
            r"\bvertragsstrafe\b",
            r"\bcontractual(ly)? (commit|bind|guarant)",
        ),
    ),
    Wording(
        kind="HR",
        act="asks_guarantee",
        asks=False,
        strength=0.5,
        words=(
            (
                r"\b(want|need|require|insist on|ask for|expect|would like|must have|demand)\b.{0,40}\b(guarantee"
                r"|penalty|penalties|liquidated damages|escrow|written (terms|assurance|commitment|confirmation"
                r"|guarantee)|in writing|contract clause|clause)\b"
            ),
        ),
    ),
    Wording(
        kind="HR",
        act="asks_confirmation",
        strength=0.4,
        probability=0.65,
        words=(
            r"\bin writing\b",
            r"\bwritten (confirmation|assurance|terms|commitment|statement)\b",
            r"\bschriftlich\b",
            r"\bblack (and|on) white\b",
        ),
    ),
    Wording(
        kind="HR",
        strength=0.3,
        probability=0.55,
        words=(
            (
                r"\b(can|could|will|would) you (please |kindly |also )?(re-?)?confirm( the (delivery|arrival"
                r"|completion|date|deadline)\b|\?| that (we|you|it|the))"
            ),
            r"\bplease (re-?)?confirm (that|the (delivery|arrival|completion|date|deadline|price))\b",
            r"\bbestätigen sie\b",
        ),
    ),
    # Closeness: can I sense how you feel, do you understand and respect my feelings.
    Wording(
        kind="HI",
        strength=0.8,
        probability=0.8,
        words=(
            (
                r"\bdo(es|n['’]t)? (you|they|anybody|anyone|somebody|someone|your \w+)( \w+){0,4} (even |really "
                r"|actually |ever |at all )?(see|understand|reali[sz]e|know|care|get|appreciate|notice|grasp"
                r"|imagine)\b.{0,40}\b(what|how|why|that)\b.{0,60}\b(me|us|we|i|my|our|mine)\b"
            ),
            r"\bdo you (even |really |actually )?care\b",
            (
                r"\b(does|do) (it|that|this|we|i) .{0,20}\b(matter|count|mean)\b.{0,30}\b(to|for|at) (you|your|anyone"
                r"|anybody)\b"
            ),
            r"\bare (we|i) (just|only|nothing|merely|still|really)\b.{0,40}\b(to|for) you\b",
            (
                r"\b(does|do|is|did) (anybody|anyone|somebody|someone)\b.{0,30}\b(read (what|my|our|these|this)"
                r"|reading (my|our)|cares?|listen|listening|understand (what|us|me|how))\b"
            ),
            r"\bwissen sie (eigentlich )?,? ?was (das|es) für\b",
            r"\bverstehen sie\b.{0,40}\b(mich|uns|mir|wir|ich)\b",
        ),
    ),
    Wording(
        kind="HI",
        probability=0.65,
        words=(
            (
                r"\b(is|are) (everything|all|things|you)( still)? (all right|alright|ok|okay|well|fine|good|angry"
                r"|upset|disappointed|tired|mad|happy|enjoying|having fun)( with| between| at| about)\b"
            ),
            (
                r"^\W*(so |and |but )?are you (all right|alright|ok|okay|angry|upset|disappointed|mad|cross|tired"
                r"|coping|enjoying|having fun)\b"
            ),
            r"\b(did|have) (we|i) (do|done|say|said) (something|anything) (wrong|to)\b",
            r"\bhow would you feel\b",
            r"\bput yourself\b",
            r"\bin (our|my) shoes\b",
            r"^\W*(\w+,? ){0,3}what is going on( (over )?(there|here)| with (you|us))?\W*$",
            r"^\W*(\w+,? ){0,3}what['’]s going on( (over )?(there|here)| with (you|us))?\W*$",
            r"\bno longer (with you|there|at)\b",
            r"\bis there still (some|any)(one|body)\b",
            (
                r"\b(can|may|could) (i|we) (tell|share|ask) (you )?.{0,30}\b(in confidence|between us|privately|off "
                r"the record|personal)"
            ),
            r"\bdo you have a (second|minute|moment)\b",
            r"\bare you (listening|hearing|avoiding|ignoring)\b",
            r"\bhave you (forgotten|given up on) (me|us)\b",
        ),
    ),
    # Fairness: is this win-win.
    Wording(
        kind="HS",
        strength=0.8,
        probability=0.85,
        words=(
            r"\b(un)?fair(ly|ness)?\b",
            r"\bwin[- ]win\b",
            r"\bone[- ]sided\b",
            r"\bwhat(['’]s| is) (in it|in this|in that) for\b",
            r"\bwhat do (you|they) (get|gain|earn|make)\b.{0,30}\b(out of|from|by|if|on)\b",
            r"\bthe catch\b",
            r"\bhidden (cost|costs|fee|fees|agenda|charges?)\b",
            r"\b(your|any|a|get|earn|receive|getting|earning|paid) (commission|kickback|bonus)\b.{0,40}\?",
            r"\bhaben sie davon\b",
            r"\bwas springt\b",
            r"\bwhose (side|interest)\b",
            r"\btaking advantage\b",
            r"\b(trick(ed|ing)?|ripp(ed|ing) off|overcharg(e|ed|ing))\b",
            r"\bmotive\b",
        ),
    ),
    Wording(
        kind="HS",
        words=(
            (
                r"\bwhy (should|would|must|do|are|were|did) (we|i|only we|it be us)\b.{0,20}\b(pay|paying|charged|stay"
                r"|accept|bear|cover|sign|agree|be charged|billed)\b"
            ),
            (
                r"\bwho (pays|benefits|profits|bears|carries|loses|wins|gains)\b.{0,20}\b(if|when|from|the (risk|loss"
                r"|damage))\b"
            ),
            r"\bwhy did (you|they) (sell|push|charge|raise)\b",
            r"\b(what|why)\b.{0,60}\b(more expensive|cost(s)? (so much|more)|so expensive|dearer|overpriced)\b",
            r"\bis that how you (treat|do)\b",
            r"\b(were|was|are) (you|they|anyone) ever going to\b",
            r"\bonly (we|us|i) (got|get|have|were|are|pay)\b",
            r"\bat (our|my) expense\b",
        ),
    ),
    Wording(
        kind="HS",
        probability=0.65,
        words=(
            r"\bif it were (your|you)\b",
            r"\b(your|you['’]re) own (money|company|house|child|mother)\b",
            r"\bas (though|if) .{0,40}\b(your own|yours)\b",
            r"\bin (our|my) (place|position)\b",
            r"\bif you were (me|us|in)\b",
            r"\bwould you (yourself )?(buy|sign|take|choose|recommend|accept|do) (this|it|the same)\b",
        ),
    ),
)
"""Where several fit, the most probable counts, and of equals the first. No figure of these tells how well they do:
`tests/questions` and the sample's key do."""
