//! Words of ordinary speech that change what a sentence asks for.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::{ACTIONS, matches};
use crate::contract::Effect;
use crate::value::Word;

/// Whether the word at `at` is denied: `do not send`. Of `do not forget to send` it is not.
pub(crate) fn is_negated(words: &[Word], at: usize) -> bool {
    let word =
        |back: usize| at.checked_sub(back).and_then(|at| words.get(at)).map_or("", |word| word.text.as_str());
    let back = (1..=3)
        .find(|&back| NOT.contains(&word(back)) || (word(back) == "t" && NOT_T.contains(&word(back + 1))));
    match back {
        None => false,
        Some(back) => !(1..back).any(|back| {
            matches!(
                word(back),
                "forget"
                    | "fail"
                    | "hesitate"
                    | "only"
                    | "just"
                    | "vergiss"
                    | "oublie"
                    | "oubliez"
                    | "olvides"
                    | "dimenticare"
            )
        }),
    }
}

const NOT: &[&str] = &[
    "not", "never", "without", "nicht", "nie", "kein", "keine", "keinen", "ohne", "pas", "jamais", "sans",
    "nunca", "sin", "non", "mai", "senza", "niet", "nooit", "zonder", "não", "sem",
];
const NOT_T: &[&str] = &["don", "doesn", "didn", "won", "shouldn", "can", "mustn", "isn"];

/// Whether the words hand control to a document: `do what the mail says`, `follow the instructions`, `adjust it accordingly`.
pub(crate) fn commands_a_document(words: &[Word]) -> bool {
    let has =
        |list: &[&str]| words.iter().position(|word| list.iter().any(|pattern| matches(pattern, &word.text)));
    if has(&["accordingly", "entsprechend", "conséquence", "consecuencia", "conseguenza", "overeenkomstig"])
        .is_some()
    {
        return true;
    }
    let acts = &[
        "do", "perform", "follow", "execute", "complete", "carry", "comply", "handle", "obey", "apply",
        "finish", "process", "resolve", "work", "mach*", "folge", "befolg*", "erledig*", "führe", "suis",
        "suivez", "exécut*", "fais", "sigue", "haz", "ejecut*", "segui", "esegui", "volg", "doe", "siga",
        "faça",
    ];
    let what = &[
        "instruction*",
        "action*",
        "step*",
        "todo*",
        "task*",
        "request*",
        "order*",
        "guideline*",
        "directions",
        "says",
        "asks",
        "specified",
        "described",
        "mentioned",
        "listed",
        "wants",
        "anweisung*",
        "aufgabe*",
        "schritt*",
        "consigne*",
        "tâche*",
        "étape*",
        "instruccion*",
        "tarea*",
        "istruzion*",
        "compit*",
        "taken",
        "instruç*",
    ];
    let (Some(_), Some(_)) = (has(acts), has(what)) else { return false };
    let source = &[
        "in", "from", "of", "on", "by", "the", "that", "aus", "von", "dans", "du", "de", "en", "nel", "dal",
        "uit", "van", "do", "no",
    ];
    has(source).is_some()
}

/// Whether the words go on with what was asked before: `yes, please`, `go ahead`, `the second one`.
pub(crate) fn says_go_on(words: &[Word]) -> bool {
    const YES: &[&str] = &[
        "yes", "yep", "yeah", "ok", "okay", "sure", "please", "go", "ahead", "confirm*", "proceed",
        "continue", "do", "right", "correct", "exactly", "fine", "good", "ja", "gerne", "bitte", "oui",
        "vas", "allez", "sí", "si", "vale", "dale", "va", "bene", "graag", "doe", "sim", "claro",
    ];
    words.len() <= 12
        && words.first().is_some_and(|word| YES.iter().any(|pattern| matches(pattern, &word.text)))
}

/// Whether the word asks for anything that changes something.
pub(crate) fn is_write_verb(word: &str) -> bool {
    ACTIONS
        .iter()
        .filter(|action| action.effect != Effect::Read)
        .any(|action| action.verbs.iter().any(|verb| matches(verb, word)))
}

/// Whether a word is so common that it names nothing.
pub(crate) fn is_common(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&'static str, ahash::RandomState>> = OnceLock::new();
    word.chars().count() < 3 || WORDS.get_or_init(|| COMMON.iter().copied().collect()).contains(word)
}

