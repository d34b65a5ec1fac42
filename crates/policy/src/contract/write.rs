//! Writes `contract.toml` so that a person can review it.

use std::fmt::Write;

use super::raw::FORMAT;
use super::{Answers, Argument, Contract, Tool};

pub(super) fn write(contract: &Contract) -> String {
    let mut text = format!("format = {FORMAT}\nserver = {}\n", quoted(&contract.server));
    if !contract.fields.is_empty() {
        text.push_str("\n[fields]\n");
        for (name, label) in &contract.fields {
            let _infallible = writeln!(text, "{} = {}", key(name), quoted(label.as_str()));
        }
    }
    for (name, tool) in &contract.tools {
        tool_to(&mut text, name, tool);
    }
    text
}

fn tool_to(text: &mut String, name: &str, tool: &Tool) {
    let _infallible = writeln!(text, "\n[tool.{}]\neffect = {}", key(name), quoted(tool.effect.as_str()));
    if tool.answers == Answers::Text {
        text.push_str("answers = \"text\"\n");
    }
    for (list, words) in [("verbs", &tool.verbs), ("objects", &tool.objects)] {
        if !words.is_empty() {
            let _infallible = writeln!(text, "{list} = {}", list_of(words));
        }
    }
    if let Some(owner) = &tool.owner {
        let _infallible = writeln!(
            text,
            "owner = {{ field = {}, claim = {} }}",
            quoted(&owner.field),
            quoted(&owner.claim)
        );
    }
    if !tool.arguments.is_empty() {
        let _infallible = writeln!(text, "\n[tool.{}.arguments]", key(name));
    }
    for (path, argument) in &tool.arguments {
        let _infallible = writeln!(text, "{} = {}", key(path), argument_of(argument));
    }
}

fn argument_of(argument: &Argument) -> String {
    let role = quoted(argument.role.as_str());
    let mut more = String::new();
    if !argument.nouns.is_empty() {
        more.push_str(&format!(", nouns = {}", list_of(&argument.nouns)));
    }
    if argument.is_visible {
        more.push_str(", visible = true");
    }
    if let Some(claim) = &argument.claim {
        more.push_str(&format!(", claim = {}", quoted(claim)));
    }
    if !argument.known.is_empty() {
        more.push_str(&format!(", known = {}", list_of(&argument.known)));
    }
    if let Some(default) = &argument.default {
        more.push_str(&format!(", default = {}", quoted(default)));
    }
    if more.is_empty() { role } else { format!("{{ role = {role}{more} }}") }
}

fn list_of(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
