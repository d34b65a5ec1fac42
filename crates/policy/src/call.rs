//! One call of a tool, and what was decided about it.

use crate::data::Data;

/// Where a call is decided. One engine decides at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A request offers the tool to a model.
    Offered,
    /// A model's answer asks for the call.
    Proposed,
    /// The call came to our own endpoint for tools.
    Called,
}

/// A call of a tool, in its one canonical reading.
#[derive(Clone, Debug)]
pub struct Call {
    /// The server that runs the tool.
    pub server: String,
    /// The tool's own name, without the server's.
    pub tool: String,
    /// Its arguments: a [`Data::Map`].
    pub arguments: Data,
    /// Where it is decided.
    pub place: Place,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It may go on.
    Allow,
    /// It may go on if a person says so.
    Ask,
    /// It may not.
    Deny,
}

/// What was found about one argument, or about the call as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path of the value: `recipients[0]`; empty for the call as a whole.
    pub at: String,
    /// What it alone would have meant for the call.
    pub outcome: Outcome,
    /// Where the value came from, in the words of the documentation: `user`, `profile`, `endorsed`, `known`, `directory`, `operator`,
    /// `third-party`, `none`.
    pub origin: &'static str,
    /// The same for people: "payee found in bill-december.txt, never used before". Names sources, and holds values: personal.
    pub text: String,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub outcome: Outcome,
    /// A stable word for the log and for metrics: `tool-not-granted`, `argument-unproven`.
    pub reason: &'static str,
    /// Which policy decided, by its id.
    pub policy: String,
    /// What was found, argument by argument.
    pub findings: Vec<Finding>,
}
