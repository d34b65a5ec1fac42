//! An approval's row. Two cells: what was asked, bound to everything that never changes; and what was answered, bound to how the approval
//! stands too, so that whoever edits the database approves nothing.

use botwarden_crypto::{CellKey, Digest};
use botwarden_policy::approval::{
    Answerers, Approval, ApprovalId, Decision, Endorse, Evidence, Given, Party, People, Person, Question,
    State,
};
use botwarden_policy::chronicle::{outcome_of, outcome_word};
use botwarden_policy::{ExactCall, Holder};
use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "approvals";
const ANSWERS: &str = "answers";

/// What a call is found by: its hash under its person's key.
pub(crate) fn call_hash(key: &CellKey, call: &ExactCall) -> Digest {
    key.hash("approvals.call", &call.identity())
}

/// The numbers by which it is kept who may answer, and how many have to.
pub(crate) fn answerers_column(answerers: Answerers) -> i64 {
    match answerers {
        Answerers::User => 1,
        Answerers::Operator => 2,
        Answerers::Both => 3,
    }
}

pub(crate) fn needed_column(needed: People) -> i64 {
    i64::from(needed.count())
}

/// The sealed cells of a new approval: the question, and that nothing was answered.
pub(crate) fn seal_approval(
    key: &CellKey,
    id: &ApprovalId,
    question: &Question,
    call: &Digest,
) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let clear = clear(id, question, call);
    let content = Content::encode(question)?;
    let sealed = key.seal(clear.place(TABLE, SEALED), &content)?;
    Ok((sealed, seal_under(key, clear, State::Pending, &[])?))
}

/// The sealed cell of the answers of an approval that stands as said from now on.
pub(crate) fn seal_answers(
    key: &CellKey,
    approval: &Approval,
    state: State,
    answers: &[Given],
) -> Result<Vec<u8>, Fault> {
    let call = call_hash(key, &approval.question.call);
    seal_under(key, clear(&approval.id, &approval.question, &call), state, answers)
}

fn seal_under(key: &CellKey, clear: Clear, state: State, answers: &[Given]) -> Result<Vec<u8>, Fault> {
    let answers: Vec<WrittenAnswer> = answers.iter().map(WrittenAnswer::from).collect();
    let plain = Zeroizing::new(serde_json::to_vec(&answers)?);
    Ok(key.seal(clear.text(state.as_str()).place(TABLE, ANSWERS), &plain)?)
}

/// The key that an approval is sealed under.
pub(crate) async fn approval_key(cells: &Cells, row: &impl Columns) -> Result<CellKey, Fault> {
    let id = row.text("id")?;
    let number = CellKey::number_of(&row.bytes(SEALED)?)
        .ok_or_else(|| Fault::Damaged { table: TABLE, id: id.clone() })?;
    cells.key(&number, TABLE, &id).await
}

/// The approval that a row of `approvals` holds, as it stands at `now`.
pub(crate) fn open_approval(
    cells: &Cells,
    key: &CellKey,
    row: &impl Columns,
    now: UnixMs,
) -> Result<Approval, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let unopened = |source| Fault::Open { table: TABLE, id: id.clone(), source };
    let session = row.text_if_any("session")?;
    let holder = Holder {
        bot: BotName::parse(&row.text("bot")?).map_err(|_| damaged())?,
        key: KeyId::parse(&row.text("key")?).map_err(|_| damaged())?,
        session: session.as_deref().map(SessionId::parse).transpose().map_err(|_| damaged())?,
        user: None,
    };
    let (server, tool) = (row.text("server")?, row.text("tool")?);
    let blank = ExactCall::from_canonical(holder, &server, &tool, String::new().into());
    let mut question = Question {
        call: blank.map_err(|_| damaged())?,
        text: String::new(),
        findings: Vec::new(),
        parties: Vec::new(),
        answerers: answerers(row.number("answerers")?).ok_or_else(damaged)?,
        needed: if row.number("needed")? == 1 { People::One } else { People::Two },
        created: from_column(row.number("created")?),
        expires: from_column(row.number("expires")?),
    };
    let call = Digest::from_stored(&row.bytes("call")?).ok_or_else(damaged)?;
    let parsed = ApprovalId::parse(&id).map_err(|_| damaged())?;
    let place = clear(&parsed, &question, &call);
    let opened = key.open(place.place(TABLE, SEALED), &row.bytes(SEALED)?).map_err(unopened)?;
    Content::read(&opened, &mut question).ok_or_else(damaged)?;
    // A question filed under another person would outlive the erasure of its own; one filed under another call would allow that.
    let holder = &question.call.holder;
    let subject = holder.user.as_ref().map(|user| cells.subject_of(&holder.bot, user));
    let filed = row.bytes_if_any("subject")?;
    if filed.as_deref() != subject.as_ref().map(|subject| subject.as_bytes().as_slice())
        || call_hash(key, &question.call) != call
    {
        return Err(damaged());
    }
    let stands = stands(&row.text("state")?).ok_or_else(damaged)?;
    let place = clear(&parsed, &question, &call).text(stands.as_str());
    let answers = key.open(place.place(TABLE, ANSWERS), &row.bytes(ANSWERS)?).map_err(unopened)?;
    let answers = WrittenAnswer::read(&answers).ok_or_else(damaged)?;
    let state = match (row.number_if_any("withdrawn")?, stands) {
        (_, State::Used) => State::Used,
        (_, State::Denied) => State::Denied,
        (Some(_), _) => State::Withdrawn,
        (None, _) if question.expires <= now => State::Expired,
        (None, stands) => stands,
    };
    Ok(Approval { id: parsed, question, state, answers })
}

