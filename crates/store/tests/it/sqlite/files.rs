//! What lies on disk: modes, versions, and nothing that could be read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use botwarden_identity::keys::{NewKey, issue};
use botwarden_identity::{Authenticator, Bounds, Claims, IdempotencyKey, OpenSession, Rights, Turn, Wiring};
use botwarden_store::{DataDir, FileRoot, Keyring, KeyringError, OpenDatabaseError, OpenStoreError, Sqlite};
use botwarden_types::UserName;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;

use super::Place;
use crate::conformance::{NOW, bot};

/// Stands in every personal text, and nowhere else.
const MARKER: &str = "MARKER-5f2c";

/// Whatever the files of `dir` hold, one after the other.
fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

pub(super) fn wiring(store: &Sqlite, place: &Place) -> Wiring {
    Wiring {
        keys: Arc::new(store.clone()),
        sessions: Arc::new(store.clone()),
        pepper: place.pepper(),
        index: place.index(),
        bounds: Bounds::default(),
    }
}

#[tokio::test]
async fn nothing_personal_and_no_credential_lies_in_the_clear() {
    let place = Place::new().await;
    let store = place.open().await;
    let pepper = place.pepper();
    let new =
        NewKey { bot: bot("shop"), rights: Rights::backend(), label: Some(MARKER.into()), expires: None };
    let (key, record) = issue(&store, &pepper, new, NOW).await.unwrap();
    let authenticator = Authenticator::load(wiring(&store, &place), NOW).await.unwrap();
    let caller = authenticator.identify(&botwarden_identity::Credential::Key(key.clone()), NOW).unwrap();
    let claims =
        Claims::parse(&format!(r#"{{"{MARKER}":"{MARKER}","n":{},"l":["{MARKER}"]}}"#, 77_123_456_789_u64))
            .unwrap();
    let open =
        OpenSession::new(UserName::parse(&format!("{MARKER}@example.com")).unwrap(), claims, None).unwrap();
    let (token, session) = authenticator.open_session(&caller, open, NOW).await.unwrap();
    for at in 0..50 {
        let turn = Turn::new(format!("{MARKER} {at}"), &[(0, 5)]).unwrap();
        let idempotency = IdempotencyKey::parse(&format!("{MARKER}-{at}")).unwrap();
        authenticator.add_turn(&caller, &session.id, &turn, &idempotency, NOW).await.unwrap();
    }
    let search = |moment: &str| {
        let bytes = all_bytes(place.data.path());
        assert!(
            contains(&bytes, record.id.as_str().as_bytes()),
            "{moment}: the search finds what is in the clear"
        );
        for (name, secret) in [
            ("the marker", MARKER),
            ("a claim's number", "77123456789"),
            ("the key", key.expose()),
            ("the key without its prefix", &key.expose()[3..]),
            ("the token", token.expose()),
            ("the token without its prefix", &token.expose()[4..]),
        ] {
            assert!(!contains(&bytes, secret.as_bytes()), "{moment}: {name}");
        }
    };
    search("while open, write-ahead log included");
    assert!(place.data.path().join("botwarden.db-wal").exists());
    store.close().await;
    search("after closing");
}

#[tokio::test]
async fn deleted_rows_are_overwritten() {
    let place = Place::new().await;
    let store = place.open().await;
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    let (key, _) = issue(&store, &place.pepper(), new, NOW).await.unwrap();
    let authenticator = Authenticator::load(wiring(&store, &place), NOW).await.unwrap();
    let caller = authenticator.identify(&botwarden_identity::Credential::Key(key), NOW).unwrap();
    let open = OpenSession::new(UserName::parse("alice").unwrap(), Claims::default(), None).unwrap();
    let (_, session) = authenticator.open_session(&caller, open, NOW).await.unwrap();
    authenticator.purge(session.expires).await.unwrap();
    store.close().await;
    assert!(!contains(&all_bytes(place.data.path()), session.id.as_str().as_bytes()));
}

#[tokio::test]
async fn files_are_private() {
    let place = Place::new().await;
    let store = place.open().await;
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    issue(&store, &place.pepper(), new, NOW).await.unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(place.data.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        seen += 1;
    }
    assert_eq!(seen, 7, "root.key, keyring.db, botwarden.db, and -wal and -shm of both");
}

#[tokio::test]
async fn a_readable_database_is_refused_with_its_mend() {
    let place = Place::new().await;
    place.open().await.close().await;
    let path = place.data.path().join("botwarden.db");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let error = Sqlite::open(&place.data, place.keyring()).await.unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

/// Another hand in the same file.
pub(super) async fn by_hand(place: &Place) -> SqliteConnection {
    at_hand(&place.data).await
}

/// The same in a directory.
pub(super) async fn at_hand(data: &DataDir) -> SqliteConnection {
    let path = data.path().join("botwarden.db");
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

#[tokio::test]
async fn other_files_are_refused() {
    for (name, make) in [
        ("a text", None),
        ("a newer schema", Some("PRAGMA application_id = 0x42774462; PRAGMA user_version = 99;")),
        ("another program's", Some("PRAGMA application_id = 7; CREATE TABLE t (x);")),
        ("nobody's tables", Some("CREATE TABLE t (x);")),
        ("ours without version", Some("PRAGMA application_id = 0x42774462;")),
        ("a negative version", Some("PRAGMA application_id = 0x42774462; PRAGMA user_version = -1;")),
    ] {
        let place = Place::new().await;
        let path = place.data.path().join("botwarden.db");
        match make {
            None => {
                fs::write(&path, "not a database, but long enough to be taken for one".repeat(50)).unwrap()
            }
            Some(sql) => {
                let mut connection = by_hand(&place).await;
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let before = fs::read(&path).unwrap();
        let error = Sqlite::open(&place.data, place.keyring()).await.unwrap_err();
        match name {
            "a newer schema" => {
                assert!(
                    matches!(error, OpenStoreError::Database(OpenDatabaseError::Newer { found: 99, .. })),
                    "{error:?}"
                );
                assert!(error.to_string().contains("upgrade botwarden"));
            }
            _ => assert!(
                matches!(error, OpenStoreError::Database(OpenDatabaseError::Foreign { .. })),
                "{name}: {error:?}"
            ),
        }
        if name == "a text" {
            assert_eq!(fs::read(&path).unwrap(), before, "it was not touched");
        }
    }
}

#[tokio::test]
async fn other_keys_are_refused() {
    let (place, other) = (Place::new().await, Place::new().await);
    place.open().await.close().await;
    let error = Sqlite::open(&place.data, other.keyring()).await.unwrap_err();
    assert!(matches!(error, OpenStoreError::WrongKeys { .. }), "{error:?}");
    assert!(error.to_string().contains("restore the `keyring.db` and `root.key`"), "{error}");
    place.open().await;
}

#[tokio::test]
async fn another_root_key_is_refused() {
    let (place, other) = (Place::new().await, Place::new().await);
    fs::copy(other.data.path().join("root.key"), place.data.path().join("root.key")).unwrap();
    let root = Arc::new(FileRoot::open(&place.data).unwrap());
    let error = Keyring::open(&place.data, root, None, NOW).await.map(drop).unwrap_err();
    assert!(matches!(error, KeyringError::WrongRoot { .. }), "{error:?}");
    assert!(error.to_string().contains("put the root key that belongs to `keyring.db`"), "{error}");
}

#[tokio::test]
async fn two_handles_that_open_at_once_make_one_schema() {
    let place = Place::new().await;
    let (one, other) =
        tokio::join!(Sqlite::open(&place.data, place.keyring()), Sqlite::open(&place.data, place.keyring()));
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    let (_, record) = issue(&one.unwrap(), &place.pepper(), new, NOW).await.unwrap();
    let seen = botwarden_identity::keys::list(&other.unwrap()).await.unwrap();
    assert_eq!(seen, [record]);
}
