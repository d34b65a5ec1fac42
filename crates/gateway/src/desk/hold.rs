//! Holds a call until a person says so.

use botwarden_policy::approval::{
    APPROVAL_TTL_MS, Answerers, ApprovalId, Asked as Question_, Evidence, PARTIES_MAX, Party, PendingMax,
    People, Question, Redeemed,
};
use botwarden_policy::contract::{Effect, Role};
use botwarden_policy::decide::leaves_of;
use botwarden_policy::{Decision, ExactCall, Holder, Outcome, Place};
use botwarden_types::UnixMs;

use super::resolve::Read;
use super::{Inner, Patron, Verdict};

/// What came of asking.
pub(super) enum Held {
    /// Somebody said yes, and it is used up if the call is made now.
    Approved,
    /// Not yet, or no.
    Not(Verdict),
}

/// Characters of a value shown to a person.
const SHOWN_CHARS_MAX: usize = 300;

impl Inner {
    pub(super) async fn hold(&self, patron: &Patron, read: &Read<'_>, decision: &Decision) -> Held {
        let holder = Holder {
            bot: patron.bot.config.name.clone(),
            key: patron.caller.key.clone(),
            session: patron.caller.session.as_ref().map(|session| session.id.clone()),
            user: patron.user.clone(),
        };
        let Ok(call) = ExactCall::new(holder, &read.call) else {
            return refused(
                "approval-impossible",
                "denied: a person would have to agree, and nobody reads arguments that long".to_owned(),
            );
        };
        // Used up where the call is made: by us, or by the application right after we let it through.
        let is_made_now = read.call.place == Place::Called || !read.found.is_ours;
        let now = self.ports.clock.wall();
        if is_made_now {
            match self.ports.approvals.redeem(&call, now).await {
                Ok(Redeemed::Yes(_)) => return Held::Approved,
                Ok(Redeemed::Stopped) => {
                    return refused("quarantined", "denied: stopped by an operator".to_owned());
                }
                Ok(Redeemed::No) => {}
                Err(error) => return failed(&error),
            }
        }
        let Ok(id) = ApprovalId::random() else {
            return refused("policy-unavailable", "denied: nobody can be asked".to_owned());
        };
        let question = question(call, read, decision, now);
        let asked = self.ports.approvals.ask(&id, &question, PendingMax::default()).await;
        match asked {
            // Allowed meanwhile. Where it is made now, it was looked for just before, so somebody is asked again at once.
            Ok(Question_::Approved(_)) if !is_made_now => Held::Approved,
            Ok(Question_::Approved(id)) | Ok(Question_::Pending(id, _)) => {
                refused("approval-required", format!("approval required: {id}. {}", why(decision)))
            }
            Ok(Question_::Denied(_)) => {
                refused("approval-denied", "denied: the user was asked and said no".to_owned())
            }
            Ok(Question_::Stopped) => refused("quarantined", "denied: stopped by an operator".to_owned()),
            Ok(Question_::TooMuch) => refused(
                "approval-impossible",
                "denied: a person would have to agree, and nobody reads arguments that long".to_owned(),
            ),
            Ok(Question_::NoSession) => refused("session-over", "denied: the session is over".to_owned()),
            Ok(Question_::TooMany { of, max }) => refused(
                "approvals-full",
                format!("denied: {max} questions of one {of} wait for an answer already"),
            ),
            Err(error) => failed(&error),
        }
    }
}

fn refused(reason: &'static str, text: String) -> Held {
    Held::Not(Verdict::Refused { reason, text })
}

fn failed(error: &dyn std::error::Error) -> Held {
    tracing::error!(%error, "an approval could not be kept");
    refused("policy-unavailable", "denied: nobody can be asked just now; try again".to_owned())
}

/// Why somebody has to be asked, for the agent.
fn why(decision: &Decision) -> String {
    let open = decision.findings.iter().filter(|finding| finding.outcome == Outcome::Ask);
    let texts: Vec<&str> = open.map(|finding| finding.text.as_str()).collect();
    texts.join("; ")
}

fn question(call: ExactCall, read: &Read<'_>, decision: &Decision, now: UnixMs) -> Question {
    let tool = read.contract_tool();
    let leaves = leaves_of(&read.call.arguments);
    let is_party = |path: &str| {
        tool.and_then(|tool| tool.argument(path)).is_none_or(|argument| argument.role == Role::Party)
    };
    let parties = leaves.iter().filter(|leaf| is_party(&leaf.path) && !leaf.text.trim().is_empty());
    let parties = parties
        .take(PARTIES_MAX)
        .map(|leaf| Party { argument: general(&leaf.path), value: leaf.text.clone() })
        .collect();
    let mut text = format!(
        "The bot wants to {} with `{}` of `{}`.",
        verb(tool.map(|tool| tool.effect)),
        read.found.tool,
        read.found.server
    );
    for leaf in leaves.iter().filter(|leaf| !leaf.text.trim().is_empty()) {
        let shown: String = leaf.text.chars().take(SHOWN_CHARS_MAX).collect();
        text.push_str(&format!("\n{}: {shown}", leaf.path));
    }
    for finding in decision.findings.iter().filter(|finding| finding.outcome == Outcome::Ask) {
        text.push_str(&format!("\n- {}", finding.text));
    }
    truncate(&mut text, botwarden_policy::approval::TEXT_BYTES_MAX);
    let findings: Vec<Evidence> =
        decision.findings.iter().take(botwarden_policy::approval::FINDINGS_MAX).map(Evidence::from).collect();
    Question {
        call,
        text,
        findings,
        parties,
        answerers: Answerers::Both,
        needed: People::One,
        created: now,
        expires: UnixMs(now.0.saturating_add(APPROVAL_TTL_MS)),
    }
}

fn verb(effect: Option<Effect>) -> &'static str {
    match effect {
        Some(Effect::Pay) => "pay",
        Some(Effect::Send) => "write to somebody",
        Some(Effect::Book) => "book something",
        Some(Effect::Delete) => "delete something",
        Some(Effect::Access) => "change who may do what",
        Some(Effect::Browse) => "open something outside",
        Some(Effect::Read) => "read something",
        Some(Effect::Write) | None => "change something",
    }
}

fn truncate(text: &mut String, max: usize) {
    while text.len() > max {
        text.pop();
    }
}

/// `recipients[]` of `recipients[2]`.
fn general(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let mut inside = false;
    for char in path.chars() {
        inside = (inside || char == '[') && char != ']';
        if !inside || char == '[' {
            general.push(char);
        }
    }
    general
}
