//! A disk in memory whose power can fail: what was not synced is lost, or torn.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};

use crate::port::{Disk, Files};

/// A small generator (xorshift64), the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((u128::from(self.0) * sides as u128) >> 64).unwrap()
    }
}

#[derive(Clone, Default)]
struct Stored {
    /// What a loss of power leaves behind for certain.
    durable: Option<Vec<u8>>,
    /// What a reader sees.
    now: Option<Vec<u8>>,
}

struct State {
    files: BTreeMap<String, Stored>,
    steps: usize,
    /// The step at which the power fails.
    fails_at: Option<usize>,
    /// The step that only returns an error; the power stays.
    errs_at: Option<usize>,
    dice: Dice,
}

pub(crate) struct PowerDisk(Mutex<State>);

impl Default for PowerDisk {
    fn default() -> Self {
        Self::with(BTreeMap::new(), 1)
    }
}

impl PowerDisk {
    fn with(files: BTreeMap<String, Stored>, seed: u64) -> Self {
        Self(Mutex::new(State { files, steps: 0, fails_at: None, errs_at: None, dice: Dice(seed) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets the power fail at a step to come.
    pub(crate) fn fail_at(&self, step: usize) {
        let mut state = self.state();
        state.fails_at = Some(state.steps + step);
    }

    /// Lets a step to come fail without more.
    pub(crate) fn err_at(&self, step: usize) {
        let mut state = self.state();
        state.errs_at = Some(state.steps + step);
    }

    pub(crate) fn steps(&self) -> usize {
        self.state().steps
    }

    /// The disk after a loss of power: of what was not synced, something.
    pub(crate) fn restart(&self, seed: u64) -> Self {
        let mut dice = Dice(seed * 2 + 1);
        for _ in 0..4 {
            dice.roll(2);
        }
        let state = self.state();
        let left = state.files.iter().filter_map(|(name, file)| {
            let left = remains(file, &mut dice)?;
            Some((name.clone(), Stored { durable: Some(left.clone()), now: Some(left) }))
        });
        Self::with(left.collect(), seed + 1)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state()
            .files
            .iter()
            .filter(|(_, file)| file.now.is_some())
            .map(|(name, _)| name.clone())
            .collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        self.state().files[name].now.clone().unwrap()
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        let stored = Stored { durable: Some(bytes.clone()), now: Some(bytes) };
        self.state().files.insert(name.to_owned(), stored);
    }

    pub(crate) fn copy(&self) -> Self {
        Self::with(self.state().files.clone(), 1)
    }
}

/// What is left of a file.
fn remains(file: &Stored, dice: &mut Dice) -> Option<Vec<u8>> {
    let (durable, now) = (file.durable.as_deref(), file.now.as_deref());
    match (durable, now) {
        (None, Some(now)) => (dice.roll(3) > 0).then(|| torn(&[], now, dice)),
        (Some(durable), Some(now)) if now.starts_with(durable) => Some(torn(durable, now, dice)),
        _ => if dice.roll(2) == 0 { durable } else { now }.map(<[u8]>::to_vec),
    }
}

/// `durable`, and of what follows in `now` a beginning, or all of it with holes.
fn torn(durable: &[u8], now: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut left = now.to_vec();
    match dice.roll(4) {
        0 => left.truncate(durable.len()),
        1 => left.truncate(durable.len() + dice.roll(now.len() - durable.len() + 1)),
        2 => {
            let mut at = durable.len();
            while at < left.len() {
                let end = (at / 512 * 512 + 512).min(left.len());
                if dice.roll(2) == 0 {
                    left[at..end].fill(0);
                }
                at = end;
            }
            if dice.roll(2) == 0 {
                left.truncate(durable.len() + dice.roll(now.len() - durable.len() + 1));
            }
        }
        _ => {}
    }
    left
}

impl State {
    /// Counts a step; whether it is the one that fails.
    fn step(&mut self) -> io::Result<bool> {
        self.steps += 1;
        match self.fails_at {
            Some(at) if self.steps > at => Err(io::Error::other("no power")),
            Some(at) if self.steps == at => Ok(true),
            _ if self.errs_at == Some(self.steps) => Ok(true),
            _ => Ok(false),
        }
    }

    fn file(&mut self, name: &str) -> &mut Stored {
        self.files.entry(name.to_owned()).or_default()
    }
}

fn failed() -> io::Error {
    io::Error::other("failed")
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

impl Files for PowerDisk {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.state().files.get(name).and_then(|file| file.now.as_ref()).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let bytes = state.files.get(name).and_then(|file| file.now.as_ref()).ok_or_else(|| missing(name))?;
        let at = usize::try_from(at).unwrap();
        let bytes = bytes.get(at..at + into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = |name: &String| {
            let rest = if folder.is_empty() { name } else { name.strip_prefix(folder)?.strip_prefix('/')? };
            (!rest.contains('/')).then(|| rest.to_owned())
        };
        Ok(self.names().iter().filter_map(inside).collect())
    }
}

impl Disk for PowerDisk {
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fails = state.step()?;
        let kept = if fails { state.dice.roll(bytes.len() + 1) } else { bytes.len() };
        let file = state.file(name).now.get_or_insert_default();
        file.extend_from_slice(&bytes[..kept]);
        if fails { Err(failed()) } else { Ok(()) }
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let fails = state.step()?;
        if fails && state.dice.roll(2) == 0 {
            return Err(failed());
        }
        let file = state.file(name);
        file.durable = file.now.clone();
        if fails { Err(failed()) } else { Ok(()) }
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let fails = state.step()?;
        let file = state.file(name).now.as_mut().ok_or_else(|| missing(name))?;
        file.truncate(usize::try_from(length).unwrap());
        if fails { Err(failed()) } else { Ok(()) }
    }

    fn promote(&self, drafts: &[(String, String)]) -> io::Result<()> {
        let mut state = self.state();
        let fails = state.step()?;
        for (draft, name) in drafts {
            if fails && state.dice.roll(2) == 0 {
                continue;
            }
            let bytes = state.files.remove(draft).and_then(|file| file.now).ok_or_else(|| missing(draft))?;
            *state.file(name) = Stored { durable: Some(bytes.clone()), now: Some(bytes) };
        }
        if fails { Err(failed()) } else { Ok(()) }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let fails = state.step()?;
        if let Some(file) = state.files.get_mut(name) {
            file.now = None;
        }
        if fails { Err(failed()) } else { Ok(()) }
    }
}
