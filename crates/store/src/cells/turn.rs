//! A turn's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_identity::{KeptTurn, NewTurn, Turn};
use botwarden_types::{SessionId, Span, UnixMs};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "turns";

/// The sealed cell of a turn that is to be the session's `number`th, under its person's key.
pub(crate) fn seal_turn(key: &CellKey, new: &NewTurn<'_>, number: i64) -> Result<Vec<u8>, Fault> {
    let content = TurnContent::encode(new.turn)?;
    let place = clear(&new.id, new.session, number, &new.idempotency, &new.body, new.created);
    Ok(key.seal(place.place(TABLE, SEALED), &content)?)
}

/// The turn that a row of `turns` holds.
pub(crate) async fn open_turn(
    cells: &Cells,
    session: &SessionId,
    row: &impl Columns,
) -> Result<KeptTurn, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let idempotency = Digest::from_stored(&row.bytes("idempotency")?).ok_or_else(damaged)?;
    let body = Digest::from_stored(&row.bytes("body")?).ok_or_else(damaged)?;
    let created = from_column(row.number("created")?);
    let place = clear(&id, session, row.number("number")?, &idempotency, &body, created);
    let opened = cells.open(place.place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    let turn = TurnContent::read(&opened).ok_or_else(damaged)?;
    Ok(KeptTurn { id, turn, created })
}

/// What a turn's sealed cell is bound to.
fn clear(
    id: &str,
    session: &SessionId,
    number: i64,
    idempotency: &Digest,
    body: &Digest,
    created: UnixMs,
) -> Clear {
    let place = Clear::default().text(id).text(session.as_str()).number(Some(number));
    place.digest(idempotency).digest(body).time(created)
}

/// Inside of a turn's sealed cell, as JSON. Spans are in bytes of the text.
#[derive(Serialize, Deserialize)]
struct TurnContent {
    text: String,
    pasted: Vec<(usize, usize)>,
}

impl TurnContent {
    fn encode(turn: &Turn) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let pasted = turn.pasted().iter().map(|span| (span.start, span.end)).collect();
        let content = Self { text: turn.text().to_owned(), pasted };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    fn read(bytes: &[u8]) -> Option<Turn> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        let pasted = content.pasted.into_iter().map(|(start, end)| Span { start, end }).collect();
        Turn::from_kept(content.text, pasted).ok()
    }
}
