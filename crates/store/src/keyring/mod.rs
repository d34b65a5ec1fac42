//! The key hierarchy at work: root → tenant → data keys, wrapped on a shelf, unwrapped in memory.

pub(crate) mod archive;
mod cache;
mod file_root;
mod list;
mod local_root;
mod moving;
mod rotation;
pub(crate) mod shelf;
mod sqlite;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use botwarden_crypto::{
    BlindIndex, CellKey, Digest, FormatOne, KeyName, KeyNumber, LimitHashKey, OpenError, Pepper, Place,
    Purpose, RandomnessError, RootError, RootProvider, SealError, SecretKey, SigningKey, WrappingKey,
};
use botwarden_types::{BotName, UnixMs, UserName};
use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

pub use archive::ArchiveError;
pub use file_root::FileRoot;
pub use list::ListedKey;
pub use local_root::{CredentialRoot, CredentialRootError, PassphraseRoot, PassphraseRootError};
pub use rotation::{Rewrapped, Rotation};
pub use shelf::ShelfError;

use crate::cells::row::Clear;
use crate::data_dir::{DataDir, NodeFileError, RootKeyFileError};
use crate::postgres::{PostgresDatabase, PostgresError, PostgresShelf};
use crate::sqlite::database::OpenDatabaseError;
use cache::Cache;
use shelf::{Added, DataRow, Shelf, TENANT, TenantRow, Which};
use sqlite::SqliteShelf;

/// Keys of the tenant itself, each made once, in this order: where the last is, the others are.
const FIXED: [Purpose; 6] = [
    Purpose::Pepper,
    Purpose::Index,
    Purpose::LimitHash,
    Purpose::AuditSigning,
    Purpose::FormatOne,
    Purpose::System,
];

