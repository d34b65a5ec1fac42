//! Key files: one Fernet key each, for their owner's eyes only.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use botwarden_fernet::{Decoding, Key, MultiFernet};
use zeroize::Zeroizing;

use crate::exit::Advice;

/// Bytes of a key file: a key and white space.
const FILE_BYTES_MAX: u64 = 256;
/// What nobody but the owner may do with it.
const OTHERS: u32 = 0o077;

/// The keys of the files, in their order.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<MultiFernet> {
    let keys: Vec<Key> = paths.iter().map(|path| read_one(path)).collect::<Result<_, _>>()?;
    Ok(MultiFernet::new(&keys)?)
}

fn read_one(path: &Path) -> anyhow::Result<Key> {
    let shown = path.display();
    let unreadable = || format!("reading the key file `{shown}`");
    let file = File::open(path).with_context(unreadable)?;
    // Of the open file: what the path names may change in between.
    let mode = file.metadata().with_context(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        let what =
            format!("others than its owner may use the key file `{shown}` (mode {:03o})", mode & 0o777);
        let mend = format!("chmod 600 {shown}; and make a new key if anybody may have read it");
        return Err(Advice::new(what, mend).into());
    }
    // All the room at once: a vector that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 64));
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).with_context(unreadable)?;
    let key = Key::parse(text.trim_ascii(), Decoding::Strict).ok().filter(|_| read as u64 <= FILE_BYTES_MAX);
    key.ok_or_else(|| {
        let mend =
            "a key file holds 44 characters of base64url; `botwarden encrypt --new-key FILE` makes one";
        Advice::new(format!("`{shown}` holds no Fernet key"), mend).into()
    })
}

/// Makes a key file. Never overwrites; leaves nothing behind where it fails.
pub(super) fn create(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let key = Key::generate()?;
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mend = "name another file: what was sealed with a key can only be opened with it";
            let what = format!("`{shown}` is there already and was left as it is");
            return Err(Advice::new(what, mend).into());
        }
        Err(error) => return Err(error).with_context(|| format!("creating `{shown}`")),
    };
    let mut line = Zeroizing::new(Vec::with_capacity(Key::CHARS + 1));
    line.extend_from_slice(key.expose_text().as_bytes());
    line.push(b'\n');
    let written = file.write_all(&line).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(std::fs::remove_file(path))).with_context(|| format!("writing `{shown}`"))
}
