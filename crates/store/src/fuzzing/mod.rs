//! What the fuzz targets assert, one function a target. Their corpora lie in `testdata/fuzz/<target>` and are replayed
//! as an ordinary test.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

mod archive;
#[cfg(test)]
mod tests;

use std::path::{Component, Path};

use crate::backup::Manifest;
use crate::control::News;
use crate::data_dir::{node_name, secret_in};
use crate::postgres::Change;
use crate::{cells, journal};

/// Archives of keys.
pub fn store_archive(bytes: &[u8]) {
    archive::check(bytes);
}

/// Manifests of backups: what is read is written so that it reads the same, and no name in it leads out of the folder.
pub fn store_backup(bytes: &[u8]) {
    let Ok(manifest) = Manifest::read(bytes) else { return };
    let again = serde_json::to_vec_pretty(&manifest).unwrap();
    assert_eq!(Manifest::read(&again).as_ref(), Ok(&manifest));
    for name in manifest.files.keys() {
        assert!(Path::new(name).components().all(|part| matches!(part, Component::Normal(_))), "{name:?}");
        assert!(Path::new("backup").join(name).starts_with("backup"), "{name:?}");
    }
}

/// What lies inside the sealed cells of rows.
pub fn store_cell(bytes: &[u8]) {
    cells::fuzzing::check(bytes);
}

/// Files of the limit journal.
pub fn store_journal(bytes: &[u8]) {
    journal::fuzzing::check(bytes);
}

/// The one-line texts: the node's name, a secret in a file, what processes tell each other.
pub fn store_line(bytes: &[u8]) {
    if let Some(name) = node_name(bytes) {
        assert!(name.len() == 26 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(bytes.len() <= name.len() + 1);
    }
    if let Ok(secret) = secret_in(bytes) {
        assert!(!secret.is_empty() && secret.len() <= 8192 && bytes.starts_with(secret.as_bytes()));
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some(news) = News::parse(&text) {
        assert_eq!(news.line(), text);
    }
    match Change::read(&text) {
        Change::Anything => {}
        change => assert_eq!(change.to_string(), text),
    }
}
