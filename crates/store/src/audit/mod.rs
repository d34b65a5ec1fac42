//! The audit log at work: many threads bring entries, one writes them, so that a sync serves all who wait for it.

mod committer;
mod cosigned;
mod files;
mod pending;
mod receipt;

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use botwarden_audit::{
    Algorithm, Disk, Entry, EntryId, Event, KeyError, Log, NoteKey, NoteSigner, OpenError, Personal, Salt,
    Start, Stop, Word, WordError,
};
use botwarden_crypto::{BlindIndex, CellKey, Digest, RandomnessError, sha256};
use botwarden_types::{BotName, UnixMs, UserName};
use parking_lot::{Condvar, Mutex};
use smallvec::SmallVec;

pub use cosigned::KeepError;
pub use files::AuditFiles;
pub use receipt::{Durable, Receipt};

use crate::data_dir::DataDir;
use crate::keyring::{Keyring, KeyringError};
use pending::{Pending, Raw, Shared};
use receipt::Settler;

/// Why there is no log to write to.
#[derive(Debug, thiserror::Error)]
pub enum OpenAuditError {
    /// The log itself.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The key that signs it.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The log's name.
    #[error(transparent)]
    Name(#[from] KeyError),
    /// No thread to write with.
    #[error("starting a thread for the audit log")]
    Thread(#[source] io::Error),
    /// The first entry could not be written.
    #[error("the audit log cannot be written")]
    Unwritten(#[from] NotRecorded),
    /// The version is not a word.
    #[error(transparent)]
    Word(#[from] WordError),
}

/// The entry is not in the log, and never will be: what it stands for must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot take it")]
pub struct NotRecorded;

/// When an entry is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// At once: somebody waits for it.
    Awaited,
    /// With the next for which somebody waits, or within a tenth of a second.
    InPassing,
}

/// Whom an entry is about. What of it is personal goes in as commitments, under a salt of the person's key.
#[derive(Clone, Debug)]
pub struct Person {
    /// The bot that served them.
    pub bot: BotName,
    /// Their name.
    pub user: UserName,
    /// Where they, or who asked for them, came from.
    pub address: IpAddr,
    /// With which arguments a tool is called for them.
    pub arguments: Option<Box<str>>,
}

/// The log of a node. Entries are brought by [`AuditLog::record`] from any thread.
pub struct AuditLog {
    shared: Arc<Shared>,
    index: BlindIndex,
    keyring: Arc<Keyring>,
    key: NoteKey,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl AuditLog {
    /// Opens the log in the data directory, or begins one; the first entry says that `version` begins to write.
    pub async fn open(
        dir: &DataDir,
        keyring: Arc<Keyring>,
        version: &str,
        now: UnixMs,
    ) -> Result<Arc<Self>, OpenAuditError> {
        Self::open_on(Arc::new(AuditFiles::new(dir.audit())), keyring, version, now).await
    }

    /// The same on another medium.
    pub async fn open_on(
        disk: Arc<dyn Disk>,
        keyring: Arc<Keyring>,
        version: &str,
        now: UnixMs,
    ) -> Result<Arc<Self>, OpenAuditError> {
        let signer = signer(&keyring)?;
        let key = signer.key().clone();
        let (log, tiler, opened) = Log::open(disk.clone(), signer)?;
        if opened.torn_bytes > 0 {
            tracing::warn!(
                bytes = opened.torn_bytes,
                "the audit log ended in the middle of a write, which was never acknowledged; it is set aside"
            );
        }
        let shared = Arc::new(Shared {
            pending: Mutex::new(Pending::default()),
            wake: Condvar::new(),
            failing: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            committed: log.size().into(),
        });
        let threads =
            committer::start(&shared, disk, log, tiler, &keyring).map_err(OpenAuditError::Thread)?;
        let this = Arc::new(Self {
            shared,
            index: keyring.index()?,
            keyring,
            key,
            threads: Mutex::new(threads.into()),
        });
        let start = Start { version: Word::parse(version)?, torn_bytes: opened.torn_bytes };
        this.note(now, Event::Start(start))?.durable().await?;
        Ok(this)
    }

    /// The public key that checks the log.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// Whether nothing can be written any more until a restart.
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Brings an entry without anything personal in it, for which somebody waits.
    pub fn note(&self, at: UnixMs, event: Event) -> Result<Receipt, NotRecorded> {
        self.record(at, event, None, Haste::Awaited)
    }

    /// Brings an entry, about `person` if one is named. Memory only: it is written and synced on another thread.
    ///
    /// Refuses while the log cannot be written, or so much waits to be written that more would not fit.
    pub fn record(
        &self,
        at: UnixMs,
        event: Event,
        person: Option<Person>,
        haste: Haste,
    ) -> Result<Receipt, NotRecorded> {
        let id = entry_id().map_err(|_| NotRecorded)?;
        let mut entry = Entry { id, at, content: None, event };
        let mut raw = None;
        if let Some(person) = person {
            let subject = Keyring::subject_of(&self.index, &person.bot, &person.user);
            match self.keyring.subject_at_hand(&subject) {
                Some(key) => commit(&mut entry, &person, &key),
                None => raw = Some((subject, person)),
            }
        }
        let mut pending = self.shared.pending.lock();
        // While writing fails, one at a time finds out whether it does still.
        let is_tried = match haste {
            Haste::Awaited => pending.awaited > 0,
            Haste::InPassing => !pending.is_empty(),
        };
        if pending.stopping || (is_tried && self.shared.failing.load(Ordering::Relaxed)) {
            return Err(NotRecorded);
        }
        let receipt = match raw {
            None => {
                pending.batch.push(entry, None).map_err(|_| NotRecorded)?;
                pending.receipt()
            }
            Some((subject, person)) => {
                let done = Settler::default();
                let receipt = done.receipt();
                pending.push_raw(Raw { entry, subject, person, done })?;
                receipt
            }
        };
        // The first in haste wakes the writer; whoever comes until it looks goes along.
        let wakes = haste == Haste::Awaited && pending.awaited == 0 && !pending.is_paced;
        pending.awaited += usize::from(haste == Haste::Awaited);
        drop(pending);
        if wakes {
            self.shared.wake.notify_one();
        }
        Ok(receipt)
    }

    /// Writes what was brought, says that the process ends in good order, and waits for both threads. Later calls do nothing. It blocks:
    /// call it where the runtime goes on meanwhile.
    pub fn close(&self, reason: &str, now: UnixMs) {
        if let Ok(reason) = Word::parse(reason) {
            let _ = self.note(now, Event::Stop(Stop { reason }));
        }
        self.shared.pending.lock().stopping = true;
        self.shared.wake.notify_all();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the audit log panicked");
            }
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.shared.pending.lock().stopping = true;
        self.shared.wake.notify_all();
    }
}

/// What signs the log of a keyring. The log's name comes from its key, so that two logs never have one name.
pub fn signer(keyring: &Keyring) -> Result<NoteSigner, OpenAuditError> {
    let secret = keyring.audit_signing_key()?;
    let fingerprint = sha256(secret.verifying_key().as_bytes());
    let name: String = fingerprint.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Ok(NoteSigner::new(&format!("botwarden/{name}"), Algorithm::Ed25519, secret)?)
}

fn entry_id() -> Result<EntryId, RandomnessError> {
    botwarden_crypto::random_id().map(EntryId)
}

/// Puts the commitments of a person into an entry.
fn commit(entry: &mut Entry, person: &Person, key: &CellKey) {
    let salt = Salt::new(key.salt(&entry.id.0));
    let decision = match &mut entry.event {
        Event::Decision(decision) => decision,
        Event::ToolCall(call) => {
            let arguments = person.arguments.as_deref();
            call.arguments = arguments.map(|it| salt.commit(Personal::Arguments, it.as_bytes()));
            return;
        }
        _ => return,
    };
    // Longer than any address is written.
    let mut address = SmallVec::<[u8; 48]>::new();
    if write!(address, "{}", person.address).is_ok() {
        decision.address = Some(salt.commit(Personal::Address, &address));
    }
    decision.user = Some(salt.commit(Personal::User, person.user.as_str().as_bytes()));
}

/// A person's hash, for the committer.
type Subject = Digest;
