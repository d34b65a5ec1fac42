//! Where a value came from.

use super::{Answer, Question};
use crate::contract::{Effect, Label};
use crate::lexicon::is_common;
use crate::value::Canon;

/// Where a value came from, strongest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The person said it.
    User,
    /// The application vouches for it.
    Profile,
    /// A person answered for it before.
    Known,
    /// The operator did.
    Operator,
    /// It identifies something in a record of the operator's own.
    Directory {
        /// What returned the record.
        source: String,
        /// Whether it is the record that the person named.
        is_linked: bool,
    },
    /// It was worked out from what the person said.
    Derived(String),
    /// Anyone may have written it.
    ThirdParty(String),
    /// It was found nowhere.
    None,
}

impl Origin {
    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Profile => "profile",
            Self::Known => "known",
            Self::Operator => "operator",
            Self::Directory { .. } => "directory",
            Self::Derived(_) => "derived",
            Self::ThirdParty(_) => "third-party",
            Self::None => "none",
        }
    }

    /// Where it was found, in words.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Directory { source, .. } => format!("found in {source}, but not in what the user named"),
            Self::ThirdParty(source) => {
                format!("found in {source}, where anyone may have written it; the user never named it")
            }
            Self::None => {
                "found nowhere: not in what the user said, nor in what any tool returned".to_owned()
            }
            other => format!("known from: {}", other.as_str()),
        }
    }
}

impl Question<'_> {
    /// Where the value came from: the strongest origin there is.
    pub(super) fn origin(&self) -> Origin {
        let canon = &self.leaf.canon;
        if self.is_said() {
            return Origin::User;
        }
        if self.session.claims().iter().any(|claim| claim.canon == *canon) {
            return Origin::Profile;
        }
        if self.is_known() {
            return Origin::Known;
        }
        for (result, named) in self.session.results() {
            if let Some((record, _)) = result.with(canon).next() {
                let is_linked = named.of(record).any(|hit| !hit.is_partial);
                return Origin::Directory { source: result.source.clone(), is_linked };
            }
        }
        let raw = self.leaf.text.trim();
        for (result, _) in self.session.results() {
            let found = match canon {
                Canon::Text(words) => !words.is_empty() && result.has_words(words),
                _ => result.has_exactly(raw),
            };
            if found {
                return Origin::ThirdParty(result.source.clone());
            }
        }
        Origin::None
    }

    fn is_known(&self) -> bool {
        let general: String = general_path(&self.leaf.path);
        self.session.is_known(&self.contract.server, self.name, &general, &self.leaf.canon)
    }

    /// Whether the person said the value: an address as such, anything else as whole words.
    pub(super) fn is_said(&self) -> bool {
        let raw = self.leaf.text.trim();
        self.session.turns().iter().any(|heard| match &self.leaf.canon {
            Canon::Email(_) | Canon::Url(_) | Canon::Account(_) | Canon::Phone(_) => {
                heard.names_address(&self.leaf.canon)
            }
            Canon::Number(_) => raw.chars().count() >= 4 && heard.says_exactly(raw),
            Canon::When(_) => heard.says_exactly(raw),
            Canon::Text(words) => {
                let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
                let says_something = words.iter().any(|word| !is_common(word)) || words.len() > 2;
                says_something && heard.find(&words).next().is_some()
            }
        })
    }

    /// A party: somebody who gets something.
    pub(super) fn party(&self) -> Answer {
        let canon = &self.leaf.canon;
        if self.is_said() {
            return Answer::fine(Origin::User);
        }
        if self.session.claims().iter().any(|claim| claim.canon == *canon) {
            return Answer::fine(Origin::Profile);
        }
        if self.is_known() {
            return Answer::fine(Origin::Known);
        }
        if self.tool.effect == Effect::Browse
            && let Some(source) = self.linked_page()
        {
            return Answer::fine(Origin::Directory { source, is_linked: true });
        }
        // What money goes to, and whom one commits to, has to be named itself.
        let may_be_linked = !matches!(self.tool.effect, Effect::Pay | Effect::Book);
        if may_be_linked && let Some(source) = self.linked_party() {
            return Answer::fine(Origin::Directory { source, is_linked: true });
        }
        let origin = self.origin();
        let text = format!("`{}` is {}: {}", self.leaf.path, self.leaf.text, origin.found());
        Answer::ask(origin, text)
    }

    /// A page to which a record leads that the person named.
    fn linked_page(&self) -> Option<String> {
        for (result, named) in self.session.results() {
            for record in result.links_to(&self.leaf.canon) {
                let is_named = named.of(record).any(|hit| {
                    let field = result.records.get(record).and_then(|record| record.fields.get(hit.field));
                    !hit.is_partial
                        && field.is_some_and(|field| matches!(field.label, Label::Party | Label::Name))
                });
                if is_named {
                    return Some(result.source.clone());
                }
            }
        }
        None
    }
}

/// `recipients[]` of `recipients[2]`.
fn general_path(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let mut inside = false;
    for char in path.chars() {
        match char {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        general.push(char);
    }
    general
}