fn answerers(column: i64) -> Option<Answerers> {
    let all = [Answerers::User, Answerers::Operator, Answerers::Both];
    all.into_iter().find(|answerers| answerers_column(*answerers) == column)
}

/// What is kept of how an approval stands: the rest is up to the clock, or was taken back.
fn stands(word: &str) -> Option<State> {
    [State::Pending, State::Approved, State::Denied, State::Used]
        .into_iter()
        .find(|state| state.as_str() == word)
}

/// What an approval's sealed cells are bound to: everything but what becomes of it.
fn clear(id: &ApprovalId, question: &Question, call: &Digest) -> Clear {
    let ExactCall { holder, server, tool, .. } = &question.call;
    Clear::default()
        .text(id.as_str())
        .text(holder.bot.as_str())
        .text(holder.key.as_str())
        .text(holder.session.as_ref().map_or("", SessionId::as_str))
        .text(server)
        .text(tool)
        .digest(call)
        .number(Some(answerers_column(question.answerers)))
        .number(Some(needed_column(question.needed)))
        .time(question.created)
        .time(question.expires)
}

/// Inside of an approval's sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
struct Content {
    user: Option<String>,
    arguments: String,
    text: String,
    /// Path, outcome, origin, words.
    findings: Vec<(String, String, String, String)>,
    parties: Vec<(String, String)>,
}

impl Content {
    fn encode(question: &Question) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let findings = question.findings.iter().map(|finding| {
            let Evidence { at, outcome, origin, text } = finding;
            (at.clone(), outcome_word(*outcome).to_owned(), origin.clone(), text.clone())
        });
        let parties = question.parties.iter().map(|party| (party.argument.clone(), party.value.clone()));
        let content = Self {
            user: question.call.holder.user.as_ref().map(|user| user.as_str().to_owned()),
            arguments: question.call.arguments.to_string(),
            text: question.text.clone(),
            findings: findings.collect(),
            parties: parties.collect(),
        };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    /// Fills in what is sealed.
    fn read(bytes: &[u8], question: &mut Question) -> Option<()> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        question.call.holder.user = content.user.map(|user| UserName::parse(&user)).transpose().ok()?;
        question.call.arguments = content.arguments.into();
        question.text = content.text;
        for (at, outcome, origin, text) in content.findings {
            let outcome = outcome_of(&outcome)?;
            question.findings.push(Evidence { at, outcome, origin, text });
        }
        let parties = content.parties.into_iter();
        question.parties = parties.map(|(argument, value)| Party { argument, value }).collect();
        Some(())
    }
}

/// An answer as JSON.
#[derive(Serialize, Deserialize)]
struct WrittenAnswer {
    /// Absent for the person served.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
    at: u64,
    approve: bool,
    known: bool,
}

impl From<&Given> for WrittenAnswer {
    fn from(given: &Given) -> Self {
        Self {
            operator: match &given.by {
                Person::User => None,
                Person::Operator(name) => Some(name.clone()),
            },
            at: given.at.0,
            approve: given.decision == Decision::Approve,
            known: given.endorse == Endorse::Known,
        }
    }
}

impl WrittenAnswer {
    fn read(bytes: &[u8]) -> Option<Vec<Given>> {
        let written: Vec<Self> = serde_json::from_slice(bytes).ok()?;
        let given = written.into_iter().map(|written| Given {
            by: written.operator.map_or(Person::User, Person::Operator),
            at: UnixMs(written.at),
            decision: if written.approve { Decision::Approve } else { Decision::Deny },
            endorse: if written.known { Endorse::Known } else { Endorse::Once },
        });
        Some(given.collect())
    }
}
