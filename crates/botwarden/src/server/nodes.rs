//! What other nodes change, put in force here.

use std::sync::Arc;
use std::time::Duration;

use botwarden_identity::{Authenticator, StoreError};
use botwarden_store::{Change, Changes};
use botwarden_types::{Clock, SystemClock};

use super::erasures::Erasures;
use super::stops::Stops;

/// How long to wait before the database is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Follows what other nodes change. Should news be lost, keys and erasures are looked for every second all the same.
pub(super) async fn follow(
    mut changes: Changes,
    authenticator: Arc<Authenticator>,
    erasures: Arc<Erasures>,
    stops: Arc<Stops>,
) {
    let mut reached = true;
    // What was heard and could not be put in force. Everything is then read anew, as after a connection that was lost.
    let mut left = None;
    loop {
        let heard = match left.take() {
            Some(change) => Ok(change),
            None => changes.next().await,
        };
        let done = match heard {
            Ok(change) => apply(&change, &authenticator, &erasures, &stops).await.inspect_err(|_| {
                left = Some(Change::Anything);
            }),
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(()) => reached = true,
            Err(error) => {
                if std::mem::take(&mut reached) {
                    let why = format!("{error:#}");
                    tracing::error!(why, "what other nodes change is not heard; trying again every second");
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}

async fn apply(
    change: &Change,
    authenticator: &Authenticator,
    erasures: &Erasures,
    stops: &Stops,
) -> anyhow::Result<()> {
    let now = SystemClock.now().wall;
    match change {
        Change::Keys => keys(authenticator).await?,
        Change::Stops => {
            stops.refresh().await?;
        }
        Change::Session(id) => authenticator.refresh_session(id, now).await?,
        Change::Anything => {
            stops.refresh().await?; // what is stopped comes first
            keys(authenticator).await?;
            erasures.reread(now).await?;
        }
    }
    Ok(())
}

async fn keys(authenticator: &Authenticator) -> Result<(), StoreError> {
    authenticator.refresh_keys_if_changed().await.map(drop)
}
