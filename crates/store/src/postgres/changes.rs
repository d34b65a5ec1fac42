//! What one node changes, the others are told: `NOTIFY` in the transaction that changes it, delivered when that commits.

use std::fmt;
use std::sync::Arc;

use botwarden_crypto::{RandomnessError, identifier};
use botwarden_identity::StoreError;
use botwarden_types::SessionId;
use sqlx::postgres::{PgConnection, PgListener};

use super::Postgres;
use super::database::PostgresDatabase;
use crate::cells::failed;

/// The channel; each database has its own.
pub(super) const CHANNEL: &str = "botwarden";
const LISTENING: &str = "listening for what other nodes change";

/// What another process has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Keys were issued or revoked.
    Keys,
    /// Something was stopped, or lifted.
    Stops,
    /// A session was opened or ended.
    Session(SessionId),
    /// Anything: persons were erased, or the connection was lost for a while.
    Anything,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys => f.write_str("keys"),
            Self::Stops => f.write_str("stops"),
            Self::Session(id) => write!(f, "session {id}"),
            Self::Anything => f.write_str("anything"),
        }
    }
}

impl Change {
    /// What a later version tells is not known here, so it may be anything.
    pub(crate) fn read(text: &str) -> Self {
        match text.split_once(' ') {
            None if text == "keys" => Self::Keys,
            None if text == "stops" => Self::Stops,
            Some(("session", id)) => SessionId::parse(id).map_or(Self::Anything, Self::Session),
            _ => Self::Anything,
        }
    }
}

/// Tells of changes, under a name by which this process knows its own words.
#[derive(Clone)]
pub(super) struct Teller(Arc<str>);

impl Teller {
    pub(super) fn new() -> Result<Self, RandomnessError> {
        Ok(Self(identifier()?.into()))
    }

    /// Tells of a change when the transaction commits.
    pub(super) async fn tell(
        &self,
        connection: &mut PgConnection,
        change: &Change,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(format!("{} {change}", self.0))
            .execute(connection)
            .await
            .map(drop)
    }
}

/// What other processes change, as it comes.
pub struct Changes {
    database: PostgresDatabase,
    own: Arc<str>,
    /// `None` after the connection was lost.
    listener: Option<PgListener>,
}

impl Postgres {
    /// Listens from now on. Read keys and sessions *after* this returns, so that no change falls between.
    pub async fn changes(&self) -> Result<Changes, StoreError> {
        let listener = listen(&self.database).await.map_err(|error| failed(LISTENING)(error.into()))?;
        Ok(Changes { database: self.database.clone(), own: self.teller.0.clone(), listener: Some(listener) })
    }
}

impl Changes {
    /// The next change by another process. An error says that the server is not reached; the next call tries again, and what was missed
    /// meanwhile comes as [`Change::Anything`].
    pub async fn next(&mut self) -> Result<Change, StoreError> {
        self.hear().await.map_err(|error| failed(LISTENING)(error.into()))
    }

    async fn hear(&mut self) -> Result<Change, sqlx::Error> {
        let Some(listener) = &mut self.listener else {
            self.listener = Some(listen(&self.database).await?);
            return Ok(Change::Anything);
        };
        loop {
            let notification = match listener.try_recv().await {
                Ok(Some(notification)) => notification,
                // The connection was lost, and there is a new one.
                Ok(None) => return Ok(Change::Anything),
                Err(error) => {
                    self.listener = None;
                    return Err(error);
                }
            };
            match notification.payload().split_once(' ') {
                Some((teller, _)) if teller == &*self.own => {}
                Some((_, change)) => return Ok(Change::read(change)),
                None => return Ok(Change::Anything),
            }
        }
    }
}

async fn listen(database: &PostgresDatabase) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(&database.pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_understood_and_what_is_not_may_be_anything() {
        let session = Change::Session(SessionId::parse("ses_a").unwrap());
        for change in [Change::Keys, Change::Stops, session, Change::Anything] {
            assert_eq!(Change::read(&change.to_string()), change);
        }
        for text in ["", "key", "keys x", "session", "session ", "session not an id", "later words"] {
            assert_eq!(Change::read(text), Change::Anything, "`{text}`");
        }
    }
}
