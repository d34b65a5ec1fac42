//! What a server's tools do, and what their arguments and results mean, as an operator has it.

mod draft;
mod label;
mod lint;
mod raw;
mod write;

use std::collections::BTreeMap;

pub use draft::{ToolSchema, draft};
pub use label::{Label, label_by_name};
pub use lint::{Gap, lint};
pub use raw::ContractError;

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Reads what is the person's own.
    Read,
    /// Reads from outside: what is asked for leaves the house.
    Browse,
    /// Makes or changes what is the person's own.
    Write,
    /// Reaches other people.
    Send,
    /// Moves money.
    Pay,
    /// Commits to something with somebody.
    Book,
    /// Deletes, or ends.
    Delete,
    /// Changes who may do what.
    Access,
}

/// What an argument decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Who gets it: payee, recipient, host, person to share with.
    Party,
    /// Which record is meant: an id.
    Record,
    /// What is committed to: amounts, dates, permissions.
    Commit,
    /// A password or its like.
    Secret,
    /// Words for people.
    Content,
    /// What is looked for.
    Filter,
    /// A switch of no consequence.
    Flag,
}

/// One argument, or one leaf of it: `attachments[].file_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// What it decides.
    pub role: Role,
    /// What the thing is called: `file` of `file_id`.
    pub nouns: Vec<String>,
    /// Whether other people see it at a glance: titles, subjects.
    pub is_visible: bool,
    /// The claim it must equal, by its name; filled in where it is missing.
    pub claim: Option<String>,
    /// Values that are always right, as the operator says.
    pub known: Vec<String>,
    /// What it is when it is left out.
    pub default: Option<String>,
}

impl Argument {
    /// An argument of that role and nothing more.
    pub fn new(role: Role) -> Self {
        Self { role, nouns: Vec::new(), is_visible: false, claim: None, known: Vec::new(), default: None }
    }
}

/// How a tool answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// With records of the server's own making, whose fields mean what their names say.
    Records,
    /// With text that anyone may have written.
    Text,
}

/// One tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// What it does.
    pub effect: Effect,
    /// What people say who want it.
    pub verbs: Vec<String>,
    /// What they call what it works on. Empty: a verb is enough.
    pub objects: Vec<String>,
    /// How it answers.
    pub answers: Answers,
    /// Its arguments by their path.
    pub arguments: BTreeMap<String, Argument>,
    /// Which field of a record says whose it is, and which claim it must equal: records of others are taken out of results.
    pub owner: Option<Owner>,
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The field.
    pub field: String,
    /// The claim.
    pub claim: String,
}

/// The tools of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The server.
    pub server: String,
    /// Its tools by name.
    pub tools: BTreeMap<String, Tool>,
    /// What fields of results are, where their names do not say so.
    pub fields: BTreeMap<String, Label>,
}

impl Contract {
    /// Reads `contract.toml`.
    pub fn read(text: &str) -> Result<Self, ContractError> {
        raw::read(text)
    }

    /// Writes it.
    pub fn write(&self) -> String {
        write::write(self)
    }

    /// What a field of a result is.
    pub fn label(&self, field: &str) -> Label {
        self.fields.get(field).copied().unwrap_or_else(|| label_by_name(field))
    }
}

impl Tool {
    /// The argument at a path such as `attachments[2].file_id`, whose contract stands at `attachments[].file_id`. What no contract
    /// speaks of is a party: the strictest of all.
    pub fn argument(&self, path: &str) -> Option<&Argument> {
        self.arguments.get(path).or_else(|| {
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
            self.arguments.get(&general)
        })
    }
}

#[cfg(test)]
mod tests;
