//! Recognising callers and keeping sessions, over a store in memory that can be made to fail.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod fake;
mod faults;
mod identify;
mod sessions;

use std::sync::Arc;
use std::time::Duration;

use botwarden_crypto::SecretKey;
use botwarden_identity::keys::{NewKey, issue};
use botwarden_identity::{
    ApiKey, Authenticator, Bounds, Claims, Credential, KeyRecord, OpenSession, Principal, Right, Rights,
    Session, SessionToken, Wiring,
};
use botwarden_types::{BotName, UnixMs, UserName};

use fake::Fake;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

/// An authenticator over a fake store.
struct World {
    store: Arc<Fake>,
    root: SecretKey,
    authenticator: Authenticator,
}

impl World {
    async fn new() -> Self {
        Self::bounded(Bounds::default()).await
    }

    async fn bounded(bounds: Bounds) -> Self {
        let (store, root) = (Arc::new(Fake::default()), SecretKey::generate().unwrap());
        let authenticator = Authenticator::load(wiring(&store, &root, bounds), NOW).await.unwrap();
        Self { store, root, authenticator }
    }

    /// The same store served by a process that has just started.
    async fn restarted(&self, now: UnixMs) -> Authenticator {
        Authenticator::load(wiring(&self.store, &self.root, Bounds::default()), now).await.unwrap()
    }

    /// Issues a key and puts it in force.
    async fn key(&self, bot: &str, rights: Rights, expires: Option<UnixMs>) -> (ApiKey, KeyRecord) {
        let new = NewKey { bot: BotName::parse(bot).unwrap(), rights, label: None, expires };
        let issued = issue(&*self.store, &self.root.pepper(), new, NOW).await.unwrap();
        self.authenticator.refresh_keys().await.unwrap();
        issued
    }

    /// A backend of `bot`, recognised.
    async fn backend(&self, bot: &str) -> Principal {
        let (key, _) = self.key(bot, Rights::backend(), None).await;
        self.authenticator.identify(&Credential::Key(key), NOW).unwrap()
    }

    async fn open(&self, caller: &Principal) -> (SessionToken, Arc<Session>) {
        self.authenticator.open_session(caller, alice(HOUR), NOW).await.unwrap()
    }
}

fn wiring(store: &Arc<Fake>, root: &SecretKey, bounds: Bounds) -> Wiring {
    Wiring {
        keys: Arc::<Fake>::clone(store),
        sessions: Arc::<Fake>::clone(store),
        pepper: root.pepper(),
        index: root.blind_index(),
        bounds,
    }
}

fn alice(ttl: Duration) -> OpenSession {
    let claims = Claims::parse(r#"{"customer_id":"C-7"}"#).unwrap();
    OpenSession::new(UserName::parse("alice").unwrap(), claims, Some(ttl)).unwrap()
}

fn chat() -> Rights {
    Rights::new([Right::Chat]).unwrap()
}
