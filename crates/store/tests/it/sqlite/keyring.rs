//! The key hierarchy on its shelf.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use botwarden_crypto::{Digest, Purpose};
use botwarden_identity::KeyStore;
use botwarden_store::{DataDir, FileRoot, Keyring, KeyringError, Rotation, Sqlite};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Place, keyring};
use crate::conformance::{LATER, NOW};

pub(crate) const HERE: botwarden_crypto::Place<'static> =
    botwarden_crypto::Place { table: "chats", column: "sealed", row: b"1", schema: 1 };

fn person(keyring: &Keyring, name: &str) -> Digest {
    keyring.index().unwrap().hash("subject", name.as_bytes())
}

pub(crate) async fn seal(keyring: &Keyring, name: &str) -> Vec<u8> {
    keyring.subject(&person(keyring, name), NOW).await.unwrap().seal(HERE, name.as_bytes()).unwrap()
}

pub(super) async fn by_hand(data: &DataDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(data.path().join("keyring.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// The wrapped key of a destroyed one is on no page of the file.
#[tokio::test]
async fn a_destroyed_key_is_overwritten() {
    let place = Place::new().await;
    let keyring = keyring(&place.data).await;
    seal(&keyring, "alice").await;
    let number = keyring.number_of(&person(&keyring, "alice")).await.unwrap().unwrap();
    let wrapped: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM data_keys WHERE number = ?")
        .bind(number.as_bytes().as_slice())
        .fetch_one(&mut by_hand(&place.data).await)
        .await
        .unwrap();
    let lies_there = || {
        fs::read_dir(place.data.path()).unwrap().any(|entry| {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(wrapped.len()).any(|window| window == wrapped)
        })
    };
    assert!(lies_there());
    keyring.destroy(&number, LATER).await.unwrap();
    assert!(!lies_there());
}

/// A copy of everything in the directory: what a process that is killed at this moment leaves.
pub(super) fn left_behind(data: &DataDir) -> (tempfile::TempDir, DataDir) {
    let parent = tempfile::tempdir().unwrap();
    let copy = DataDir::open(parent.path().join("data")).unwrap();
    for entry in fs::read_dir(data.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    (parent, copy)
}

#[tokio::test]
async fn a_rotation_that_is_killed_goes_on_from_every_step() {
    let place = Place::new().await;
    let here = keyring(&place.data).await;
    let mut sealed = Vec::new();
    for at in 0..600 {
        sealed.push(seal(&here, &format!("person {at}")).await);
    }
    let mut steps = Vec::new();
    here.rotate_tenant(LATER, |_, _| steps.push(left_behind(&place.data))).await.unwrap();
    assert_eq!(steps.len(), 3);
    for (step, (_parent, copy)) in (1..).zip(&steps) {
        let after = keyring(copy).await;
        let outdated = after.list().await.unwrap().iter().filter(|key| key.outdated).count();
        assert!(outdated > 0, "step {step}: the rotation is not finished");
        let done = after.rotate_tenant(LATER, |_, _| {}).await.unwrap();
        let rotation = if step == 3 { Rotation::New } else { Rotation::Resumed };
        assert_eq!(done.rotation, rotation, "step {step}");
        for keyring in [&after, &keyring(copy).await] {
            for (at, sealed) in sealed.iter().enumerate() {
                let opened = keyring.open_cell(HERE, sealed).await.unwrap();
                assert_eq!(*opened, format!("person {at}").into_bytes(), "step {step}");
            }
            assert!(keyring.list().await.unwrap().iter().all(|key| !key.outdated), "step {step}");
        }
    }
}

/// Writes a file as its owner's alone.
pub(super) fn write(path: &Path, content: &[u8]) {
    let _ = fs::remove_file(path);
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap()
        .write_all(content)
        .unwrap();
}

#[tokio::test]
async fn a_rotation_of_the_root_goes_on_from_every_step() {
    let place = Place::new().await;
    let here = keyring(&place.data).await;
    let sealed = seal(&here, "alice").await;
    let old = fs::read(place.data.path().join("root.key")).unwrap();
    let (_before, before) = left_behind(&place.data);
    let rotated = here.rotate_root_file(&place.data).await.unwrap();
    assert_eq!((rotated.rotation, rotated.keys), (Rotation::New, 1));
    here.close().await;
    let new = fs::read(place.data.path().join("root.key")).unwrap();
    // The wrapping under both, as it is before the last step.
    let (_both, both) = left_behind(&place.data);
    let mut hand = by_hand(&both).await;
    let attach = format!("ATTACH '{}' AS before", before.path().join("keyring.db").display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(attach)).execute(&mut hand).await.unwrap();
    sqlx::raw_sql("INSERT INTO tenant_keys SELECT * FROM before.tenant_keys")
        .execute(&mut hand)
        .await
        .unwrap();
    hand.close().await.unwrap();

    for (step, shelf, root, next, resumed) in [
        ("not begun", &before, &old, None, false),
        ("the next key is on disk", &before, &old, Some(&new), true),
        ("everything is wrapped under both", &both, &old, Some(&new), true),
        ("the file is replaced", &both, &new, None, true),
        ("done", &place.data, &new, None, false),
    ] {
        let (_parent, copy) = left_behind(shelf);
        write(&copy.path().join("root.key"), root);
        if let Some(next) = next {
            write(&copy.path().join("root.key.next"), next);
        }
        let after = keyring(&copy).await;
        assert_eq!(*after.open_cell(HERE, &sealed).await.unwrap(), b"alice", "{step}: readable as it is");
        let done = after.rotate_root_file(&copy).await.unwrap();
        assert_eq!(done.rotation == Rotation::Resumed, resumed, "{step}");
        assert_eq!(done.now_under == rotated.now_under, resumed, "{step}");
        assert!(!copy.path().join("root.key.next").exists(), "{step}");
        for keyring in [&after, &keyring(&copy).await] {
            assert_eq!(*keyring.open_cell(HERE, &sealed).await.unwrap(), b"alice", "{step}");
            let roots: Vec<_> =
                keyring.list().await.unwrap().into_iter().filter_map(|key| key.root).collect();
            assert_eq!(roots, [&*done.now_under], "{step}: nothing is wrapped under the old root");
        }
    }
}

#[tokio::test]
async fn an_edited_shelf_is_noticed() {
    for (sql, what) in [
        ("UPDATE data_keys SET wrapped = zeroblob(93) WHERE purpose = 'pepper'", "changed"),
        ("UPDATE data_keys SET purpose = 'x' WHERE purpose = 'pepper'", "damaged"),
        ("UPDATE data_keys SET number = randomblob(8) WHERE purpose = 'system'", "changed"),
        (
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE purpose = 'index') WHERE purpose = 'pepper'",
            "changed",
        ),
        ("UPDATE tenant_keys SET wrapped = zeroblob(93)", "changed"),
        ("UPDATE tenant_keys SET number = randomblob(8)", "changed"),
        ("UPDATE tenant_keys SET root = 'local:0'", "other root"),
    ] {
        let place = Place::new().await;
        sqlx::raw_sql(sql).execute(&mut by_hand(&place.data).await).await.unwrap();
        let root = Arc::new(FileRoot::open(&place.data).unwrap());
        match (what, Keyring::open(&place.data, root, None, NOW).await.map(drop)) {
            ("changed", Err(KeyringError::Changed { .. })) => {}
            ("other root", Err(KeyringError::WrongRoot { .. })) => {}
            // A pepper that nobody finds is made anew: what was hashed under the other is refused.
            ("damaged", Ok(())) => {}
            (_, got) => panic!("{sql}: {got:?}"),
        }
    }
}

/// The key that was issued in `before/`.
const KEY_OF_BEFORE: &str = "bw_ozP_eVZYFHRLr8D9q_rfD9fkt3f0ajkf8DpLh0OxnqI";

/// `before/` was written when hashes and cells were under keys derived from the root.
#[tokio::test]
async fn a_directory_from_before_there_was_a_keyring_opens() {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    write(&data.path().join("botwarden.db"), include_bytes!("before/botwarden.db"));
    write(&data.path().join("root.key"), include_bytes!("before/root.key"));
    for round in ["imported", "opened again", "after rotations"] {
        let keyring = keyring(&data).await;
        let store = Sqlite::open(&data, keyring.clone()).await.unwrap();
        let kept = botwarden_identity::keys::list(&store).await.unwrap();
        assert_eq!(kept[0].label.as_deref(), Some("from before"), "{round}");
        let hash = keyring.pepper().unwrap().hash(KEY_OF_BEFORE.as_bytes());
        assert!(store.list_keys().await.unwrap().keys.iter().any(|key| key.hash == hash), "{round}");
        let purposes: Vec<_> = keyring.list().await.unwrap().into_iter().map(|key| key.purpose).collect();
        assert!(purposes.contains(&Purpose::FormatOne), "{round}: {purposes:?}");
        store.close().await;
        keyring.rotate_root_file(&data).await.unwrap();
        keyring.rotate_tenant(LATER, |_, _| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_directory_has_no_key_for_what_it_does_not_hold() {
    let place = Place::new().await;
    place.open().await.close().await;
    let again = keyring(&place.data).await;
    assert!(again.list().await.unwrap().iter().all(|key| key.purpose != Purpose::FormatOne));
}
