//! What operators do goes into the audit log before it is done.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use botwarden_audit::{Change, Event, Hash, OperatorAction, Verdict, Word, WordError};
use botwarden_store::audit::AuditLog;
use botwarden_store::control::{self, News, Notified};
use botwarden_store::{DataDir, Keyring, LockError};
use botwarden_types::{Clock, SystemClock};

use crate::exit;

/// An operator's action as an entry.
pub(crate) fn event(operator: &str, action: &str, target: &str) -> Result<Event, WordError> {
    Ok(Event::Operator(OperatorAction {
        operator: Word::parse(operator)?,
        action: Word::parse(action)?,
        target: Some(Word::parse(target)?),
        details: None,
        verdict: Verdict::Allowed,
        reason: None,
    }))
}

/// A configuration that was put in force, as an entry.
pub(crate) fn configured(
    before: Option<[u8; 32]>,
    after: [u8; 32],
    generation: u64,
) -> Result<Event, WordError> {
    let (by, before) = (Word::parse("file")?, before.map(Hash));
    Ok(Event::Configuration(Change { by, before, after: Hash(after), generation }))
}

/// Who runs this command.
pub(crate) fn operator() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}

/// Writes down what is about to be done: by the server that runs on the directory, or else here. When it returns it is on disk.
pub(crate) async fn record(
    dir: &DataDir,
    keyring: &Arc<Keyring>,
    action: &str,
    target: &str,
) -> anyhow::Result<()> {
    let operator = operator();
    let news =
        News::Operator { operator: operator.clone(), action: action.to_owned(), target: target.to_owned() };
    // A server that starts or stops meanwhile is found at the second try.
    for _ in 0..2 {
        let told = exit::patiently("waiting for the running server …", control::tell(dir, &news)).await;
        match told.context("writing the audit log")? {
            Notified::Acknowledged { .. } => return Ok(()),
            Notified::NobodyListens => match dir.lock() {
                Ok(_held) => return here(dir, keyring, event(&operator, action, target)?).await,
                Err(LockError::Taken { .. }) => {}
                Err(error) => return Err(error).context("writing the audit log"),
            },
        }
    }
    Err(anyhow!("a server is starting or stopping on this data directory; try again"))
}

async fn here(dir: &DataDir, keyring: &Arc<Keyring>, event: Event) -> anyhow::Result<()> {
    let now = SystemClock.now().wall;
    let audit = AuditLog::open(dir, keyring.clone(), env!("CARGO_PKG_VERSION"), now).await?;
    let written = match audit.note(now, event) {
        Ok(receipt) => receipt.durable().await,
        Err(refused) => Err(refused),
    };
    // Closed in any case, before the right to write is given back.
    tokio::task::spawn_blocking(move || audit.close("command", now))
        .await
        .context("closing the audit log")?;
    written.context("writing the audit log")
}
