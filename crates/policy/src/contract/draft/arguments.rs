//! What arguments decide, by their names and their schemas.

use std::collections::BTreeMap;

use super::{ToolSchema, names};
use crate::contract::{Argument, Effect, Role};
use crate::data::Data;

/// Levels of a schema that are looked into.
const DEPTH_MAX: usize = 8;
/// Leaves of a schema.
const LEAVES_MAX: usize = 512;

/// A leaf of the arguments.
struct Leaf<'s> {
    path: String,
    name: String,
    kind: Kind,
    schema: &'s Data,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    /// Anything may stand below.
    Open,
}

pub(super) fn draft(schema: &ToolSchema, tokens: &[String], effect: Effect) -> BTreeMap<String, Argument> {
    let leaves = leaves_of(&schema.input);
    let mut drafted: BTreeMap<String, Argument> = BTreeMap::new();
    for leaf in &leaves {
        let said = leaf.schema.get("description").and_then(Data::as_text).unwrap_or_default();
        if leaf.kind == Kind::Open {
            // What may stand below is told by the description alone, if at all.
            for name in named_in(said) {
                let below = Leaf {
                    path: format!("{}.{name}", leaf.path),
                    name: name.clone(),
                    kind: Kind::Text,
                    schema: &Data::Null,
                };
                let argument = argument(&below, "", tokens, effect);
                drafted.entry(format!("{}.{name}", leaf.path)).or_insert(argument);
            }
            continue;
        }
        drafted.insert(leaf.path.clone(), argument(leaf, said, tokens, effect));
    }
    drafted
}

/// The paths of all leaves a schema names.
pub(in crate::contract) fn paths_of(schema: &Data) -> Vec<String> {
    leaves_of(schema).into_iter().filter(|leaf| leaf.kind != Kind::Open).map(|leaf| leaf.path).collect()
}

pub(super) fn has_address_of_web(schema: &Data) -> bool {
    leaves_of(schema).iter().any(|leaf| {
        let tokens = names::tokens(&leaf.name);
        format_of(leaf.schema) == "uri"
            || tokens.iter().any(|token| {
                matches!(token.as_str(), "url" | "uri" | "website" | "webpage" | "link" | "href")
            })
    })
}

/// Whether money goes to somebody: an amount, and a party that is an account or a person.
pub(super) fn moves_money(schema: &Data, tokens: &[String]) -> bool {
    let money = [
        "money",
        "payment",
        "transaction",
        "transfer",
        "funds",
        "refund",
        "payout",
        "donation",
        "invoice",
        "bill",
    ];
    let is_named = tokens.iter().any(|token| money.contains(&token.as_str()));
    leaves_of(schema).iter().any(|leaf| {
        let tokens = names::tokens(&leaf.name);
        leaf.kind == Kind::Number
            && (is_named || tokens.iter().any(|token| matches!(token.as_str(), "amount" | "sum" | "price")))
    })
}

fn leaves_of(schema: &Data) -> Vec<Leaf<'_>> {
    let mut leaves = Vec::new();
    walk(schema, schema, "", "", 0, &mut leaves);
    leaves
}

fn walk<'s>(
    root: &'s Data,
    schema: &'s Data,
    path: &str,
    name: &str,
    depth: usize,
    leaves: &mut Vec<Leaf<'s>>,
) {
    if depth > DEPTH_MAX || leaves.len() >= LEAVES_MAX {
        return;
    }
    let shape = resolve(root, schema);
    if let Some(Data::Map(properties)) =
        shape.get("properties").filter(|properties| **properties != Data::Map(Vec::new()))
    {
        for (name, below) in properties {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(root, below, &path, name, depth + 1, leaves);
        }
        return;
    }
    let kind = match shape.get("type").and_then(Data::as_text) {
        Some("array") => {
            let path = format!("{path}[]");
            match shape.get("items") {
                Some(items) => walk_items(root, items, schema, &path, name, depth, leaves),
                None => leaves.push(Leaf { path, name: name.to_owned(), kind: Kind::Text, schema }),
            }
            return;
        }
        Some("boolean") => Kind::Bool,
        Some("number" | "integer") => Kind::Number,
        Some("object") if !path.is_empty() => Kind::Open,
        Some("object") => return,
        _ => Kind::Text,
    };
    leaves.push(Leaf { path: path.to_owned(), name: name.to_owned(), kind, schema });
}