const COMMON: &[&str] = &[
    "the",
    "and",
    "for",
    "with",
    "from",
    "that",
    "this",
    "you",
    "your",
    "mine",
    "our",
    "are",
    "was",
    "were",
    "has",
    "have",
    "had",
    "can",
    "could",
    "will",
    "would",
    "should",
    "please",
    "all",
    "any",
    "some",
    "not",
    "but",
    "what",
    "which",
    "who",
    "when",
    "where",
    "how",
    "why",
    "his",
    "her",
    "their",
    "them",
    "they",
    "she",
    "him",
    "its",
    "into",
    "about",
    "then",
    "than",
    "there",
    "here",
    "also",
    "just",
    "only",
    "new",
    "one",
    "two",
    "next",
    "last",
    "first",
    "now",
    "get",
    "give",
    "make",
    "made",
    "send",
    "sent",
    "set",
    "add",
    "want",
    "need",
    "like",
    "time",
    "date",
    "day",
    "days",
    "month",
    "year",
    "today",
    "tomorrow",
    "name",
    "title",
    "text",
    "message",
    "email",
    "mail",
    "file",
    "files",
    "list",
    "event",
    "meeting",
    "user",
    "users",
    "account",
    "amount",
    "number",
    "info",
    "information",
    "data",
    "document",
    "page",
    "link",
    "site",
    "true",
    "false",
    "none",
    "null",
    "yes",
    "der",
    "die",
    "das",
    "und",
    "ein",
    "eine",
    "mit",
    "von",
    "für",
    "den",
    "dem",
    "les",
    "des",
    "une",
    "pour",
    "avec",
    "dans",
    "los",
    "las",
    "una",
    "con",
    "para",
    "por",
    "che",
    "per",
    "del",
    "della",
    "het",
    "een",
    "van",
    "met",
    "que",
    "com",
    "uma",
];

/// The most or the least of something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extreme {
    /// Words of the fields it is measured by; empty: any.
    pub(crate) fields: &'static [&'static str],
    /// Whether the most is meant.
    pub(crate) is_most: bool,
}

/// The extremes that words ask for.
pub(crate) fn extremes_in(words: &[Word]) -> impl Iterator<Item = Extreme> + '_ {
    words.iter().enumerate().flat_map(move |(at, word)| {
        let next = words.get(at + 1).map_or("", |word| word.text.as_str());
        EXTREMES
            .iter()
            .filter(move |(names, second, _)| {
                names.contains(&word.text.as_str()) && (second.is_empty() || second.contains(&next))
            })
            .map(|(_, _, extreme)| *extreme)
    })
}

const SIZE: &[&str] = &["size", "bytes", "length", "amount", "count", "total", "capacity", "value", "number"];
const MONEY: &[&str] = &["price", "cost", "amount", "fee", "rate", "total", "fare", "value"];
const RATING: &[&str] = &["rating", "score", "stars", "rank", "grade", "review"];
const TIME: &[&str] = &[
    "date",
    "time",
    "timestamp",
    "created",
    "updated",
    "modified",
    "start",
    "end",
    "sent",
    "received",
    "at",
    "on",
];

type Names = &'static [&'static str];

const EXTREMES: &[(Names, Names, Extreme)] = &[
    (
        &["largest", "biggest", "greatest", "größte", "größten", "größtes"],
        &[],
        Extreme { fields: SIZE, is_most: true },
    ),
    (&["smallest", "tiniest", "kleinste", "kleinsten"], &[], Extreme { fields: SIZE, is_most: false }),
    (
        &["cheapest", "billigste", "billigsten", "günstigste", "günstigsten"],
        &[],
        Extreme { fields: MONEY, is_most: false },
    ),
    (
        &["lowest", "least"],
        &["price", "priced", "cost", "fee", "expensive", "rate"],
        Extreme { fields: MONEY, is_most: false },
    ),
    (&["most", "teuerste", "teuersten"], &["expensive"], Extreme { fields: MONEY, is_most: true }),
    (
        &["highest", "best", "top"],
        &["rating", "rated", "score", "scored", "reviewed"],
        Extreme { fields: RATING, is_most: true },
    ),
    (
        &["lowest", "worst"],
        &["rating", "rated", "score", "scored", "reviewed"],
        Extreme { fields: RATING, is_most: false },
    ),
    (
        &["newest", "latest", "neueste", "neuesten", "letzte", "letzten"],
        &[],
        Extreme { fields: TIME, is_most: true },
    ),
    (&["most"], &["recent"], Extreme { fields: TIME, is_most: true }),
    (&["oldest", "earliest", "älteste", "ältesten"], &[], Extreme { fields: TIME, is_most: false }),
];
