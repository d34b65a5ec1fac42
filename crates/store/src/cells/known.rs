//! A known value's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_policy::approval::{Approval, ApprovalId, Known, Party};
use botwarden_types::UnixMs;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED};

const TABLE: &str = "known_values";

/// A row to be kept.
pub(crate) struct SealedKnown {
    pub(crate) id: String,
    /// What the same value in the same place is found by.
    pub(crate) finder: Digest,
    pub(crate) cell: Vec<u8>,
}

/// Inside of a known value's sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
struct Content {
    server: String,
    tool: String,
    argument: String,
    value: String,
}

/// The rows that an approval's answer makes.
pub(crate) fn seal_known(key: &CellKey, approval: &Approval, now: UnixMs) -> Result<Vec<SealedKnown>, Fault> {
    let call = &approval.question.call;
    let mut rows = Vec::with_capacity(approval.question.parties.len());
    for (at, Party { argument, value }) in approval.question.parties.iter().enumerate() {
        let id = format!("{}-{at}", approval.id.as_str().replacen("apr_", "knw_", 1));
        let place = [&call.server, &call.tool, argument, value];
        let place = place.into_iter().fold(Clear::default(), |clear, text| clear.text(text));
        let finder = key.hash("known_values.value", place.as_bytes());
        let content = Content {
            server: call.server.clone(),
            tool: call.tool.clone(),
            argument: argument.clone(),
            value: value.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&content)?);
        let cell = key.seal(clear(&id, &finder, &approval.id, now).place(TABLE, SEALED), &plain)?;
        rows.push(SealedKnown { id, finder, cell });
    }
    Ok(rows)
}

/// The value that a row of `known_values` holds.
pub(crate) async fn open_known(cells: &Cells, row: &impl Columns) -> Result<Known, Fault> {
    let id = row.text("id")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let finder = Digest::from_stored(&row.bytes("finder")?).ok_or_else(damaged)?;
    let approval = ApprovalId::parse(&row.text("approval")?).map_err(|_| damaged())?;
    let since = from_column(row.number("created")?);
    let place = clear(&id, &finder, &approval, since);
    let opened = cells.open(place.place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    let content: Content = serde_json::from_slice(&opened).map_err(|_| damaged())?;
    let Content { server, tool, argument, value } = content;
    Ok(Known { id, server, tool, party: Party { argument, value }, since, approval })
}

fn clear(id: &str, finder: &Digest, approval: &ApprovalId, since: UnixMs) -> Clear {
    Clear::default().text(id).digest(finder).text(approval.as_str()).time(since)
}