/// Items carry the description of their list.
fn walk_items<'s>(
    root: &'s Data,
    items: &'s Data,
    list: &'s Data,
    path: &str,
    name: &str,
    depth: usize,
    leaves: &mut Vec<Leaf<'s>>,
) {
    let from = leaves.len();
    walk(root, items, path, name, depth + 1, leaves);
    for leaf in leaves.iter_mut().skip(from) {
        if leaf.path == path && leaf.schema.get("description").is_none() {
            leaf.schema = list;
        }
    }
}

/// Follows a reference, and takes of alternatives the one that is not nothing.
fn resolve<'s>(root: &'s Data, schema: &'s Data) -> &'s Data {
    let mut shape = schema;
    for _ in 0..DEPTH_MAX {
        if let Some(target) = shape.get("$ref").and_then(Data::as_text) {
            let mut at = Some(root);
            for step in target.trim_start_matches("#/").split('/') {
                at = at.and_then(|at| at.get(step));
            }
            match at {
                Some(found) => shape = found,
                None => return shape,
            }
            continue;
        }
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| shape.get(name));
        let Some(Data::List(alternatives)) = alternatives else { return shape };
        let is_something = |one: &&Data| one.get("type").and_then(Data::as_text) != Some("null");
        match alternatives.iter().find(is_something) {
            Some(found) => shape = found,
            None => return shape,
        }
    }
    shape
}

fn format_of(schema: &Data) -> &str {
    schema.get("format").and_then(Data::as_text).unwrap_or_default()
}

/// Names in quotes or backticks.
fn named_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for quote in ['"', '`'] {
        for piece in text.split(quote).skip(1).step_by(2) {
            let is_name = !piece.is_empty()
                && piece.len() <= 64
                && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if is_name && !found.iter().any(|known| known == piece) {
                found.push(piece.to_owned());
            }
        }
    }
    found
}

fn argument(leaf: &Leaf<'_>, said: &str, tool: &[String], effect: Effect) -> Argument {
    let tokens = names::tokens(&leaf.name);
    let role = role(leaf, &tokens, said, tool, effect);
    let mut argument = Argument::new(role);
    if role == Role::Record {
        let ids = ["id", "ids", "uuid", "key", "number", "ref"];
        argument.nouns = tokens.iter().filter(|token| !ids.contains(&token.as_str())).cloned().collect();
        if argument.nouns.is_empty() {
            argument.nouns = tool
                .iter()
                .skip(1)
                .map(|token| token.strip_suffix('s').unwrap_or(token).to_owned())
                .collect();
        }
    }
    argument.is_visible = role == Role::Content && has(&tokens, VISIBLE);
    argument
}

fn has(tokens: &[String], words: &[&str]) -> bool {
    tokens.iter().any(|token| words.contains(&token.as_str()))
}

fn ends(tokens: &[String], words: &[&str]) -> bool {
    tokens.last().is_some_and(|token| words.contains(&token.as_str()))
}

fn role(leaf: &Leaf<'_>, tokens: &[String], said: &str, tool: &[String], effect: Effect) -> Role {
    if has(tokens, SECRET) {
        return Role::Secret;
    }
    if effect == Effect::Read {
        return if ends(tokens, IDS) || ends(tokens, PATHS) { Role::Record } else { Role::Filter };
    }
    if effect == Effect::Browse {
        let is_address =
            has(tokens, &["url", "uri", "link", "href", "host", "domain", "website", "address", "endpoint"])
                || format_of(leaf.schema) == "uri";
        return if is_address {
            Role::Party
        } else if leaf.kind == Kind::Text {
            Role::Filter
        } else {
            Role::Flag
        };
    }
    if matches!(format_of(leaf.schema), "email" | "uri" | "idn-email" | "hostname" | "iri") {
        return Role::Party;
    }
    if leaf.kind == Kind::Bool {
        return if has(tokens, GRAVE) { Role::Commit } else { Role::Flag };
    }
    let is_new = has(
        tool,
        &["create", "make", "new", "add", "write", "save", "open", "generate", "upload", "schedule"],
    );
    if ends(tokens, IDS) {
        // The id of a person is a person.
        return if has(tokens, PARTIES) && tokens.len() > 1 && effect != Effect::Delete {
            Role::Party
        } else {
            Role::Record
        };
    }
    if has(tokens, PARTIES) && leaf.kind != Kind::Number {
        return Role::Party;
    }
    if ends(tokens, PATHS) {
        return if is_new { Role::Content } else { Role::Record };
    }
    if has(tokens, PAGING) {
        return Role::Flag;
    }
    if is_time(tokens, leaf, said) {
        return if effect == Effect::Pay { Role::Flag } else { Role::Commit };
    }
    if leaf.kind == Kind::Number || leaf.schema.get("enum").is_some() || has(tokens, TERMS) {
        return Role::Commit;
    }
    if has(tokens, PROFILE) {
        return Role::Commit;
    }
    if has(tokens, CONTENT) || (is_new && ends(tokens, &["name", "label"])) {
        return Role::Content;
    }
    if has(tokens, FILTER) {
        return Role::Filter;
    }
    if leaf.schema == &Data::Null && has(tokens, &["type", "kind"]) {
        return Role::Flag;
    }
    Role::Party
}

