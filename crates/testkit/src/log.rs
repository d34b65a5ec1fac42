//! An audit log in memory that grows as a test says.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use botwarden_audit::{
    Algorithm, Batch, Disk, Entry, EntryId, Event, Files, Log, NoteKey, NoteSigner, Progress,
    SignedCheckpoint, Stop, Tiler, Word, published,
};
use botwarden_crypto::SigningKey;
use botwarden_types::UnixMs;
use parking_lot::Mutex;

/// A log of `example.com/audit` in memory, published as far as it goes. Two logs of one `flavour` hold the same entries.
pub struct TestLog {
    files: Arc<MemoryDisk>,
    log: Log,
    tiler: Tiler,
    flavour: &'static str,
}

impl TestLog {
    /// A log with so many entries.
    pub fn new(flavour: &'static str, entries: u64) -> Self {
        let files = Arc::new(MemoryDisk::default());
        let (log, tiler, _) = Log::open(files.clone(), signer()).expect("a log in memory");
        let mut log = Self { files, log, tiler, flavour };
        log.grow(entries);
        log
    }

    /// Adds entries, and publishes them.
    pub fn grow(&mut self, entries: u64) {
        for number in self.log.size()..self.log.size() + entries {
            let reason = Word::parse(&format!("{}-{number}", self.flavour)).expect("a word");
            let id = EntryId(u128::from(number).to_be_bytes());
            let event = Event::Stop(Stop { reason });
            let entry = Entry { id, at: UnixMs(1_700_000_000_000 + number), content: None, event };
            let mut batch = Batch::default();
            batch.push(entry, None).expect("room in a batch");
            self.log.append(&batch).expect("a disk in memory");
        }
        while self.tiler.advance(self.log.size()).expect("a disk in memory") == Progress::Behind {}
    }

    /// Its files.
    pub fn files(&self) -> Arc<dyn Files> {
        self.files.clone()
    }

    /// The key that checks it.
    pub fn key(&self) -> NoteKey {
        signer().key().clone()
    }

    /// The published checkpoint.
    pub fn checkpoint(&self) -> SignedCheckpoint {
        published(&*self.files, signer().key()).expect("a published checkpoint")
    }
}

fn signer() -> NoteSigner {
    let secret = SigningKey::from_seed(&[7; 32]);
    NoteSigner::new("example.com/audit", Algorithm::Ed25519, secret).expect("a key's name")
}

#[derive(Default)]
struct MemoryDisk(Mutex<BTreeMap<String, Vec<u8>>>);

impl Files for MemoryDisk {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.0.lock().get(name).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        let files = self.0.lock();
        let bytes = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let at = usize::try_from(at).expect("a file of a test");
        let bytes = bytes.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = |name: &String| {
            name.strip_prefix(folder)?.strip_prefix('/').filter(|rest| !rest.contains('/')).map(str::to_owned)
        };
        Ok(self.0.lock().keys().filter_map(inside).collect())
    }
}

impl Disk for MemoryDisk {
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().entry(name.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).expect("a file of a test");
        self.0.lock().entry(name.to_owned()).or_default().truncate(length);
        Ok(())
    }

    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()> {
        let mut files = self.0.lock();
        for (draft, name) in drafts {
            let bytes = files.remove(draft).ok_or(io::ErrorKind::NotFound)?;
            files.insert(name.clone(), bytes);
        }
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().remove(name);
        Ok(())
    }
}
