//! A turn's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_identity::{KeptTurn, NewTurn, Turn};
use botwarden_types::{SessionId, Span, UnixMs};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "turns";

/// What a turn is found by and compared by, hashed once more under its person's key: the hashes it comes with are under the tenant's, and
/// could be compared with guesses when the person has long been erased.
pub(crate) struct TurnHashes {
    pub(crate) idempotency: Digest,
    pub(crate) body: Digest,
}

impl TurnHashes {
    pub(crate) fn of(key: &CellKey, new: &NewTurn<'_>) -> Self {
        Self::under(key, &new.idempotency, &new.body)
    }

    fn under(key: &CellKey, idempotency: &Digest, body: &Digest) -> Self {
        Self {
            idempotency: key.hash("turns.idempotency", idempotency.as_bytes()),
            body: key.hash("turns.body", body.as_bytes()),
        }
    }
}

/// The sealed cell of a turn that is to be the session's `number`th, under its person's key.
pub(crate) fn seal_turn(
    key: &CellKey,
    new: &NewTurn<'_>,
    hashes: &TurnHashes,
    number: i64,
) -> Result<Vec<u8>, Fault> {
    let place = clear(&new.id, new.session, number, hashes, new.created);
    Ok(key.seal(place.place(TABLE, SEALED), &TurnContent::encode(new.turn)?)?)
}

/// A turn's row as it is to be, where its hashes are still the tenant's: the hashes and the cell.
pub(crate) async fn key_turn(cells: &Cells, row: &impl Columns) -> Result<(TurnHashes, Vec<u8>), Fault> {
    let damaged = |id: &str| Fault::Damaged { table: TABLE, id: id.to_owned() };
    let session = row.text("session_id")?;
    let session = SessionId::parse(&session).map_err(|_| damaged(&session))?;
    let KeptTurn { id, turn, created } = open_turn(cells, &session, row).await?;
    let number = CellKey::number_of(&row.bytes(SEALED)?).ok_or_else(|| damaged(&id))?;
    let key = cells.key(&number, TABLE, &id).await?;
    let before = hashes(row)?.ok_or_else(|| damaged(&id))?;
    let hashes = TurnHashes::under(&key, &before.idempotency, &before.body);
    let place = clear(&id, &session, row.number("number")?, &hashes, created);
    let cell = key.seal(place.place(TABLE, SEALED), &TurnContent::encode(&turn)?)?;
    Ok((hashes, cell))
}

fn hashes(row: &impl Columns) -> Result<Option<TurnHashes>, Fault> {
    let read = |name| Ok::<_, Fault>(Digest::from_stored(&row.bytes(name)?));
    let (idempotency, body) = (read("idempotency")?, read("body")?);
    Ok(idempotency.zip(body).map(|(idempotency, body)| TurnHashes { idempotency, body }))
}

/// The turn that a row of `turns` holds.
pub(crate) async fn open_turn(
    cells: &Cells,
    session: &SessionId,
    row: &impl Columns,
) -> Result<KeptTurn, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let hashes = hashes(row)?.ok_or_else(damaged)?;
    let created = from_column(row.number("created")?);
    let place = clear(&id, session, row.number("number")?, &hashes, created);
    let opened = cells.open(place.place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    let turn = TurnContent::read(&opened).ok_or_else(damaged)?;
    Ok(KeptTurn { id, turn, created })
}

/// What a turn's sealed cell is bound to.
fn clear(id: &str, session: &SessionId, number: i64, hashes: &TurnHashes, created: UnixMs) -> Clear {
    let place = Clear::default().text(id).text(session.as_str()).number(Some(number));
    place.digest(&hashes.idempotency).digest(&hashes.body).time(created)
}

/// Inside of a turn's sealed cell, as JSON. Spans are in bytes of the text.
#[derive(Serialize, Deserialize)]
pub(super) struct TurnContent {
    text: String,
    pasted: Vec<(usize, usize)>,
}

impl TurnContent {
    pub(super) fn encode(turn: &Turn) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let pasted = turn.pasted().iter().map(|span| (span.start, span.end)).collect();
        let content = Self { text: turn.text().to_owned(), pasted };
        Ok(Zeroizing::new(serde_json::to_vec(&content)?))
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Turn> {
        let content: Self = serde_json::from_slice(bytes).ok()?;
        let pasted = content.pasted.into_iter().map(|(start, end)| Span { start, end }).collect();
        Turn::from_kept(content.text, pasted).ok()
    }
}
