//! A session's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_identity::{Claims, StoredSession};
use botwarden_types::{BotName, KeyId, SessionId, UserName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "sessions";

/// The sealed cell of a session, under its person's key.
pub(crate) fn seal_session(key: &CellKey, session: &StoredSession) -> Result<Vec<u8>, Fault> {
    let content = SessionContent::encode(session)?;
    Ok(key.seal(clear(session).place(TABLE, SEALED), &content)?)
}

/// The session that a row of `sessions` holds.
pub(crate) async fn open_session(cells: &Cells, row: &impl Columns) -> Result<StoredSession, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    // A name that stands in for the user's until the cell is open.
    let unknown = UserName::parse("?").map_err(|_| damaged())?;
    let mut session = StoredSession {
        id: SessionId::parse(&id).map_err(|_| damaged())?,
        hash: Digest::from_stored(&row.bytes("hash")?).ok_or_else(damaged)?,
        bot: BotName::parse(&row.text("bot")?).map_err(|_| damaged())?,
        key: KeyId::parse(&row.text("key")?).map_err(|_| damaged())?,
        user: unknown,
        claims: Claims::default(),
        created: from_column(row.number("created")?),
        expires: from_column(row.number("expires")?),
    };
    let opened = cells.open(clear(&session).place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    (session.user, session.claims) = SessionContent::read(&opened).ok_or_else(damaged)?;
    // A session filed under another person, or under nobody, would outlive the erasure of its own.
    let subject = row.bytes_if_any("subject")?;
    let own = cells.subject_of(&session.bot, &session.user);
    if subject.is_none_or(|subject| subject != own.as_bytes()) {
        return Err(damaged());
    }
    Ok(session)
}

/// The key that the session in a row of `sessions` is sealed under, and what is said in it; `None` if it was destroyed. The row is opened, because
/// what it says of its key holds only if it does.
pub(crate) async fn session_key(cells: &Cells, row: &impl Columns) -> Result<Option<CellKey>, Fault> {
    let session = match open_session(cells, row).await {
        Ok(session) => session,
        Err(Fault::Erased) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let id = session.id.as_str();
    let number = CellKey::number_of(&row.bytes(SEALED)?)
        .ok_or_else(|| Fault::Damaged { table: TABLE, id: id.to_owned() })?;
    match cells.key(&number, TABLE, id).await {
        Ok(key) => Ok(Some(key)),
        Err(Fault::Erased) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What a session's sealed cell is bound to: everything but its end, which comes later.
fn clear(session: &StoredSession) -> Clear {
    Clear::default()
        .text(session.id.as_str())
        .digest(&session.hash)
        .text(session.bot.as_str())
        .text(session.key.as_str())
        .time(session.created)
        .time(session.expires)
}

/// Inside of a session's sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionContent {
    user: String,
    claims: Box<RawValue>,
}

impl SessionContent {
    pub(super) fn encode(session: &StoredSession) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let claims = RawValue::from_string(session.claims.to_json())?;
        let content = Self { user: session.user.as_str().to_owned(), claims };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    pub(super) fn read(bytes: &[u8]) -> Option<(UserName, Claims)> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        Some((UserName::parse(&content.user).ok()?, Claims::parse(content.claims.get()).ok()?))
    }
}
