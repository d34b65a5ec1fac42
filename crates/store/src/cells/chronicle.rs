//! A chronicle's row.

use botwarden_crypto::CellKey;
use botwarden_policy::chronicle::Entry;
use botwarden_types::{SessionId, UnixMs};

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "chronicle";

/// The sealed cell of the session's `number`th entry, which came after so many turns.
pub(crate) fn seal_entry(
    key: &CellKey,
    session: &SessionId,
    number: i64,
    turns: i64,
    at: UnixMs,
    event: &[u8],
) -> Result<Vec<u8>, Fault> {
    Ok(key.seal(clear(session, number, turns, at).place(TABLE, SEALED), event)?)
}

/// The entry that a row of `chronicle` holds.
pub(crate) async fn open_entry(
    cells: &Cells,
    session: &SessionId,
    row: &impl Columns,
) -> Result<Entry, Fault> {
    let (number, turns) = (row.number("number")?, row.number("turns")?);
    let at = from_column(row.number("at")?);
    let place = clear(session, number, turns, at);
    let id = session.as_str();
    let event = cells.open(place.place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, id).await?;
    let counted =
        |number| u64::try_from(number).map_err(|_| Fault::Damaged { table: TABLE, id: id.to_owned() });
    Ok(Entry { number: counted(number)?, turns: counted(turns)?, at, event })
}

fn clear(session: &SessionId, number: i64, turns: i64, at: UnixMs) -> Clear {
    Clear::default().text(session.as_str()).number(Some(number)).number(Some(turns)).time(at)
}
