//! How long tests wait for what must happen.

use std::time::Duration;

/// After this much a test waits in vain: it fails and says for what, instead of hanging. Never reached otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that is about to happen.
pub async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, happening).await {
        Ok(happened) => happened,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}
