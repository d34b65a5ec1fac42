//! Drafts a contract from what a server says of its tools: names, descriptions, schemas of arguments.
//!
//! Meant to be used as it stands: where a name says nothing, the strictest reading counts. Nothing that a server claims of itself
//! (annotations such as `readOnlyHint`) is believed.

mod arguments;
mod names;

use std::collections::BTreeMap;

use super::{Answers, Contract, Effect, Role, Tool};
use crate::data::Data;
use crate::lexicon::{ACTIONS, Action, OBJECTS};

pub(super) use arguments::paths_of;

/// A tool as its server describes it.
#[derive(Clone, Debug)]
pub struct ToolSchema {
    /// Its name.
    pub name: String,
    /// What it says it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub input: Data,
}

/// Drafts a contract.
pub fn draft(server: &str, schemas: &[ToolSchema]) -> Contract {
    let tools = schemas.iter().map(|schema| (schema.name.clone(), tool(schema))).collect();
    Contract { server: server.to_owned(), tools, fields: BTreeMap::new() }
}

fn tool(schema: &ToolSchema) -> Tool {
    let tokens = names::tokens(&schema.name);
    let actions = actions_of(&tokens, &schema.description);
    let goes_out = names::goes_out(&tokens) || arguments::has_address_of_web(&schema.input);
    let mut effect = match actions.first() {
        Some(action) if action.effect == Effect::Read && goes_out => Effect::Browse,
        Some(action) => action.effect,
        None => Effect::Write,
    };
    let mut drafted = arguments::draft(schema, &tokens, effect);
    let has = |role: Role| drafted.values().any(|argument| argument.role == role);
    if matches!(effect, Effect::Write | Effect::Send) && has(Role::Party) {
        effect = if arguments::moves_money(&schema.input, &tokens) { Effect::Pay } else { Effect::Send };
    }
    if effect == Effect::Write && has(Role::Secret) {
        effect = Effect::Access;
    }
    if effect == Effect::Pay {
        drafted = arguments::draft(schema, &tokens, effect);
    }
    Tool {
        effect,
        verbs: verbs(&actions, &tokens, effect),
        objects: objects(&tokens, &schema.description, &actions, effect),
        answers: if names::answers_text(&tokens) { Answers::Text } else { Answers::Records },
        arguments: drafted,
        owner: None,
    }
}

/// What the name says the tool does; what its description begins with comes second.
fn actions_of(tokens: &[String], description: &str) -> Vec<&'static Action> {
    let named = |word: &str| ACTIONS.iter().find(|action| action.names.contains(&word));
    let mut found: Vec<&Action> = Vec::new();
    let first = tokens.first().and_then(|token| named(token));
    // `calendar_create` has its verb elsewhere; one that changes something outweighs one that reads.
    let elsewhere = || {
        let mut others = tokens.iter().filter_map(|token| named(token));
        let all: Vec<&Action> = others.by_ref().collect();
        all.iter().find(|action| action.effect != Effect::Read).or(all.first()).copied()
    };
    found.extend(first.or_else(elsewhere));
    let opening = names::words(description).into_iter().next().unwrap_or_default();
    let stems = [
        opening.as_str(),
        opening.strip_suffix('s').unwrap_or_default(),
        opening.strip_suffix("es").unwrap_or_default(),
    ];
    let described = stems.into_iter().find_map(named);
    if let Some(described) =
        described.filter(|described| !found.iter().any(|known| std::ptr::eq(*known, *described)))
    {
        // A name that reads and a description that writes: the stricter counts.
        let contradicts = found.first().is_some_and(|action| action.effect == Effect::Read)
            && described.effect != Effect::Read;
        if !contradicts {
            found.push(described);
        }
    }
    found
}

fn verbs(actions: &[&'static Action], tokens: &[String], effect: Effect) -> Vec<String> {
    if matches!(effect, Effect::Read) {
        return Vec::new();
    }
    let mut verbs: Vec<String> = Vec::new();
    let mut push = |word: &str| {
        if !verbs.iter().any(|known| known == word) {
            verbs.push(word.to_owned());
        }
    };
    let paying = ACTIONS.iter().filter(|action| action.names.contains(&"pay") && effect == Effect::Pay);
    for action in actions.iter().copied().chain(paying) {
        action.verbs.iter().copied().for_each(&mut push);
    }
    if effect == Effect::Browse {
        BROWSE.iter().copied().for_each(&mut push);
    }
    if actions.iter().all(|action| action.verbs.is_empty()) {
        tokens.iter().for_each(|token| push(&names::stem(token)));
    }
    verbs
}

const BROWSE: &[&str] = &[
    "read*",
    "visit*",
    "open*",
    "browse*",
    "fetch*",
    "get",
    "look*",
    "check*",
    "summari*",
    "download*",
    "search*",
    "find*",
    "go",
    "see",
    "show*",
    "access*",
    "lies",
    "lese*",
    "öffne*",
    "besuch*",
    "such*",
    "lis",
    "lire",
    "ouvr*",
    "cherch*",
    "lee",
    "leer",
    "abr*",
    "busca*",
    "leggi",
    "apri",
    "cerca*",
    "lees",
    "open",
    "zoek*",
    "leia",
    "procur*",
];

fn objects(tokens: &[String], description: &str, actions: &[&'static Action], effect: Effect) -> Vec<String> {
    if effect == Effect::Read {
        return Vec::new();
    }
    let is_verb = |word: &str| actions.iter().any(|action| action.names.contains(&word));
    let rest: Vec<&String> =
        tokens.iter().skip(1).chain(tokens.iter().take(1).filter(|token| !is_verb(token))).collect();
    let mut objects: Vec<String> = Vec::new();
    let mut push = |word: &str| {
        if !objects.iter().any(|known| known == word) {
            objects.push(word.to_owned());
        }
    };
    let kinds = std::cell::Cell::new(0);
    let singular = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let add = |word: &str, push: &mut dyn FnMut(&str)| {
        for object in OBJECTS
            .iter()
            .filter(|object| object.names.contains(&word) || object.names.contains(&singular(word).as_str()))
        {
            kinds.set(kinds.get() + 1);
            object.nouns.iter().for_each(|noun| push(noun));
        }
    };
    for token in &rest {
        add(token, &mut push);
    }
    if effect == Effect::Pay {
        add("money", &mut push);
    }
    if kinds.get() == 0 {
        for word in names::words(description) {
            add(&word, &mut push);
        }
    }
    for token in rest {
        push(&names::stem(token));
    }
    objects
}
