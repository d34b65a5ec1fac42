//! An exchange's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_types::{BotName, KeptExchange, KeyId, RequestId, SessionId};

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED, content};

const TABLE: &str = "exchanges";

/// The sealed cell of an exchange, under its person's key, with that key and whose it is.
pub(crate) async fn seal_exchange(
    cells: &Cells,
    exchange: &KeptExchange,
) -> Result<(CellKey, Option<Digest>, Vec<u8>), Fault> {
    let subject = exchange.user.as_ref().map(|user| cells.subject_of(&exchange.bot, user));
    let key = match &subject {
        Some(subject) => cells.subject_key(subject, exchange.at).await?,
        None => cells.system().clone(),
    };
    let cell = key.seal(clear(exchange).place(TABLE, SEALED), &content::encode(exchange)?)?;
    Ok((key, subject, cell))
}

/// The exchange that a row of `exchanges` holds.
pub(crate) async fn open_exchange(cells: &Cells, row: &impl Columns) -> Result<KeptExchange, Fault> {
    let id = row.text("request")?;
    let damaged = || Fault::Damaged { table: TABLE, id: id.clone() };
    let session = row.text_if_any("session")?;
    let tokens = match (row.number_if_any("input")?, row.number_if_any("output")?) {
        (Some(input), Some(output)) => {
            Some((token(input).ok_or_else(damaged)?, token(output).ok_or_else(damaged)?))
        }
        _ => None,
    };
    let mut exchange = KeptExchange {
        request: RequestId::parse(&id).map_err(|_| damaged())?,
        bot: BotName::parse(&row.text("bot")?).map_err(|_| damaged())?,
        key: KeyId::parse(&row.text("key")?).map_err(|_| damaged())?,
        session: session.as_deref().map(SessionId::parse).transpose().map_err(|_| damaged())?,
        user: None,
        at: from_column(row.number("at")?),
        expires: from_column(row.number("expires")?),
        operation: row.text("operation")?,
        model: String::new(),
        status: u16::try_from(row.number("status")?).map_err(|_| damaged())?,
        verdict: row.text("verdict")?,
        tokens,
        complete: row.number("complete")? == 1,
        content: None,
    };
    let opened = cells.open(clear(&exchange).place(TABLE, SEALED), &row.bytes(SEALED)?, TABLE, &id).await?;
    let opened = content::read(&opened).ok_or_else(damaged)?;
    (exchange.user, exchange.model, exchange.content) = (opened.user, opened.model, opened.content);
    Ok(exchange)
}

/// What an exchange's sealed cell is bound to.
fn clear(exchange: &KeptExchange) -> Clear {
    Clear::default()
        .text(exchange.request.as_str())
        .text(exchange.bot.as_str())
        .text(exchange.key.as_str())
        .text(exchange.session.as_ref().map_or("", SessionId::as_str))
        .time(exchange.at)
        .time(exchange.expires)
        .text(&exchange.operation)
        .number(Some(i64::from(exchange.status)))
        .text(&exchange.verdict)
        .number(exchange.tokens.map(|(input, _)| token_column(input)))
        .number(exchange.tokens.map(|(_, output)| token_column(output)))
        .number(Some(i64::from(exchange.complete)))
}

/// A count of tokens as databases keep it.
pub(crate) fn token_column(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn token(column: i64) -> Option<u64> {
    u64::try_from(column).ok()
}
