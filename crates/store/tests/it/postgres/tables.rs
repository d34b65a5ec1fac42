//! The tables: made once whoever comes first, refused where they are not ours.

use std::sync::Arc;

use botwarden_store::{
    DataDir, Engine, EngineError, FileRoot, KeyringError, OpenPostgresError, PostgresDatabase, PostgresError,
    PostgresUrl, Store,
};

use super::Site;
use crate::conformance::NOW;

/// Why the keys do not open with the root key of a node.
pub(super) async fn keyring_refused(site: &Site, node: &str) -> KeyringError {
    let data = site.data(node);
    let engine = Engine::connect(&data, Some(&site.url())).await.unwrap();
    engine.keyring(FileRoot::open(&data).unwrap(), NOW).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_set_of_tables() {
    let Some(site) = Site::new() else { return };
    FileRoot::open(&site.data("one")).unwrap();
    let (one, two, three, four) =
        tokio::join!(site.node("one"), site.node("two"), site.node("three"), site.node("four"));
    let (_, key) = one.issue("shop").await;
    for node in [two, three, four] {
        let keys = node.keys.list_keys().await.unwrap().keys;
        assert_eq!(keys.iter().map(|kept| &kept.record).collect::<Vec<_>>(), [&key]);
    }
}

/// Neither is taken for the other's: not even where both begin.
#[tokio::test]
async fn nodes_with_root_keys_of_their_own_do_not_share_keys() {
    let Some(site) = Site::new() else { return };
    // Before there is a key to copy.
    let (one, two) = (site.data("one"), site.data("two"));
    let open = async |data: &DataDir| {
        let engine = Engine::connect(data, Some(&site.url())).await.unwrap();
        engine.keyring(FileRoot::open(data).unwrap(), NOW).await.map(drop)
    };
    let (first, second) = tokio::join!(open(&one), open(&two));
    let refused = match (first, second) {
        (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
        got => panic!("{got:?}"),
    };
    assert!(matches!(refused, KeyringError::WrongRoot { .. }), "{refused:?}");
    assert!(
        refused
            .to_string()
            .contains("put the root key that belongs to the schema `botwarden_keys` into `data_dir`")
    );
}

#[tokio::test]
async fn a_later_version_and_tables_of_others_are_refused() {
    for (sql, words) in [
        ("UPDATE botwarden_keys.schema_version SET version = 99", "upgrade botwarden"),
        ("UPDATE botwarden_keys.schema_version SET version = -1", "is not botwarden's"),
        ("DROP TABLE botwarden_keys.schema_version", "is not botwarden's"),
    ] {
        let Some(site) = Site::new() else { return };
        site.node("one").await.store.close().await;
        site.database.sql(sql);
        let error = keyring_refused(&site, "one").await;
        assert!(matches!(error, KeyringError::Postgres(_)), "{sql}: {error:?}");
        assert!(error.to_string().contains(words), "{sql}: {error}");
    }
}

async fn data_refused(site: &Site) -> EngineError {
    let data = site.data("one");
    let engine = Engine::connect(&data, Some(&site.url())).await.unwrap();
    let keyring = engine.keyring(FileRoot::open(&data).unwrap(), NOW).await.unwrap();
    Store::open(&engine, Arc::new(keyring)).await.unwrap_err()
}

#[tokio::test]
async fn data_that_does_not_belong_to_the_keys_is_refused() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    node.issue("shop").await;
    node.store.close().await;
    for (name, sql) in [
        ("other keys", "DROP SCHEMA botwarden_keys CASCADE"),
        ("no check", "DELETE FROM botwarden.meta"),
        ("another check", "UPDATE botwarden.meta SET value = '\\x02'"),
    ] {
        site.database.sql(sql);
        let error = data_refused(&site).await;
        assert!(
            matches!(error, EngineError::Postgres(OpenPostgresError::WrongKeys { .. })),
            "{name}: {error:?}"
        );
        assert!(
            error.to_string().contains("restore the `botwarden_keys` that belongs to it"),
            "{name}: {error}"
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_entered_is_named_with_the_mend() {
    let Some(site) = Site::new() else { return };
    let url = site.database.url();
    let (server, query) = url.split_once('?').unwrap();
    let (server, name) = server.rsplit_once('/').unwrap();
    let secret = server.replacen('@', ":hunter2@", 1);
    for (address, words) in [
        (format!("{secret}/{name}_gone?{query}"), "create the database first"),
        (format!("{secret}/{name}?host=/nowhere"), "is it running there"),
        ("postgres://bw:hunter2@127.0.0.1:1/bw".to_owned(), "is it running there"),
    ] {
        let error = PostgresDatabase::connect(&PostgresUrl::parse(&address).unwrap()).await.unwrap_err();
        assert!(matches!(error, PostgresError::Enter { .. }), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    }
}

/// The user may own nothing but two schemas that somebody made for it.
#[tokio::test]
async fn schemas_may_be_made_beforehand() {
    let Some(site) = Site::new() else { return };
    site.database.sql("CREATE SCHEMA botwarden; CREATE SCHEMA botwarden_keys");
    site.node("one").await.issue("shop").await;
}

#[tokio::test]
async fn commits_are_on_disk_whatever_the_database_says() {
    let Some(site) = Site::new() else { return };
    let of = "SELECT current_database()";
    let name = site.database.sql(of).trim().to_owned();
    for (server, want) in [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply", "remote_apply")] {
        site.database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = {server}"));
        let database = PostgresDatabase::connect(&site.url()).await.unwrap();
        assert_eq!(database.setting("synchronous_commit").await.unwrap(), want, "{server}");
        database.close().await;
    }
}
