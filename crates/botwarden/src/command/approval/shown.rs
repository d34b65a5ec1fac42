//! An approval as people and programs read it.

use std::fmt::Write as _;

use botwarden_policy::approval::{Answerers, Approval, Decision, Endorse, Given, Person};
use botwarden_policy::chronicle::outcome_word;
use botwarden_types::{SessionId, UserName};
use serde::Serialize;
use serde_json::value::RawValue;

/// An approval as programs read it.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    id: &'a str,
    state: &'static str,
    bot: &'a str,
    key: &'a str,
    session: Option<&'a str>,
    user: Option<&'a str>,
    server: &'a str,
    tool: &'a str,
    arguments: Option<&'a RawValue>,
    text: &'a str,
    values: Vec<Value<'a>>,
    can_be_known: Vec<&'a str>,
    answerers: &'static str,
    people_needed: u8,
    answers: Vec<Answer<'a>>,
    created: String,
    expires: String,
}

#[derive(Serialize)]
struct Value<'a> {
    at: &'a str,
    origin: &'a str,
    outcome: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Answer<'a> {
    by: &'a str,
    at: String,
    decision: &'static str,
    endorse: &'static str,
}

pub(super) fn json(approval: &Approval) -> Json<'_> {
    let (question, holder) = (&approval.question, &approval.question.call.holder);
    let values = question.findings.iter().map(|found| Value {
        at: &found.at,
        origin: &found.origin,
        outcome: outcome_word(found.outcome),
        text: &found.text,
    });
    Json {
        id: approval.id.as_str(),
        state: approval.state.as_str(),
        bot: holder.bot.as_str(),
        key: holder.key.as_str(),
        session: holder.session.as_ref().map(SessionId::as_str),
        user: holder.user.as_ref().map(UserName::as_str),
        server: &question.call.server,
        tool: &question.call.tool,
        arguments: serde_json::from_str(&question.call.arguments).ok(),
        text: &question.text,
        values: values.collect(),
        can_be_known: question.parties.iter().map(|party| party.argument.as_str()).collect(),
        answerers: answerers(question.answerers),
        people_needed: question.needed.count(),
        answers: approval.answers.iter().map(answer).collect(),
        created: question.created.rfc3339(),
        expires: question.expires.rfc3339(),
    }
}

fn answer(given: &Given) -> Answer<'_> {
    Answer {
        by: by(given),
        at: given.at.rfc3339(),
        decision: if given.decision == Decision::Approve { "approve" } else { "deny" },
        endorse: if given.endorse == Endorse::Known { "known" } else { "once" },
    }
}

fn by(given: &Given) -> &str {
    match &given.by {
        Person::User => "user",
        Person::Operator(name) => name,
    }
}

pub(super) fn answerers(answerers: Answerers) -> &'static str {
    match answerers {
        Answerers::User => "user",
        Answerers::Operator => "operator",
        Answerers::Both => "user or operator",
    }
}

/// The same for a terminal, over several lines. What did not come from us is quoted, so that nothing in it can pose as ours.
pub(super) fn text(approval: &Approval) -> String {
    let (question, holder) = (&approval.question, &approval.question.call.holder);
    let mut lines = vec![
        ("approval", approval.id.to_string()),
        ("state", approval.state.as_str().to_owned()),
        ("bot", holder.bot.to_string()),
    ];
    lines.extend(holder.session.as_ref().map(|session| ("session", session.to_string())));
    lines.extend(holder.user.as_ref().map(|user| ("user", quoted(user.as_str()))));
    lines.extend([
        ("tool", quoted(&format!("{}__{}", question.call.server, question.call.tool))),
        ("arguments", quoted(&question.call.arguments)),
        ("question", quoted(&question.text)),
        ("answered by", format!("{} ({} needed)", answerers(question.answerers), question.needed.count())),
        ("asked", question.created.rfc3339()),
        ("expires", question.expires.rfc3339()),
    ]);
    for found in &question.findings {
        let words = [outcome_word(found.outcome), &quoted(&found.at), &found.origin, &quoted(&found.text)];
        lines.push(("value", words.join("  ")));
    }
    for given in &approval.answers {
        let Answer { by, at, decision, endorse } = answer(given);
        lines.push(("answer", format!("{decision} ({endorse}) by {by} at {at}")));
    }
    let mut text = String::new();
    for (name, words) in lines {
        let _ = writeln!(text, "{name:<12} {words}");
    }
    text
}

/// Words without what a terminal would act on.
pub(super) fn quoted(words: &str) -> String {
    words.chars().map(|c| if is_safe(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

/// Characters that neither move the cursor nor turn the direction of writing nor hide.
fn is_safe(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(quoted("é\u{1b}[2J\n\u{202e}x"), "é\\u{1b}[2J\\u{a}\\u{202e}x");
    }
}
