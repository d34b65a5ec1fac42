//! `contract.toml` as written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Answers, Argument, Contract, Effect, Label, Owner, Role, Tool};

/// The only format there is.
pub(super) const FORMAT: u32 = 1;
/// Bytes of a contract.
const BYTES_MAX: usize = 4 << 20;

/// Why a text is no contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// Not TOML, or not of this shape.
    #[error("{0}")]
    Shape(String),
    /// Something in it cannot be.
    #[error("{at}: found {found}, expected {expected}")]
    Value {
        /// Where.
        at: String,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContract {
    format: u32,
    server: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default)]
    tool: BTreeMap<String, RawTool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    effect: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    objects: Vec<String>,
    answers: Option<String>,
    owner: Option<RawOwner>,
    #[serde(default)]
    arguments: BTreeMap<String, RawArgument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOwner {
    field: String,
    claim: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawArgument {
    Role(String),
    Full(RawFull),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFull {
    role: String,
    #[serde(default)]
    nouns: Vec<String>,
    #[serde(default)]
    visible: bool,
    claim: Option<String>,
    #[serde(default)]
    known: Vec<String>,
    default: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Contract, ContractError> {
    if text.len() > BYTES_MAX {
        return Err(ContractError::Shape(format!("more than {BYTES_MAX} bytes")));
    }
    let raw: RawContract = toml::from_str(text)
        .map_err(|error| ContractError::Shape(error.to_string().trim_end().to_owned()))?;
    if raw.format != FORMAT {
        return Err(value("format", &raw.format.to_string(), "1"));
    }
    let mut fields = BTreeMap::new();
    for (name, label) in raw.fields {
        let read = Label::read(&label);
        let read = read.ok_or_else(|| {
            value(&format!("fields.{name}"), &label, "`id`, `name`, `party`, `fact` or `prose`")
        })?;
        fields.insert(name, read);
    }
    let mut tools = BTreeMap::new();
    for (name, raw) in raw.tool {
        let at = format!("tool.{name}");
        tools.insert(name, tool(&at, raw)?);
    }
    Ok(Contract { server: raw.server, tools, fields })
}

fn value(at: &str, found: &str, expected: &'static str) -> ContractError {
    ContractError::Value { at: at.to_owned(), found: format!("`{found}`"), expected }
}

fn tool(at: &str, raw: RawTool) -> Result<Tool, ContractError> {
    let effect = Effect::read(&raw.effect).ok_or_else(|| {
        value(
            &format!("{at}.effect"),
            &raw.effect,
            "`read`, `browse`, `write`, `send`, `pay`, `book`, `delete` or `access`",
        )
    })?;
    let answers = match raw.answers.as_deref() {
        None | Some("records") => Answers::Records,
        Some("text") => Answers::Text,
        Some(other) => return Err(value(&format!("{at}.answers"), other, "`records` or `text`")),
    };
    for (list, words) in [("verbs", &raw.verbs), ("objects", &raw.objects)] {
        if let Some(odd) = words.iter().find(|word| !is_pattern(word)) {
            return Err(value(
                &format!("{at}.{list}"),
                odd,
                "one word in lower case, with `*` at its end for any ending",
            ));
        }
    }
    let mut arguments = BTreeMap::new();
    for (path, raw) in raw.arguments {
        let place = format!("{at}.arguments.{path}");
        arguments.insert(path, argument(&place, raw)?);
    }
    let owner = raw.owner.map(|RawOwner { field, claim }| Owner { field, claim });
    Ok(Tool { effect, verbs: raw.verbs, objects: raw.objects, answers, arguments, owner })
}

fn argument(at: &str, raw: RawArgument) -> Result<Argument, ContractError> {
    let full = match raw {
        RawArgument::Role(role) => {
            RawFull { role, nouns: Vec::new(), visible: false, claim: None, known: Vec::new(), default: None }
        }
        RawArgument::Full(full) => full,
    };
    let role = Role::read(&full.role).ok_or_else(|| {
        value(at, &full.role, "`party`, `record`, `commit`, `secret`, `content`, `filter` or `flag`")
    })?;
    Ok(Argument {
        role,
        nouns: full.nouns,
        is_visible: full.visible,
        claim: full.claim,
        known: full.known,
        default: full.default,
    })
}

/// One word of letters and digits, in lower case, perhaps with a star.
fn is_pattern(word: &str) -> bool {
    let stem = word.strip_suffix('*').unwrap_or(word);
    !stem.is_empty() && stem.chars().all(|char| char.is_alphanumeric() && !char.is_uppercase())
}

impl Effect {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Browse,
        Self::Write,
        Self::Send,
        Self::Pay,
        Self::Book,
        Self::Delete,
        Self::Access,
    ];

    /// As written in contracts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Browse => "browse",
            Self::Write => "write",
            Self::Send => "send",
            Self::Pay => "pay",
            Self::Book => "book",
            Self::Delete => "delete",
            Self::Access => "access",
        }
    }

    fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.as_str() == text)
    }
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 7] =
        [Self::Party, Self::Record, Self::Commit, Self::Secret, Self::Content, Self::Filter, Self::Flag];

    /// As written in contracts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Record => "record",
            Self::Commit => "commit",
            Self::Secret => "secret",
            Self::Content => "content",
            Self::Filter => "filter",
            Self::Flag => "flag",
        }
    }

    fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}