fn is_time(tokens: &[String], leaf: &Leaf<'_>, said: &str) -> bool {
    if matches!(format_of(leaf.schema), "date" | "date-time" | "time") {
        return true;
    }
    let plain = [
        "date", "time", "day", "start", "end", "deadline", "due", "datetime", "when", "until", "begin",
        "checkin", "checkout", "hour", "month", "year",
    ];
    let spoken = ["date", "time", "iso", "yyyy"];
    has(tokens, &plain)
        || (has(tokens, &["from", "to"])
            && names::words(said).iter().any(|word| spoken.contains(&word.as_str())))
}

const SECRET: &[&str] = &[
    "password",
    "passcode",
    "passphrase",
    "pin",
    "secret",
    "token",
    "otp",
    "cvv",
    "cvc",
    "credential",
    "credentials",
];
const IDS: &[&str] = &["id", "ids", "uuid", "guid", "ref", "reference"];
const PATHS: &[&str] = &["path", "filename", "filepath", "paths", "file", "files", "folder", "directory"];
const PAGING: &[&str] = &[
    "limit",
    "offset",
    "page",
    "cursor",
    "top",
    "sort",
    "order",
    "ascending",
    "descending",
    "format",
    "locale",
    "language",
    "lang",
    "timezone",
    "tz",
];
const PARTIES: &[&str] = &[
    "recipient",
    "recipients",
    "to",
    "cc",
    "bcc",
    "email",
    "emails",
    "mail",
    "participants",
    "participant",
    "attendees",
    "attendee",
    "invitee",
    "invitees",
    "user",
    "users",
    "username",
    "member",
    "members",
    "assignee",
    "assignees",
    "payee",
    "beneficiary",
    "iban",
    "account",
    "phone",
    "url",
    "uri",
    "link",
    "href",
    "webhook",
    "endpoint",
    "host",
    "domain",
    "channel",
    "channels",
    "contact",
    "contacts",
    "person",
    "people",
    "guest",
    "guests",
    "collaborator",
    "collaborators",
    "customer",
    "reviewer",
    "reviewers",
    "owner",
    "sender",
    "receiver",
    "target",
    "destination",
];
const TERMS: &[&str] = &[
    "amount",
    "price",
    "quantity",
    "qty",
    "count",
    "permission",
    "permissions",
    "role",
    "access",
    "status",
    "state",
    "level",
    "priority",
    "currency",
    "scope",
    "visibility",
    "plan",
    "rating",
    "stars",
    "score",
    "duration",
    "interval",
    "frequency",
    "recurrence",
    "size",
    "unit",
    "category",
    "type",
    "kind",
];
const PROFILE: &[&str] = &[
    "street",
    "city",
    "zip",
    "postcode",
    "postal",
    "country",
    "firstname",
    "lastname",
    "first",
    "last",
    "address",
    "birthday",
    "surname",
    "state",
    "province",
];
const CONTENT: &[&str] = &[
    "body",
    "content",
    "contents",
    "text",
    "message",
    "subject",
    "title",
    "description",
    "summary",
    "note",
    "notes",
    "comment",
    "comments",
    "caption",
    "location",
    "topic",
    "reason",
    "memo",
    "details",
    "tags",
    "labels",
    "html",
    "markdown",
    "review",
    "feedback",
    "bio",
    "heading",
    "headline",
    "place",
    "answer",
    "reply",
    "input",
    "prompt",
    "items",
    "data",
    "payload",
    "attachments",
    "venue",
];
const VISIBLE: &[&str] =
    &["title", "subject", "name", "filename", "caption", "heading", "headline", "label", "topic"];
const FILTER: &[&str] =
    &["query", "q", "search", "keyword", "keywords", "filter", "term", "terms", "pattern", "prefix"];
const GRAVE: &[&str] = &[
    "recurring",
    "recurrent",
    "repeat",
    "permanent",
    "permanently",
    "public",
    "force",
    "recursive",
    "admin",
    "all",
    "everyone",
    "anyone",
    "override",
    "autopay",
    "overwrite",
    "external",
    "anonymous",
    "immediate",
];
