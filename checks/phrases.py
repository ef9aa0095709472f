"""Phrases that the project's text does not use, each with what to write instead.

A pattern is a regular expression; case does not matter, and a space stands for any white space. docs/glossary.md defines the
terms that the advice names.
"""

PHRASES: tuple[tuple[str, str], ...] = (
    # --- People and personification ---
    (
        r"\b(he|him|his|himself|she|her|hers)\b",
        'a component is "it"; a person has a role: the caller, the operator',
    ),
    (r"\b(whoever|whomever|whom)\b", "name the role: the caller, the user, the operator"),
    (r"\b(some|any|every|no)(body|one)\b(?! (of|else's))|\bno one\b", "name the role, or use the passive"),
    (r"\b(those|people|the one|one) who\b", "name the role"),
    (r"\b(tell|tells|told|telling)\b", "report, return, show, specify, distinguish"),
    (r"\b(say|says|said|saying)\b", "state, specify, report, describe"),
    (r"\b(ask|asks|asked|asking) (for|about|whether|to)\b", "request, need; a command prompts"),
    (
        r"\bknows\b|\b(do|does|did) not know\b|\bknows? (of|nothing)\b",
        "name the fact: uses, depends on, contains, detects",
    ),
    (r"\b(wants?|wanted)\b", "need, require, request"),
    (r"\b(judge|judges|judged|judging)\b", "validate"),
    (r"\bverdicts?\b", "validation result"),
    (
        r"\b(dies|died|dying)\b|\bis (dead|alive)\b|\bdead ones?\b|\b(?<!out)lives? (in|on|for|as long)\b",
        "end, stop; is stored in; lasts",
    ),
    (r"\b(believed?|believes|trusted|trusts)\b", "verify, accept"),
    (r"\bminds?\b", "store, remember; rephrase"),
    # --- Terms of the table in the glossary ---
    (
        r"\b(settle|settles|settling|settlement)\b|\b(is|are|was|were|be|been) settled\b",
        "resolve (migration), check_restored (restore)",
    ),
    (r"\bkeepers?\b", "schema deployer"),
    (r"\bholders?\b", "snapshot exporter; owner of a lease"),
    (r"\b(mend|mends|mended|mending)\b", "fix, correct, repair"),
    (r"\bways? out\b", "hint, remedy"),
    (r"\b(exchange|exchanges|exchanged|exchanging)\b(?! (code|rate))", "swap"),
    (r"\b(pristine|rivals?|removals?)\b", "matches the catalogue; conflicting; rejected rows"),
    (r"\bsafety cop(y|ies)\b", "safety backup"),
    # --- Archaic or translated forms ---
    (r"\bdear(er|est)?\b", "expensive"),
    (r"\b(is|are|was|were|be|been) away\b", "unavailable"),
    (r"\bmade up\b", "generated; consists of"),
    (r"\bfor ever\b", "indefinitely, permanently"),
    (r"\banew\b|\bonce more\b", "again"),
    (r"\bin short\b|\bin one sentence\b", "delete it"),
    (
        r"\b(seldom|upon|lest|whilst|hitherto|albeit|thereby|whereby|thereof)\b",
        "rarely, on, so that ... not, while",
    ),
    (r"\bby (itself|themselves|himself)\b", "automatically; alone; separately"),
    (
        r"\bof (its|their) own\b(?=[^\w ]| (and|or|is|are|was|that|which|whose|for|in|on|to|from|with|by|of|at|beside|below)\b|$)",
        "its own ...; separate; dedicated",
    ),
    (r"\bof (ours|yours|theirs|mine)\b", "our, your, their"),
    (r"\b(becomes?|became|comes?|came) of\b", "what happens to; the result of"),
    (r"\bfates?\b", "result"),
    (
        r"\bwhat there (is|was|are)\b|\b(if|where|when) there (is|was) (one|none)\b",
        "name the thing; if it exists",
    ),
    (r"\bthe \w+ (that )?there (is|are)\b(?! (a|an|no)\b)", "the existing ..."),
    (r"(?<!there\s)\b(is|are|was|were) no (?!longer|more|\d)", '"is not a ..."'),
    (r"\b(has|have|had) not(?=[.,;:)]| (a|an|the|all|its|room)\b)", "does not have"),
    (r"\bbe (it|they|that) (a|an|the|of|in|by)\b", "whether it is ..."),
    (
        r"\b(hold|holds|held|holding) \w+( \w+){0,4} (against|to each other)\b|\bheld against\b|\bhold to\b",
        "compare with; enforce",
    ),
    (
        r"\b(leave|leaves|left|leaving)( \w+){0,3} behind\b|\b(is|was|were|are) left behind\b",
        "remain; not remove",
    ),
    (r"\bpass(es|ed)? over\b", "skip, ignore"),
    (r"\b(go|goes|went|gone|going) on\b", "continue"),
    (
        r"\b(give|gives|gave|given|giving) back\b|\b(gives?|gave) (it|them|its|their)( \w+)? back\b",
        "release, return",
    ),
    (r"\b(take|takes|took|taken|taking|throw|throws|thrown) away\b", "remove, delete, discard"),
    (r"\b(look|looks|looked|looking) (at|for|after)\b", "read, inspect, search, manage"),
    (r"\b(hand|hands|handed|handing) (on|over|it|them|to)\b", "pass"),
    (r"\blies?\b(?! (of|about))|\blay in\b", "is, is stored"),
    (
        r"\b(stands?|stood|standing) (in|beside|there|before|behind|below|at|still|with)\b|\bas (it|they) (stands?|stood)\b",
        "is, appears",
    ),
    (r"\b(can|could|may|to) (not )?be had\b", "available"),
    (r"\bat (work|hand)\b", "running; current"),
    (r"\b(nothing|none|all|anything) but\b|\bbut for\b", "only; except"),
    (r"\bso many\b", "give the unit: number of rows from which ..."),
    (r"\bby name\b(?! and)", "with an error that names it; explicitly"),
    (r"\bto the (character|byte|row|letter)\b", "exactly; byte for byte"),
    (r"\b(the|this|that|these) very\b", "the same, this"),
    (r"\bkin\b|\band such\b|\bthe like\b", "subclass; and similar"),
    (r"\bwhat is (wrong|left|there|missing|more|meant|bad|good)\b", "name it: the error, the rest"),
    (r"(?-i:\bWhat\b)(?![^.?]*\?)", 'begin a sentence or title with its noun, not with "What"'),
    (
        r"\bwhat (is|was|were|are) \w+(ed|en|lt|ft|pt|nt|ught|de|ne|ad|ut)\b",
        'name the thing: "what is stored" is "the stored rows"',
    ),
    (r"\bwhatever\b", "any; regardless of"),
    (r"\b(is|are|was|were|be) there\b(?! (a|an|any|no|is|are)\b)", "exists"),
    (r"\bhow (\w+ ){1,3}(goes|went|is going|got)\b", "status, progress"),
    (
        r"\b(rows|leases|backups|files|tables|objects|what \w+ \w+|it) (go|goes)(?=[.,;:])",
        "is deleted, is released",
    ),
    (r"\bkept\b(?! open)", "stored, retained, preserved"),
    (r"\bnoted\b|\bnotes? (the|what|which|it|them|that|how|where)\b", "record, report"),
    (r"\b(hurt|hurts|hear|hears|heard)\b", "affect, receive"),
    (
        r", for (it|they|there|its|their|this|that|these|those|a|an|the|such|each|most|[a-z]+s) (\w+ ){0,3}?(is|are|was|were|has|have|would|can|cannot|must|may|does|do)\b",
        "because",
    ),
    (
        r"\b(culprits?|harm|harms)\b|\b(is|are|be|found|looks?) sound\b|\bsound (backup|database|file|table)s?\b",
        "cause; valid, intact; change, damage",
    ),
)
