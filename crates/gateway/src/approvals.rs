//! The backend's calls about approvals: what a session's person is asked, and what they answer.
//!
//! The application shows the question on its own channel and sends the answer with a key that the bot does not have. Everything is decided in
//! the store, so that whichever node is asked answers the same.

use botwarden_policy::approval::{
    Answer, Answered, Approval, ApprovalId, Decision, Endorse, Given, Person, State,
};
use botwarden_policy::chronicle::outcome_word;
use botwarden_policy::quarantine::Who;
use botwarden_types::{SessionId, UnixMs};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::disclose::Own;
use crate::stage::identify::Identified;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    decision: String,
    endorse: Option<String>,
}

/// A question as the application's front end reads it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    server: &'a str,
    tool: &'a str,
    arguments: &'a RawValue,
    text: &'a str,
    values: Vec<Value<'a>>,
    can_be_known: Vec<&'a str>,
    people_needed: u8,
    people_agreed: usize,
    created_at: String,
    expires_at: String,
}

/// What was found about one argument.
#[derive(Serialize)]
struct Value<'a> {
    at: &'a str,
    origin: &'a str,
    outcome: &'a str,
    text: &'a str,
}

/// An answer that was read: to which question of which session.
pub(crate) struct Said {
    answer: Answer,
}

impl Said {
    /// Reads an answer of `session`'s person.
    pub(crate) fn read(
        identified: &Identified,
        id: &str,
        session: &str,
        body: &[u8],
        now: UnixMs,
    ) -> Result<Self, Refusal> {
        let id = ApprovalId::parse(id).map_err(|_| Refusal::NoApproval)?;
        let session = SessionId::parse(session).map_err(|_| Refusal::NoApproval)?;
        let body: AnswerBody = serde_json::from_slice(body).map_err(|error| {
            let at = format!("line {} column {}", error.line(), error.column());
            let expected = r#"{"decision": "approve" | "deny", "endorse"?: "once" | "known"}"#;
            bad("body", format!("the body is not of the form {expected}: see {at}"))
        })?;
        let decision = match body.decision.as_str() {
            "approve" => Decision::Approve,
            "deny" => Decision::Deny,
            _ => return Err(bad("decision", "`decision`: expected `approve` or `deny`".into())),
        };
        let endorse = match body.endorse.as_deref() {
            None | Some("once") => Endorse::Once,
            Some("known") => Endorse::Known,
            Some(_) => return Err(bad("endorse", "`endorse`: expected `once` or `known`".into())),
        };
        let given = Given { by: Person::User, at: now, decision, endorse };
        let bot = identified.caller().bot.clone();
        Ok(Self { answer: Answer { id, session: Some((bot, session)), given } })
    }

    /// Whether it allows anything.
    pub(crate) fn approves(&self) -> bool {
        self.answer.given.decision == Decision::Approve
    }

    /// The question, for the audit log.
    pub(crate) fn id(&self) -> &str {
        self.answer.id.as_str()
    }

    /// The answer in a word, for the audit log.
    pub(crate) fn action(&self) -> &'static str {
        match (self.answer.given.decision, self.answer.given.endorse) {
            (Decision::Approve, Endorse::Once) => "approval.approve",
            (Decision::Approve, Endorse::Known) => "approval.approve-known",
            (Decision::Deny, _) => "approval.deny",
        }
    }
}

fn bad(param: &'static str, message: String) -> Refusal {
    Refusal::Field { param, message }
}

impl Worker {
    /// `GET /botwarden/v1/approvals?session=ID`
    pub(crate) async fn list_approvals(
        &self,
        identified: &Identified,
        session: &str,
        now: UnixMs,
    ) -> Result<Own, Refusal> {
        let session = SessionId::parse(session).map_err(|_| Refusal::NoSession)?;
        let bot = &identified.caller().bot;
        let pending =
            self.shared.approvals.pending(bot, &session, now).await.map_err(|error| failed(&error))?;
        let shown: Option<Vec<Shown<'_>>> = pending.iter().map(shown).collect();
        let body = serde_json::json!({ "approvals": shown.ok_or(Refusal::Internal)? });
        Ok(Own { status: StatusCode::OK, body: body.to_string().into() })
    }

    /// `POST /botwarden/v1/approvals/{id}?session=ID`
    pub(crate) async fn answer_approval(&self, said: &Said) -> Result<Own, Refusal> {
        let Said { answer } = said;
        if let Some((bot, session)) = answer.session.as_ref().filter(|_| said.approves()) {
            // Of what is stopped nothing is allowed, and everything may be denied.
            let who = Who { bot, session: Some(session), user: None };
            if self.shared.quarantine.stops(who).is_some() {
                return Err(Refusal::Quarantined);
            }
        }
        match self.shared.approvals.answer(answer).await.map_err(|error| failed(&error))? {
            Answered::Taken(state) => {
                let body = serde_json::json!({ "id": answer.id.as_str(), "state": state.as_str() });
                Ok(Own { status: StatusCode::OK, body: body.to_string().into() })
            }
            Answered::NotFound => Err(Refusal::NoApproval),
            Answered::Over(state) => Err(Refusal::ApprovalOver(over(state))),
            Answered::NotTheirs => Err(Refusal::ApprovalElsewhere("an operator has to answer this")),
            Answered::SamePerson => {
                Err(Refusal::ApprovalElsewhere("another person has to agree; this one has answered already"))
            }
            Answered::CannotBeKnown => {
                let message = "`endorse`: this call names no value that could be known, or as many are known of \
                               the person as may be; answer `once`";
                Err(bad("endorse", message.to_owned()))
            }
        }
    }
}

fn over(state: State) -> &'static str {
    match state {
        State::Pending | State::Approved => "it has been approved",
        State::Denied => "it has been denied",
        State::Used => "it has been used",
        State::Expired => "it has expired",
        State::Withdrawn => "it was withdrawn",
    }
}

/// `None` if its arguments are not JSON, which no version writes.
fn shown(approval: &Approval) -> Option<Shown<'_>> {
    let question = &approval.question;
    let values = question.findings.iter().map(|found| Value {
        at: &found.at,
        origin: &found.origin,
        outcome: outcome_word(found.outcome),
        text: &found.text,
    });
    let nobodys = question.call.holder.user.is_none();
    let parties = question.parties.iter().filter(|_| !nobodys).map(|party| party.argument.as_str());
    Some(Shown {
        id: approval.id.as_str(),
        server: &question.call.server,
        tool: &question.call.tool,
        arguments: serde_json::from_str(&question.call.arguments).ok()?,
        text: &question.text,
        values: values.collect(),
        can_be_known: parties.collect(),
        people_needed: question.needed.count(),
        people_agreed: approval.answers.len(),
        created_at: question.created.rfc3339(),
        expires_at: question.expires.rfc3339(),
    })
}

fn failed(error: &dyn std::error::Error) -> Refusal {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    let cause = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::error!(%error, cause, "the store did not answer");
    Refusal::Store
}
