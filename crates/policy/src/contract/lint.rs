//! Finds what a contract leaves open.

use super::{Contract, Effect, Role, ToolSchema};
use crate::contract::draft::paths_of;

/// Something that a contract should say and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where: `tool.send_money.arguments.recipient`.
    pub at: String,
    /// What is missing, and what happens meanwhile.
    pub text: String,
}

/// Compares a contract with what the server says of its tools.
pub fn lint(contract: &Contract, schemas: &[ToolSchema]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for schema in schemas {
        let Some(tool) = contract.tools.get(&schema.name) else {
            gaps.push(gap(
                format!("tool.{}", schema.name),
                "the server has this tool, the contract does not: it is refused",
            ));
            continue;
        };
        for path in paths_of(&schema.input) {
            if tool.argument(&path).is_none() {
                let text = "the contract does not say what this argument decides: it is a party, so each value of it must be the person's own";
                gaps.push(gap(format!("tool.{}.arguments.{path}", schema.name), text));
            }
        }
    }
    for (name, tool) in &contract.tools {
        if !schemas.is_empty() && schemas.iter().all(|schema| schema.name != *name) {
            gaps.push(gap(format!("tool.{name}"), "the server has no such tool"));
        }
        let writes = !matches!(tool.effect, Effect::Read | Effect::Browse);
        if writes && tool.verbs.is_empty() {
            gaps.push(gap(
                format!("tool.{name}.verbs"),
                "no words ask for this tool: it is refused whatever the person says",
            ));
        }
        let reaches = matches!(tool.effect, Effect::Send | Effect::Pay | Effect::Book | Effect::Access);
        let has_party =
            tool.arguments.values().any(|argument| argument.role == Role::Party || argument.claim.is_some());
        if reaches && !has_party {
            let text = "it reaches others, but no argument says whom: either one is a party, or the effect is `write`";
            gaps.push(gap(format!("tool.{name}.arguments"), text));
        }
        if tool.effect == Effect::Browse && !has_party {
            gaps.push(gap(
                format!("tool.{name}.arguments"),
                "it goes out, but no argument says where: the address is a party",
            ));
        }
    }
    gaps
}

fn gap(at: String, text: &str) -> Gap {
    Gap { at, text: text.to_owned() }
}
