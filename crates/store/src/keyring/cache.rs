//! Unwrapped keys of subjects, within bounds.

use std::collections::HashMap;

use botwarden_crypto::{CellKey, Digest, KeyNumber};

/// Keys kept; a cache that is full begins anew, since unwrapping one again takes microseconds.
const KEYS_MAX: usize = 10_000;

#[derive(Default)]
pub(super) struct Cache {
    by_subject: HashMap<Digest, CellKey>,
    by_number: HashMap<KeyNumber, CellKey>,
}

impl Cache {
    pub(super) fn of_subject(&self, subject: &Digest) -> Option<CellKey> {
        self.by_subject.get(subject).cloned()
    }

    pub(super) fn of_number(&self, number: &KeyNumber) -> Option<CellKey> {
        self.by_number.get(number).cloned()
    }

    pub(super) fn put(&mut self, subject: Option<&Digest>, key: &CellKey) {
        if self.by_number.len() >= KEYS_MAX {
            self.clear();
        }
        self.by_number.insert(key.number(), key.clone());
        if let Some(subject) = subject {
            self.by_subject.insert(*subject, key.clone());
        }
    }

    pub(super) fn clear(&mut self) {
        self.by_subject.clear();
        self.by_number.clear();
    }
}
