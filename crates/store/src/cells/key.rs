//! A credential's row.

use botwarden_crypto::Digest;
use botwarden_identity::{KeyRecord, Rights, StoredKey};
use botwarden_types::{BotName, KeyId};

use super::row::{Clear, from_column, to_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "keys";

/// The sealed cell of a key: its label.
pub(crate) fn seal_key(cells: &Cells, key: &StoredKey) -> Result<Vec<u8>, Fault> {
    // The label or its absence, marked by the first byte.
    let label = key.record.label.as_deref().map_or_else(Vec::new, |label| [b"=", label.as_bytes()].concat());
    Ok(cells.system().seal(clear(key).place(TABLE, SEALED), &label)?)
}

/// The key that a row of `keys` holds.
pub(crate) async fn open_key(cells: &Cells, row: &impl Columns) -> Result<StoredKey, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let rights = u8::try_from(row.number("rights")?).map_err(|_| damaged())?;
    let mut key = StoredKey {
        hash: Digest::from_stored(&row.bytes("hash")?).ok_or_else(damaged)?,
        record: KeyRecord {
            id: KeyId::parse(&id).map_err(|_| damaged())?,
            bot: BotName::parse(&row.text("bot")?).map_err(|_| damaged())?,
            rights: Rights::from_bits(rights).map_err(|_| damaged())?,
            label: None,
            created: from_column(row.number("created")?),
            expires: row.number_if_any("expires")?.map(from_column),
            revoked: row.number_if_any("revoked")?.map(from_column),
        },
    };
    let opened = cells.open(clear(&key).place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    key.record.label = match opened.split_first() {
        None => None,
        Some((_, label)) => Some(String::from_utf8(label.to_vec()).map_err(|_| damaged())?),
    };
    Ok(key)
}

/// What a key's sealed cell is bound to: everything but its revocation, which comes later.
fn clear(key: &StoredKey) -> Clear {
    let record = &key.record;
    Clear::default()
        .text(record.id.as_str())
        .digest(&key.hash)
        .text(record.bot.as_str())
        .number(Some(i64::from(record.rights.to_bits())))
        .time(record.created)
        .number(record.expires.map(to_column))
}
