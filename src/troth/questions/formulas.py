"""Questions that wait for no answer: courtesies, tags, rhetorical ones. All patterns are RE2, over one sentence."""

from __future__ import annotations

from typing import Final

FORMULA: Final = (
    r"(?i)^\W*((hi|hello|hey|dear|good (morning|afternoon|evening))\b[^.?!,]{0,30}[,!]? )?((and|so),? )?("
    r"how (are|r|is) (you|things|it going|everything|life|your (day|week))"
    r"( (all|doing|going|both|today|these days|there))*"
    r"|how('s|’s| is) (it going|life|everything|things|your (day|week))( going)?|how do you do|how have you been"
    r"|what('s|’s| is) (up|new)|((are|is) )?(you|everything|all) (well|ok|okay|fine|all right|alright)"
    r"|how was (your|the) (weekend|holiday|vacation|trip|day)[^?]{0,30}|did you have a (good|nice|great)[^?]{0,40}"
    r"|(i )?hope (you|all|everything)\b[^?]{0,40}|long time no see"
    r"|isn('|’)t it|right|ok|okay|you know|sorry|pardon|really|see|agreed|deal|no|yes|eh|huh|well"
    r"|(can|may) i ask (you )?(something|a question)|guess what|remember me"
    r"|wie geht es (ihnen|dir|euch)|wie geht('|’)?s( dir| ihnen)?|alles (gut|klar)|oder|nicht wahr|gell"
    r")[ ,]{0,3}(my friend|mate|sir|madam|guys|all|today)?\W*$"
)
"""A whole sentence that is a greeting or a tag."""

POLITE: Final = (
    r"(?i)^\W*(please (find|see) (attached|enclosed|below|the attached)"
    r"|please (accept|excuse|forgive|do not hesitate|don['’]t hesitate|feel free|note|be (advised|aware))"
    r"|do(n['’]t| not) hesitate|feel free|(please )?let me know if (you|there)"
    r"|(please )?have a (good|nice|great|lovely)|take care|keep up|thank(s| you)\b[^?]*$|excuse me)"
)
"""The form of a request that asks for nothing."""

RHETORICAL: Final = (
    r"(?i)^\W*((and|but|so|well|anyway),? )?("
    r"who (needs|cares|knew|knows( that)?|would have (thought|guessed)|doesn['’]t|wouldn['’]t|could (blame|resist))\b"
    r"|(do |did )?you know (what|who|how) [^?]{0,40}\b(said|asked|told|happened|did|thinks?|is)\b"
    r"|what (more )?(can|could|shall|should) i (say|do|add)|what else is new|why bother|why not both"
    r"|(isn['’]t|wasn['’]t|ain['’]t) (it|that|this|she|he) (just )?(great|wonderful|lovely|funny|amazing"
    r"|beautiful|ironic)"
    r"|how (great|cool|nice|funny|lovely|crazy|good) is (that|this|it)|is the pope|since when do(es)?"
    r"|(the|my|our) (result|reason|point|moral|upshot|answer|problem|good news|bad news|best part|catch)"
    r"|(what|and) (was|is) the (result|outcome|upshot|moral)"
    r")[^?]*\?\W*$"
)
"""A question that makes a statement."""

SELF_ANSWER: Final = (
    r"(?i)^\W*(because\b|simple[:.,]|easy[:.,]|(yes|no|nope|nothing|nobody|never|none|exactly|of course)[.!,]"
    r"|(the|my) answer is|weil\b)"
)
"""A sentence which, right after a question of the same writer, answers it."""

QUOTED: Final = (
    r"^\s*[>|]|> >|^\s*[\"“„«]"
    r"|\b(asked|asks|said|says|wrote|writes|fragte|fragt)\b[^?]{0,40}[\"“„«].*\?\s*[\"”“»]\W*$"
)
"""A question that somebody else is quoted with."""

INTERROGATIVE: Final = r"[^.!?\s] ?[?]{1,3}[^\w?]*$|![?]{1,3}[^\w?]*$"
"""A question by its mark. ".?" and " ????" are none: broken character sets write them for what they cannot say."""

INDIRECT: Final = (
    r"(?i)\b((would|['’]d) (like|love|need|want) to (know|hear|understand|see)|(need|want|like|have|ought) "
    r"to know|wonder(s|ed|ing)?|asks?"
    r"|curious( to know)?|tell (me|us)( \w+)?|let (me|us) know|möchte (\w+ )?wissen|wüsste gern)( is)?,? "
    r"(whether|if|when|what|who|whom|how|why|where"
    r"|which|ob|wann|was|wer|wie|warum)\b"
)
"""A question without its mark: "He would like to know when it will be delivered." """

CLOSES: Final = (
    r"(?i)(\bnever ?mind\b|\bforget (it|about it|my (question|last|mail))|\bno longer (need|necessary"
    r"|relevant|required)"
    r"|\b(solved|sorted|resolved) (itself|it ourselves|on our (side|end))|\bfound it\b|\bfigured it out\b"
    r"|\b(has|have) been (solved|sorted|resolved|settled)\b|\b(question|matter|request|this) is (now "
    r")?(closed|moot|obsolete"
    r"|settled)\b|\bplease (ignore|disregard) (my|the) (question|last|previous|mail|message|request)|\bhat "
    r"sich erledigt\b)"
)
"""The asker ends the matter themselves."""

THANKS: Final = (
    r"(?i)^\W*(thanks?( you)?|thx|perfect|great|got it|clear|that (helps|answers|is (clear|good|fine|what))"
    r"|good to know"
    r"|understood|excellent|wonderful|lovely|super|danke|vielen dank|alles klar|ok(ay)?[,.!])\b"
)
"""The asker takes what came before for an answer."""

CONTESTS: Final = (
    r"(?i)(\b(that|this) (was|is)( not|n['’]t) (my|the|what i|an answer|a real answer)|\bi asked (you )?(a "
    r"question|whether|if|who"
    r"|what|when|why|how|for)|\b(did|have|has)( not|n['’]t) (really )?answer(ed)?\b|\b(still"
    r"|again)\b[^.?!]{0,30}\bno answer\b"
    r"|\bmy question (was|is|remains|stands)|\bnot an? answer\b|das war nicht meine frage|keine antwort)"
)
"""The asker says that what came before was no answer."""
