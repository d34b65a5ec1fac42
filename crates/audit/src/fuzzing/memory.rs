//! A log whose journal is the fuzzer's bytes.

use std::io;

use super::signer;
use crate::c2sp::{Algorithm, NoteKey, SignedCheckpoint};
use crate::port::Files;
use crate::tree::empty_root;

pub(super) struct Memory(Vec<(&'static str, Vec<u8>)>);

impl Memory {
    pub(super) fn of(journal: &[u8], key: &NoteKey) -> Self {
        let checkpoint = SignedCheckpoint::sign(0, empty_root(), &signer(Algorithm::Ed25519));
        Self(vec![
            ("format", format!("botwarden-audit/1\n{key}\n").into_bytes()),
            ("checkpoint", checkpoint.note().as_bytes().to_vec()),
            ("journal/00000000000000000000", journal.to_vec()),
        ])
    }

    fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(file, _)| *file == name).map(|(_, bytes)| bytes.as_slice())
    }
}

impl Files for Memory {
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.file(name).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, at: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.file(name).ok_or(io::ErrorKind::NotFound)?;
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let bytes =
            bytes.get(at..).and_then(|rest| rest.get(..into.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let inside = |name: &str| name.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
        Ok(self.0.iter().filter_map(|(name, _)| inside(name)).collect())
    }
}
