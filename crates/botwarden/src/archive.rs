//! Keeps exchanges: between the gateway, which must not wait, and the store, which writes many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use botwarden_crypto::KeyNumber;
use botwarden_gateway::{Archive, FindingRoom, Slot};
use botwarden_store::{NewExchange, Store};
use botwarden_types::{BotName, Clock, KeptExchange, UserName};
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Exchanges that are under way or wait to be written.
const EXCHANGES_MAX: usize = 4096;
/// KiB of content that they hold together.
const CONTENT_KIB_MAX: usize = 128 << 10;
/// Exchanges written in one transaction.
const BATCH: usize = 256;
/// After a failed write, how long until the next.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Takes exchanges from the gateway.
pub(crate) struct Archivist {
    store: Store,
    clock: Arc<dyn Clock>,
    queue: mpsc::Sender<Waiting>,
    content: Arc<Semaphore>,
    failing: Arc<AtomicBool>,
}

/// How long a request waits for room before it is refused.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);

/// An exchange and the room it takes.
struct Waiting {
    new: NewExchange,
    _room: OwnedSemaphorePermit,
}

struct Room {
    place: OwnedPermit<Waiting>,
    room: OwnedSemaphorePermit,
    /// Of its person, from when the room was taken: what comes later must not be kept under another one.
    key: Option<KeyNumber>,
}

impl Archivist {
    /// The archivist, and what writes until all of it is written and the archivist is gone.
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let (queue, waiting) = mpsc::channel(EXCHANGES_MAX);
        let failing = Arc::new(AtomicBool::new(false));
        let content = Arc::new(Semaphore::new(CONTENT_KIB_MAX));
        let archivist =
            Arc::new(Self { store: store.clone(), clock, queue, content, failing: failing.clone() });
        (archivist, write(store, waiting, failing))
    }
}

impl Archivist {
    async fn take(&self, bytes: usize, bot: &BotName, user: Option<&UserName>) -> Option<Box<dyn Slot>> {
        // What cannot be written is refused until it can: the queue alone would take thousands that a crash forgets.
        if self.failing.load(Ordering::Relaxed) {
            return None;
        }
        let kib =
            u32::try_from(bytes.div_ceil(1 << 10)).ok().filter(|kib| *kib as usize <= CONTENT_KIB_MAX)?;
        let taking = async {
            let room = self.content.clone().acquire_many_owned(kib).await.ok()?;
            Some((room, self.queue.clone().reserve_owned().await.ok()?))
        };
        // More comes than can be written for a while: that slows callers down before it turns them away.
        let (room, place) = tokio::time::timeout(ROOM_PATIENCE, taking).await.ok()??;
        if self.failing.load(Ordering::Relaxed) {
            return None;
        }
        let key = match user {
            Some(user) => Some(self.key_of(bot, user).await?),
            None => None,
        };
        Some(Box::new(Room { place, room, key }))
    }

    /// Memory only, where the person was here before.
    async fn key_of(&self, bot: &BotName, user: &UserName) -> Option<KeyNumber> {
        match self.store.key_of(bot, user, self.clock.wall()).await {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::error!(%error, "a person's key cannot be had; the request is refused");
                None
            }
        }
    }
}

impl Archive for Archivist {
    fn room<'a>(&'a self, bytes: usize, bot: &'a BotName, user: Option<&'a UserName>) -> FindingRoom<'a> {
        Box::pin(self.take(bytes, bot, user))
    }
}

impl Slot for Room {
    fn keep(self: Box<Self>, exchange: KeptExchange) {
        let Self { place, room, key } = *self;
        place.send(Waiting { new: NewExchange { exchange, key }, _room: room });
    }
}

/// Writes what comes, many at once. What fails is tried again until it is written.
async fn write(store: Store, mut waiting: mpsc::Receiver<Waiting>, failing: Arc<AtomicBool>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (mut exchanges, rooms): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|waiting| (waiting.new, waiting._room)).unzip();
        while let Err(error) = store.keep_exchanges(&exchanges).await {
            if drop_poisoned(&store, &mut exchanges).await {
                continue;
            }
            if !failing.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "exchanges could not be kept; requests that are to be kept are refused until they can");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        if failing.swap(false, Ordering::Relaxed) {
            tracing::info!("exchanges are kept again");
        }
        drop(rooms);
    }
}

/// After a batch failed: keeps its exchanges one by one. If some can be kept, those that cannot are at fault themselves (a person's key that
/// was damaged), and go, loudly; they must not hold up everybody else's. Tells whether it was so.
async fn drop_poisoned(store: &Store, exchanges: &mut Vec<NewExchange>) -> bool {
    let mut failed = Vec::new();
    for new in exchanges.iter() {
        if let Err(error) = store.keep_exchanges(std::slice::from_ref(new)).await {
            failed.push((new.exchange.request.clone(), error));
        }
    }
    if failed.len() == exchanges.len() {
        return false;
    }
    for (request, error) in &failed {
        tracing::error!(%request, %error, "an exchange can never be kept and is dropped");
    }
    exchanges.clear();
    true
}
