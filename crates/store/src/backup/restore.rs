//! Putting a backup back.

use std::fs::{self, File};
use std::path::Path;

use super::{
    AUDIT, BackupError, DATABASE, MANIFEST, Manifest, copy_file, damaged, folders_in, hash_file, io_error,
    remove_folder,
};
use crate::data_dir::DataDir;

/// Puts a backup in the place of the data in `dir`, on which no server may run. The audit log that is there stays: only where there is
/// none does the backup's take its place. Open the store afterwards and call [`crate::Sqlite::delete_unreadable`]: who was erased since stays
/// erased.
///
/// Gives how many files it has. Whatever happens meanwhile, a loss of power included, leaves the data from before or that of the backup, each of it whole.
pub fn restore(dir: &DataDir, from: &Path) -> Result<usize, BackupError> {
    restore_by_steps(dir, from, &mut || {})
}

/// The same; `step` is told whenever something is on disk.
fn restore_by_steps(dir: &DataDir, from: &Path, step: &mut dyn FnMut()) -> Result<usize, BackupError> {
    let _held = dir.lock()?;
    let manifest = check(from)?;
    let draft = dir.path().join("restored.draft");
    remove_folder(&draft)?;
    copy_file(&from.join(DATABASE), &draft.join(DATABASE))?;
    step();
    if !dir.audit().exists() {
        // What belongs to it and was compared, nothing else that lies there.
        for name in manifest.files.keys().filter(|name| is_below(name, AUDIT)) {
            copy_file(&from.join(name), &draft.join(name))?;
            step();
        }
    }
    for folder in folders_in(&draft)? {
        File::open(&folder).and_then(|folder| folder.sync_all()).map_err(io_error("syncing", &folder))?;
    }
    // From here on it is restored: what is left to do is done by whoever opens the directory next.
    let ready = dir.restored();
    fs::rename(&draft, &ready).map_err(io_error("naming", &ready))?;
    File::open(dir.path()).and_then(|dir| dir.sync_all()).map_err(io_error("syncing", dir.path()))?;
    step();
    dir.take_over_restored(step).map_err(io_error("restoring", dir.path()))?;
    Ok(manifest.files.len())
}

fn is_below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Compares a backup with its manifest.
fn check(from: &Path) -> Result<Manifest, BackupError> {
    let path = from.join(MANIFEST);
    let text = fs::read(&path).map_err(io_error("reading", &path))?;
    let manifest = Manifest::read(&text).map_err(|what| damaged(from, &what))?;
    for (name, hash) in &manifest.files {
        let (found, _) = hash_file(&from.join(name))?;
        if found != *hash {
            return Err(damaged(from, &format!("`{name}` is not what was backed up")));
        }
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use botwarden_audit::{Conclusion, NoteKey, verify};
    use botwarden_identity::KeyStore;
    use botwarden_identity::Rights;
    use botwarden_identity::keys::{NewKey, issue};
    use botwarden_types::{BotName, UnixMs};
    use tempfile::TempDir;

    use super::super::create;
    use super::*;
    use crate::audit::{AuditFiles, AuditLog};
    use crate::{FileRoot, Keyring, Sqlite};

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    async fn keyring(data: &DataDir) -> Arc<Keyring> {
        let root = Arc::new(FileRoot::open(data).unwrap());
        Arc::new(Keyring::open(data, root, None, NOW).await.unwrap())
    }

    async fn add_key(store: &Sqlite, keyring: &Keyring) -> String {
        let bot = BotName::parse("shop").unwrap();
        let new = NewKey { bot, rights: Rights::backend(), label: None, expires: None };
        issue(store, &keyring.pepper().unwrap(), new, NOW).await.unwrap().1.id.as_str().to_owned()
    }

    async fn keys(data: &DataDir) -> BTreeSet<String> {
        let store = Sqlite::open(data, keyring(data).await).await.unwrap();
        let kept = store.list_keys().await.unwrap().keys;
        store.close().await;
        kept.into_iter().map(|key| key.record.id.as_str().to_owned()).collect()
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if path.is_dir() {
                copy(&path, &to);
            } else {
                fs::copy(&path, &to).unwrap();
            }
        }
    }

    /// A directory as a process that is killed now would leave it.
    fn left_behind(data: &DataDir) -> TempDir {
        let parent = tempfile::tempdir().unwrap();
        copy(data.path(), &parent.path().join("data"));
        fs::set_permissions(parent.path().join("data"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .unwrap();
        parent
    }

    /// A directory with two keys, the second in the write-ahead log alone; and a backup from between the two.
    async fn desk() -> (TempDir, DataDir, Sqlite, NoteKey, [BTreeSet<String>; 2]) {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path().join("data")).unwrap();
        let keyring = keyring(&data).await;
        let store = Sqlite::open(&data, keyring.clone()).await.unwrap();
        let first = add_key(&store, &keyring).await;
        let log = AuditLog::open(&data, keyring.clone(), "0.1.0", NOW).await.unwrap();
        log.close("test", NOW);
        create(&data, &store, log.key(), &parent.path().join("backup"), NOW).await.unwrap();
        let second = add_key(&store, &keyring).await;
        let then = BTreeSet::from([first]);
        let now = then.iter().cloned().chain([second]).collect();
        (parent, data, store, log.key().clone(), [then, now])
    }

    #[tokio::test]
    async fn a_restore_that_is_killed_leaves_the_old_or_the_new_at_every_step() {
        for has_log in [true, false] {
            let (parent, data, _store, key, [then, now]) = desk().await;
            if !has_log {
                fs::remove_dir_all(data.audit()).unwrap();
            }
            let mut steps = vec![left_behind(&data)];
            let from = parent.path().join("backup");
            restore_by_steps(&data, &from, &mut || steps.push(left_behind(&data))).unwrap();
            assert!(steps.len() > 6, "{}", steps.len());
            let mut is_new = false;
            for (step, left) in steps.iter().enumerate() {
                let left = DataDir::existing(left.path().join("data")).unwrap();
                let found = keys(&left).await;
                assert!(found == then || (!is_new && found == now), "{step}: {found:?}");
                is_new = found == then;
                let log = left.audit();
                assert_eq!(log.exists(), has_log || is_new, "{step}: the log comes with the rest");
                if log.exists() {
                    let report = verify(&AuditFiles::new(log), &key, &[]);
                    assert_eq!(report.verdict, Conclusion::Good, "{step}: {report:?}");
                }
                assert!(!left.restored().exists(), "{step}");
            }
            assert!(is_new);
        }
    }

    /// The old write-ahead log belongs to the old pages: over the new ones it would destroy them.
    #[tokio::test]
    async fn no_step_leaves_the_old_write_ahead_log_beside_the_new_database() {
        let (parent, data, _store, _, _) = desk().await;
        let backup = fs::read(parent.path().join("backup/botwarden.db")).unwrap();
        let wal = data.path().join("botwarden.db-wal");
        assert!(fs::metadata(&wal).unwrap().len() > 0, "there is something in it");
        let mut with_new = 0;
        restore_by_steps(&data, &parent.path().join("backup"), &mut || {
            if fs::read(data.database()).unwrap() == backup {
                with_new += 1;
                assert!(!wal.exists());
            }
        })
        .unwrap();
        assert!(with_new > 0);
    }
}
