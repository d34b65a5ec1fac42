//! An exchange's row.

use botwarden_crypto::{CellKey, Digest, KeyNumber};
use botwarden_types::{BotName, KeptExchange, KeyId, RequestId, SessionId};
use tracing::warn;

use super::row::{Clear, from_column};
use super::{Cells, Columns, Fault, SEALED, content};

const TABLE: &str = "exchanges";

/// An exchange that is to be kept.
#[derive(Clone, Debug)]
pub struct NewExchange {
    /// What is kept.
    pub exchange: KeptExchange,
    /// The key of its person when the exchange began; `None` where nobody is named. If it was destroyed since, the exchange belongs to what was
    /// erased and is dropped: under a new key it would come back.
    pub key: Option<KeyNumber>,
}

impl NewExchange {
    /// Says that it is not kept.
    pub(crate) fn dropped(&self) {
        warn!(request = %self.exchange.request, "an exchange is dropped: its key is gone, because its person was erased meanwhile");
    }
}

/// What stands in an exchange's row beside its clear columns.
pub(crate) struct SealedExchange {
    pub(crate) key: CellKey,
    /// Whose it is.
    pub(crate) subject: Option<Digest>,
    pub(crate) cell: Vec<u8>,
}

/// The sealed cell of an exchange; `None` if its key is gone.
pub(crate) async fn seal_exchange(cells: &Cells, new: &NewExchange) -> Result<Option<SealedExchange>, Fault> {
    let NewExchange { exchange, key } = new;
    let id = exchange.request.as_str();
    let subject = exchange.user.as_ref().map(|user| cells.subject_of(&exchange.bot, user));
    let key = match (&subject, key) {
        (Some(_), Some(number)) => match cells.key(number, TABLE, id).await {
            Ok(key) => key,
            // Destroyed, or of a keyring that was put back from a time before it.
            Err(Fault::Erased | Fault::Open { .. }) => return Ok(None),
            Err(fault) => return Err(fault),
        },
        (None, None) => cells.system().clone(),
        (Some(_), None) | (None, Some(_)) => return Err(Fault::Damaged { table: TABLE, id: id.to_owned() }),
    };
    let cell = key.seal(clear(exchange).place(TABLE, SEALED), &content::encode(exchange)?)?;
    Ok(Some(SealedExchange { key, subject, cell }))
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