/// Why there are no keys to work with.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] OpenDatabaseError),
    /// The PostgreSQL database could not be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The shelf failed, or was edited.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The node's name.
    #[error(transparent)]
    Node(#[from] NodeFileError),
    /// The root key's file.
    #[error(transparent)]
    RootFile(#[from] RootKeyFileError),
    /// The root key, or the service that holds it.
    #[error("the root key")]
    Root(#[from] RootError),
    /// Another root key than the one the keys are wrapped under.
    #[error(
        "the root key is `{found}`, but the keys are wrapped under {wanted}; {}",
        mend(.found, .wanted, .place)
    )]
    WrongRoot {
        /// Where the keys lie.
        place: &'static str,
        /// The root key there is.
        found: String,
        /// Those that would do.
        wanted: String,
    },
    /// The root key that was to be moved to does not give back what it has wrapped. Nothing was dropped.
    #[error(
        "`{root}` does not give back what it has wrapped, so the keys stay under the root key before; may it decrypt as well as encrypt?"
    )]
    NotGivenBack {
        /// The root key.
        root: String,
    },
    /// A wrapped key was changed outside botwarden, or moved here from elsewhere.
    #[error("key {number} ({}) does not unwrap: it was changed outside botwarden; restore {place} from your backup", .purpose.as_str())]
    Changed {
        /// Where it lies.
        place: &'static str,
        /// Which.
        number: KeyNumber,
        /// What it is for.
        purpose: Purpose,
    },
    /// A new key could not be wrapped.
    #[error("wrapping a key")]
    Seal(#[from] SealError),
    /// No randomness, no keys.
    #[error("making a key")]
    Randomness(#[from] RandomnessError),
    /// Others kept rotating while a key was to be kept.
    #[error("the tenant's key changes faster than a key can be wrapped under it")]
    Unsettled,
}

/// Why a cell was not opened.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// Its key was destroyed: nobody can read it any more, as was wanted.
    #[error("its key was destroyed")]
    Erased,
    /// It was changed outside botwarden, or its key is not on this shelf.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Its key could not be had.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// The keys of one tenant. What it unwrapped stays in memory, within bounds.
pub struct Keyring {
    shelf: Box<dyn Shelf>,
    root: Arc<dyn RootProvider>,
    /// The name of this node, where several share the shelf.
    node: Option<String>,
    /// Versions of the tenant's key.
    versions: RwLock<BTreeMap<u64, Arc<WrappingKey>>>,
    fixed: BTreeMap<Purpose, SecretKey>,
    system: CellKey,
    format_one: Option<FormatOne>,
    cache: Mutex<Cache>,
    /// The shelf's generation that the cache is of.
    generation: AtomicU64,
    /// Held by whoever looks for another generation.
    forgetting: tokio::sync::Mutex<()>,
}

impl Keyring {
    /// Opens the keys of a data directory; makes them where there are none. Processes that start at the same time end with the same
    /// keys. `derived_before` are those that a data directory from before there was a keyring works with.
    pub async fn open(
        dir: &DataDir,
        root: Arc<dyn RootProvider>,
        derived_before: Option<[(Purpose, SecretKey); 4]>,
        now: UnixMs,
    ) -> Result<Self, KeyringError> {
        let shelf = Box::new(SqliteShelf::open(&dir.keyring()).await?);
        Self::on_shelf(shelf, root, derived_before, now).await
    }

    /// The same with keys that several nodes share in a PostgreSQL database. They need the same root key; what each signs is signed under a
    /// key of the node's own, which its name in `dir` stands for.
    pub async fn open_shared(
        database: &PostgresDatabase,
        dir: &DataDir,
        root: Arc<dyn RootProvider>,
        now: UnixMs,
    ) -> Result<Self, KeyringError> {
        let node = dir.node()?;
        let shelf = Box::new(PostgresShelf::open(database).await?);
        Ok(Self { node: Some(node), ..Self::on_shelf(shelf, root, None, now).await? })
    }

    async fn on_shelf(
        shelf: Box<dyn Shelf>,
        root: Arc<dyn RootProvider>,
        derived_before: Option<[(Purpose, SecretKey); 4]>,
        now: UnixMs,
    ) -> Result<Self, KeyringError> {
        let generation = shelf.generation().await?;
        // Keys are found and made before there is a keyring to give out.
        let mut keys = Unwrapper { shelf: &*shelf, root: &*root, versions: BTreeMap::new() };
        if shelf.tenant_keys().await?.is_empty() {
            keys.add_version(1, now).await?;
        }
        keys.load_versions().await?;
        let is_made = shelf.data_key(Which::Purpose(Purpose::System)).await?.is_some();
        let derived_before = derived_before.filter(|_| !is_made);
        let mut before: BTreeMap<Purpose, SecretKey> = derived_before.into_iter().flatten().collect();
        let mut fixed = BTreeMap::new();
        for purpose in FIXED {
            let (which, given) = (Which::Purpose(purpose), before.remove(&purpose));
            // Never made anew: there is one where cells of that format are.
            if purpose != Purpose::FormatOne || given.is_some() || shelf.data_key(which).await?.is_some() {
                fixed.insert(purpose, keys.find_or_make(which, given, now).await?);
            }
        }
        let versions = RwLock::new(keys.versions);
        let format_one = fixed.get(&Purpose::FormatOne).map(|(_, key)| key.format_one());
        let Some(system) =
            fixed.get(&Purpose::System).map(|(number, key)| key.cells(name(Purpose::System, *number)))
        else {
            return Err(ShelfError::Damaged.into());
        };
        let fixed = fixed.into_iter().map(|(purpose, (_, key))| (purpose, key)).collect();
        let (cache, generation) = (Mutex::default(), AtomicU64::new(generation));
        let forgetting = tokio::sync::Mutex::default();
        Ok(Self {
            shelf,
            root,
            node: None,
            versions,
            fixed,
            system,
            format_one,
            cache,
            generation,
            forgetting,
        })
    }

    /// The hasher of credentials.
    pub fn pepper(&self) -> Result<Pepper, KeyringError> {
        self.fixed(Purpose::Pepper).map(SecretKey::pepper)
    }

    /// The hasher by which sealed values are found.
    pub fn index(&self) -> Result<BlindIndex, KeyringError> {
        self.fixed(Purpose::Index).map(SecretKey::blind_index)
    }

    /// What stands for a person in clear columns. Users of two bots are two people: what a name means is up to each application.
    pub(crate) fn subject_of(index: &BlindIndex, bot: &BotName, user: &UserName) -> Digest {
        let name = Clear::default().text(bot.as_str()).text(user.as_str());
        index.hash("subject", name.as_bytes())
    }

    /// The key of the limiter's hash tables.
    pub fn limit_hash_key(&self) -> Result<LimitHashKey, KeyringError> {
        self.fixed(Purpose::LimitHash).map(SecretKey::limit_hash_key)
    }

    /// The key that signs this node's audit log.
    pub fn audit_signing_key(&self) -> Result<SigningKey, KeyringError> {
        let secret = self.fixed(Purpose::AuditSigning)?;
        Ok(match &self.node {
            Some(node) => secret.signing_key_of(node),
            None => secret.signing_key(),
        })
    }

    fn fixed(&self, purpose: Purpose) -> Result<&SecretKey, KeyringError> {
        // All were found or made when the keyring was opened.
        self.fixed.get(&purpose).ok_or(KeyringError::Shelf(ShelfError::Damaged))
    }

    /// What seals cells that belong to nobody in particular.
    pub fn system(&self) -> &CellKey {
        &self.system
    }

    /// What seals cells that belong to one person, named by their hash; made if there is none.
    pub async fn subject(&self, subject: &Digest, now: UnixMs) -> Result<CellKey, KeyringError> {
        if let Some(key) = self.cache.lock().of_subject(subject) {
            return Ok(key);
        }
        let generation = self.generation.load(Ordering::Acquire);
        let (number, key) = self
            .with_unwrapper(async |keys| keys.find_or_make(Which::Subject(subject), None, now).await)
            .await?;
        let key = key.cells(name(Purpose::Subject, number));
        self.remember(generation, Some(subject), &key);
        Ok(key)
    }

    /// Makes keys for those of the people who have none, all with one write; `now` is when. Whoever is not made here is left to [`Keyring::subject`].
    pub(crate) async fn make_missing(
        &self,
        subjects: &[Digest],
        now: Option<UnixMs>,
    ) -> Result<(), KeyringError> {
        let missing: HashSet<Digest> = {
            let cache = self.cache.lock();
            subjects.iter().filter(|subject| cache.of_subject(subject).is_none()).copied().collect()
        };
        // A single one is one write anyway.
        let (Some(now), true) = (now, missing.len() > 1) else { return Ok(()) };
        let generation = self.generation.load(Ordering::Acquire);
        let missing: Vec<Digest> = missing.into_iter().collect();
        for (subject, number, key) in
            self.with_unwrapper(async |keys| keys.make_many(&missing, now).await).await?
        {
            self.remember(generation, Some(&subject), &key.cells(name(Purpose::Subject, number)));
        }
        Ok(())
    }

    /// The same if it is at hand: memory only.
    pub(crate) fn subject_at_hand(&self, subject: &Digest) -> Option<CellKey> {
        self.cache.lock().of_subject(subject)
    }

    /// The number of a person's key, if there is one.
    pub async fn number_of(&self, subject: &Digest) -> Result<Option<KeyNumber>, KeyringError> {
        Ok(self.shelf.data_key(Which::Subject(subject)).await?.map(|row| row.number))
    }

    /// Gives back what was sealed for `place`, under whichever key it names.
    pub async fn open_cell(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CellError> {
        if FormatOne::is_of(sealed) {
            return Ok(self.format_one.as_ref().ok_or(OpenError)?.open(place, sealed)?);
        }
        let number = CellKey::number_of(sealed).ok_or(OpenError)?;
        if number == self.system.number() {
            return Ok(self.system.open(place, sealed)?);
        }
        Ok(self.cell_key(&number).await?.open(place, sealed)?)
    }

    /// The key of that number, while it is there. Never another one in its place.
    pub async fn cell_key(&self, number: &KeyNumber) -> Result<CellKey, CellError> {
        if let Some(key) = self.cache.lock().of_number(number) {
            return Ok(key);
        }
        let generation = self.generation.load(Ordering::Acquire);
        let Some(row) = self.shelf.data_key(Which::Number(number)).await.map_err(KeyringError::from)? else {
            let destroyed = self.shelf.was_destroyed(number).await.map_err(KeyringError::from)?;
            return Err(if destroyed { CellError::Erased } else { CellError::Open(OpenError) });
        };
        let key = self.with_unwrapper(async |keys| keys.unwrap(&row).await).await?;
        let key = key.cells(name(row.purpose, row.number));
        self.remember(generation, row.subject.as_ref(), &key);
        Ok(key)
    }

    /// Keeps a key in memory, unless one was destroyed since it was read: it may be that one.
    fn remember(&self, generation: u64, subject: Option<&Digest>, key: &CellKey) {
        let mut cache = self.cache.lock();
        if self.generation.load(Ordering::Acquire) == generation {
            cache.put(subject, key);
        }
    }

    /// Whether a key of this number was destroyed.
    pub async fn was_destroyed(&self, number: &KeyNumber) -> Result<bool, KeyringError> {
        Ok(self.shelf.was_destroyed(number).await?)
    }

    /// Destroys a key for good: what was sealed under it cannot be read any more, here or in any backup of the data. Returns whether
    /// there was one.
    pub async fn destroy(&self, number: &KeyNumber, now: UnixMs) -> Result<bool, KeyringError> {
        let destroyed = self.shelf.destroy(number, now).await?;
        self.forget_destroyed().await?;
        Ok(destroyed)
    }

    /// Forgets keys that other processes have destroyed. Gives the shelf's generation, which grows with every destruction: whoever has
    /// consequences to draw remembers up to which they are drawn, since somebody else may hear of it here first.
    pub async fn forget_destroyed(&self) -> Result<u64, KeyringError> {
        // One after the other, so that what was read first does not come in force last.
        let _turn = self.forgetting.lock().await;
        let generation = self.shelf.generation().await?;
        if self.generation.swap(generation, Ordering::AcqRel) != generation {
            self.cache.lock().clear();
        }
        Ok(generation)
    }

    /// The generation of the shelf that is known here.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Waits for work under way and closes the shelf.
    pub async fn close(&self) {
        self.shelf.close().await;
    }

    /// Lends the versions that are known, and keeps those that were read meanwhile.
    async fn with_unwrapper<T>(
        &self,
        work: impl AsyncFnOnce(&mut Unwrapper<'_>) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        let versions = self.versions.read().clone();
        let mut keys = Unwrapper { shelf: &*self.shelf, root: &*self.root, versions };
        let done = work(&mut keys).await;
        if keys.versions.len() != self.versions.read().len() || keys.latest() != self.latest() {
            *self.versions.write() = keys.versions;
        }
        done
    }

    fn latest(&self) -> Option<u64> {
        self.versions.read().keys().next_back().copied()
    }
}

/// Finds, makes and unwraps keys.
struct Unwrapper<'k> {
    shelf: &'k dyn Shelf,
    root: &'k dyn RootProvider,
    versions: BTreeMap<u64, Arc<WrappingKey>>,
}

impl Unwrapper<'_> {
    fn latest(&self) -> Option<u64> {
        self.versions.keys().next_back().copied()
    }

    /// Makes a version of the tenant's key, unless somebody else has.
    async fn add_version(&self, version: u64, now: UnixMs) -> Result<(), KeyringError> {
        let (key, number) = (SecretKey::generate()?, KeyNumber::random()?);
        let wrapped = self.root.wrap(name(Purpose::Tenant, number), &key).await?;
        let row = TenantRow { version, root: self.root.id(), number, wrapped, created: now };
        Ok(self.shelf.add_tenant_key(&row).await?)
    }

    /// Reads every version of the tenant's key.
    async fn load_versions(&mut self) -> Result<(), KeyringError> {
        let rows = self.shelf.tenant_keys().await?;
        let wrapped_here = |root: &str| {
            let all: Vec<u64> = rows.iter().map(|row| row.version).collect();
            all.iter().all(|version| rows.iter().any(|row| row.version == *version && row.root == root))
        };
        if !wrapped_here(&self.root.id()) {
            self.root.refresh().await?;
        }
        let root = self.root.id();
        if !wrapped_here(&root) {
            return Err(wrong_root(self.shelf.place(), root, &rows));
        }
        let mut versions = BTreeMap::new();
        for row in rows.iter().filter(|row| row.root == root) {
            let key =
                self.root.unwrap(name(Purpose::Tenant, row.number), &row.wrapped).await.map_err(|error| {
                    match error {
                        RootError::Open(_) => KeyringError::Changed {
                            place: self.shelf.place(),
                            number: row.number,
                            purpose: Purpose::Tenant,
                        },
                        error => error.into(),
                    }
                })?;
            versions.insert(row.version, Arc::new(key.wrapping()));
        }
        self.versions = versions;
        Ok(())
    }

    async fn unwrap(&mut self, row: &DataRow) -> Result<SecretKey, KeyringError> {
        if !self.versions.contains_key(&row.under) {
            self.load_versions().await?;
        }
        let wrapping = self.versions.get(&row.under).ok_or(ShelfError::Damaged)?;
        wrapping.unwrap(name(row.purpose, row.number), &row.wrapped).map_err(|_| KeyringError::Changed {
            place: self.shelf.place(),
            number: row.number,
            purpose: row.purpose,
        })
    }

    /// New keys of people, those that were kept: who has one keeps theirs, and after a rotation in between nobody gets one here.
    async fn make_many(
        &mut self,
        subjects: &[Digest],
        now: UnixMs,
    ) -> Result<Vec<(Digest, KeyNumber, SecretKey)>, KeyringError> {
        let under = self.latest().ok_or(ShelfError::Damaged)?;
        let wrapping = self.versions.get(&under).ok_or(ShelfError::Damaged)?;
        let (mut made, mut rows) = (Vec::with_capacity(subjects.len()), Vec::with_capacity(subjects.len()));
        for subject in subjects {
            let (key, number) = (SecretKey::generate()?, KeyNumber::random()?);
            let wrapped = wrapping.wrap(name(Purpose::Subject, number), &key)?;
            let (purpose, whose) = (Purpose::Subject, Some(*subject));
            rows.push(DataRow { number, purpose, subject: whose, under, wrapped, created: now });
            made.push((*subject, number, key));
        }
        let added = self.shelf.add_data_keys(&rows).await?;
        let kept = made.into_iter().zip(added).filter(|(_, added)| *added == Added::Yes);
        Ok(kept.map(|(key, _)| key).collect())
    }

    /// The key there is, or a new one, `given` or random. Whoever is second takes what the first has made.
    async fn find_or_make(
        &mut self,
        which: Which<'_>,
        given: Option<SecretKey>,
        now: UnixMs,
    ) -> Result<(KeyNumber, SecretKey), KeyringError> {
        /// Rotations that may come in between.
        const TRIES: usize = 4;
        let (purpose, subject) = match which {
            Which::Purpose(purpose) => (purpose, None),
            Which::Subject(subject) => (Purpose::Subject, Some(*subject)),
            Which::Number(_) => return Err(ShelfError::Damaged.into()),
        };
        let mut key = given;
        for _ in 0..TRIES {
            if let Some(row) = self.shelf.data_key(which).await? {
                return Ok((row.number, self.unwrap(&row).await?));
            }
            let made = match key.take() {
                Some(key) => key,
                None => SecretKey::generate()?,
            };
            let (number, under) = (KeyNumber::random()?, self.latest().ok_or(ShelfError::Damaged)?);
            let wrapping = self.versions.get(&under).ok_or(ShelfError::Damaged)?;
            let wrapped = wrapping.wrap(name(purpose, number), &made)?;
            let row = DataRow { number, purpose, subject, under, wrapped, created: now };
            match self.shelf.add_data_key(&row).await? {
                Added::Yes => return Ok((number, made)),
                Added::Exists => {}
                Added::Outdated => self.load_versions().await?,
            }
            key = Some(made);
        }
        Err(KeyringError::Unsettled)
    }
}

fn wrong_root(place: &'static str, found: String, rows: &[TenantRow]) -> KeyringError {
    let mut wanted: Vec<_> = rows.iter().map(|row| format!("`{}`", row.root)).collect();
    wanted.dedup();
    KeyringError::WrongRoot { place, found, wanted: wanted.join(" and ") }
}

/// What to do where another root key is found than wanted, by who keeps them (what their names begin with).
fn mend(found: &str, wanted: &str, place: &str) -> String {
    let kind = |name: &str| name.trim_start_matches('`').split(':').next().unwrap_or_default().to_owned();
    let (found, wanted) = (kind(found), kind(wanted));
    if found != wanted || !["passphrase", "local"].contains(&found.as_str()) {
        return "correct `[root_key]`, or, if the root key has a new keeper, move the keys there with `botwarden keyring move`".to_owned();
    }
    match found.as_str() {
        "passphrase" => {
            format!("it is another passphrase, or another `root.salt`; give those that belong to {place}")
        }
        _ => format!("put the root key that belongs to {place} into `data_dir`"),
    }
}

fn name(purpose: Purpose, number: KeyNumber) -> KeyName<'static> {
    KeyName { tenant: TENANT, purpose, number }
}
