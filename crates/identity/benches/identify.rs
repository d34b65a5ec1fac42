//! Question: what does recognising a caller cost, with 1,000 keys and 100,000 sessions?
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark ends by panicking")]

#[path = "../tests/it/fake.rs"]
mod fake;

use std::sync::{Arc, LazyLock};

use botwarden_crypto::{Pepper, SecretKey};
use botwarden_identity::{
    ApiKey, Authenticator, Bounds, Claims, Credential, KeyRecord, Rights, SessionToken, StoredKey,
    StoredSession, Wiring,
};
use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};
use divan::Bencher;
use fake::Fake;

const KEYS: usize = 1_000;
const SESSIONS: usize = 100_000;
const NOW: UnixMs = UnixMs(1_800_000_000_000);

struct World {
    authenticator: Authenticator,
    keys: Vec<Credential>,
    sessions: Vec<Credential>,
    stranger: Credential,
    pepper: Pepper,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let (store, root) = (Arc::new(Fake::default()), SecretKey::generate().unwrap());
        let (pepper, bot) = (root.pepper(), BotName::parse("shop").unwrap());
        let mut state = store.state.lock();
        let keys: Vec<_> = (0..KEYS).map(|_| ApiKey::random().unwrap()).collect();
        for (at, key) in keys.iter().enumerate() {
            let id = KeyId::parse(&format!("key_{at}")).unwrap();
            let record = KeyRecord {
                id,
                bot: bot.clone(),
                rights: Rights::backend(),
                label: None,
                created: NOW,
                expires: None,
                revoked: None,
            };
            state.keys.push(StoredKey { hash: key.hash(&pepper), record });
        }
        let sessions: Vec<_> = (0..SESSIONS).map(|_| SessionToken::random().unwrap()).collect();
        for (at, token) in sessions.iter().enumerate() {
            let session = StoredSession {
                id: SessionId::parse(&format!("ses_{at}")).unwrap(),
                hash: token.hash(&pepper),
                bot: bot.clone(),
                key: state.keys[at % KEYS].record.id.clone(),
                user: UserName::parse("alice").unwrap(),
                claims: Claims::default(),
                created: NOW,
                expires: UnixMs(u64::MAX),
            };
            state.sessions.push((session, false));
        }
        drop(state);
        let wiring = Wiring {
            keys: Arc::<Fake>::clone(&store),
            sessions: store,
            pepper: pepper.clone(),
            index: root.blind_index(),
            bounds: Bounds::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self {
            authenticator: runtime.block_on(Authenticator::load(wiring, NOW)).unwrap(),
            keys: keys.into_iter().map(Credential::Key).collect(),
            sessions: sessions.into_iter().map(Credential::Session).collect(),
            stranger: Credential::Key(ApiKey::random().unwrap()),
            pepper,
        }
    }

    /// Recognises a random one of `credentials` each time.
    fn each(&self, bencher: Bencher<'_, '_>, credentials: &[Credential]) {
        let mut at = 0_usize;
        bencher.bench_local(|| {
            // A stride coprime to both sizes visits all in an order no cache foresees.
            at = (at + 7_919) % credentials.len();
            self.authenticator.identify(divan::black_box(&credentials[at]), NOW).unwrap()
        });
    }
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn key(bencher: Bencher<'_, '_>) {
    WORLD.each(bencher, &WORLD.keys);
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn one_hot_key(bencher: Bencher<'_, '_>) {
    WORLD.each(bencher, &WORLD.keys[..1]);
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn session(bencher: Bencher<'_, '_>) {
    WORLD.each(bencher, &WORLD.sessions);
}

#[divan::bench(sample_count = 200, sample_size = 500)]
fn stranger() -> bool {
    WORLD.authenticator.identify(divan::black_box(&WORLD.stranger), NOW).is_err()
}

/// The share of the keyed hash in all of the above.
#[divan::bench(sample_count = 200, sample_size = 500)]
fn keyed_hash_alone() -> botwarden_crypto::Digest {
    WORLD.pepper.hash(divan::black_box(b"bw_0123456789012345678901234567890123456789012"))
}

/// From the header's text to the principal.
#[divan::bench(sample_count = 200, sample_size = 500)]
fn parse_and_identify(bencher: Bencher<'_, '_>) {
    let Credential::Key(key) = &WORLD.keys[0] else { return };
    let text = key.expose();
    bencher.bench_local(|| {
        WORLD.authenticator.identify(&Credential::parse(divan::black_box(text)).unwrap(), NOW).unwrap()
    });
}

fn main() {
    LazyLock::force(&WORLD);
    divan::main();
}
