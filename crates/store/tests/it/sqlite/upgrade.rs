//! What earlier versions wrote: taken up where an erasure finds it, ended where none would.

use std::fs;

use botwarden_crypto::Digest;
use botwarden_identity::{Appended, NewTurn, SessionStore};
use botwarden_store::{DataDir, Sqlite};
use sqlx::Row;
use tempfile::TempDir;

use super::files::{at_hand, by_hand};
use super::keyring::write;
use super::{Place, keyring};
use crate::conformance::{MUCH_LATER, NOW, bot, session, session_id, turn};

/// A session of `alice` and a turn in it, as they were sealed before there was a keyring: under the key that the root key in `before/` gives.
const SESSION_OF_BEFORE: &str = "
INSERT INTO sessions (id, hash, bot, key, created, expires, sealed) VALUES (
    'ses_before', x'0707070707070707070707070707070707070707070707070707070707070707', 'shop',
    'key_l2mvydeppjb4rafbnlhocpgvpc', 1800000000000, 1800003600000,
    x'0109090909090909090909090981387d375a2ee6651c33b7002e34791876ed4413f007c6a9a8e885a5a9d0a3c825691d4ebe0ae504a3d4617f');
INSERT INTO turns (id, session, number, idempotency, body, created, sealed) VALUES (
    'trn_before', 1, 1, x'0101010101010101010101010101010101010101010101010101010101010101',
    x'0202020202020202020202020202020202020202020202020202020202020202', 1800000000000,
    x'01080808080808080808080808b72713d95c9d06506966f66b1f65ecb2123c27cfd988d8131b2503bfd88ed465245bdd5b9c3298237121abd4');";

/// A directory from before there was a keyring, in which that session is live.
async fn before() -> (TempDir, DataDir) {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    write(&data.path().join("botwarden.db"), include_bytes!("before/botwarden.db"));
    write(&data.path().join("root.key"), include_bytes!("before/root.key"));
    sqlx::raw_sql(SESSION_OF_BEFORE).execute(&mut at_hand(&data).await).await.unwrap();
    (parent, data)
}

/// Nobody noted whose they are, so that no erasure would find them.
#[tokio::test]
async fn sessions_that_are_nobodys_end_with_the_upgrade() {
    let later = [
        include_str!("../../../src/sqlite/schema/0002_subjects.sql"),
        include_str!("../../../src/sqlite/schema/0003_exchanges.sql"),
    ];
    for (name, steps) in [("from before there was a keyring", 0), ("open over later upgrades", 2)] {
        let (_parent, data) = before().await;
        let keyring = keyring(&data).await;
        for step in &later[..steps] {
            sqlx::raw_sql(*step).execute(&mut at_hand(&data).await).await.unwrap();
        }
        let store = Sqlite::open(&data, keyring).await.unwrap();
        assert_eq!(store.live_sessions(NOW).await.unwrap(), [], "{name}");
        assert_eq!(store.turns(&bot("shop"), &session_id("ses_before")).await.unwrap(), [], "{name}");
        for file in ["botwarden.db", "botwarden.db-wal"] {
            let bytes = fs::read(data.path().join(file)).unwrap();
            assert!(!bytes.windows(10).any(|part| part == b"trn_before"), "{name}: it lies in {file}");
        }
    }
}

/// Whoever edits the database gains no session that outlives its person.
#[tokio::test]
async fn a_session_that_was_made_nobodys_is_refused() {
    let place = Place::new().await;
    let store = place.open().await;
    let (_, key) = issued(&place, &store).await;
    store.insert_session(&session("ses_a", &key, MUCH_LATER, &place.pepper())).await.unwrap();
    sqlx::raw_sql("UPDATE sessions SET subject = NULL").execute(&mut by_hand(&place).await).await.unwrap();
    assert_eq!(store.live_sessions(NOW).await.unwrap(), []);
}

async fn issued(
    place: &Place,
    store: &Sqlite,
) -> (botwarden_identity::ApiKey, botwarden_identity::KeyRecord) {
    let new = botwarden_identity::keys::NewKey {
        bot: bot("shop"),
        rights: botwarden_identity::Rights::backend(),
        label: None,
        expires: None,
    };
    botwarden_identity::keys::issue(store, &place.pepper(), new, NOW).await.unwrap()
}

async fn hashes(place: &Place) -> Vec<[Vec<u8>; 2]> {
    let rows = sqlx::query("SELECT idempotency, body FROM turns ORDER BY number")
        .fetch_all(&mut by_hand(place).await)
        .await
        .unwrap();
    rows.iter().map(|row| [row.get("idempotency"), row.get("body")]).collect()
}

fn stored(hash: &[u8]) -> Digest {
    Digest::from_stored(hash).unwrap()
}

/// Posts a turn with these hashes, as it comes from the domain.
async fn post(store: &Sqlite, id: &str, [idempotency, body]: [Digest; 2]) -> Appended {
    let (of, session, turn) = (bot("shop"), session_id("ses_a"), turn("hello"));
    let (session, bot, id) = (&session, &of, id.to_owned());
    let new = NewTurn { id, session, bot, idempotency, body, turn: &turn, created: NOW, turns_max: 10 };
    store.append_turn(new).await.unwrap()
}

/// What lies on the disk is under another key than the hashes a turn comes with, and rows from before are brought under it.
#[tokio::test]
async fn turns_are_hashed_under_their_persons_key() {
    let place = Place::new().await;
    let store = place.open().await;
    let (_, key) = issued(&place, &store).await;
    store.insert_session(&session("ses_a", &key, MUCH_LATER, &place.pepper())).await.unwrap();
    let index = place.index();
    let given = [index.hash("turns.idempotency", b"k"), index.hash("turns.body", b"hello")];
    assert_eq!(post(&store, "trn_1", given).await, Appended::Kept);
    assert_eq!(post(&store, "trn_2", given).await, Appended::Replayed("trn_1".into()));
    let first = hashes(&place).await.remove(0);
    for (hash, given) in first.iter().zip(&given) {
        assert_ne!(hash, given.as_bytes(), "whoever has the tenant's keys can compare it with a guess");
    }
    store.close().await;

    // As if what lies there were what it came with: so it was in the version before.
    let from_before = "UPDATE turns SET keyed = 0";
    sqlx::raw_sql(from_before).execute(&mut by_hand(&place).await).await.unwrap();
    let store = place.open().await;
    let anew = hashes(&place).await.remove(0);
    assert!(anew.iter().zip(&first).all(|(hash, before)| hash != before));
    let given = [stored(&first[0]), stored(&first[1])];
    assert_eq!(post(&store, "trn_3", given).await, Appended::Replayed("trn_1".into()), "known as before");
    let other = [given[0], index.hash("turns.body", b"bye")];
    assert_eq!(post(&store, "trn_4", other).await, Appended::Conflict);
    let kept = store.turns(&bot("shop"), &session_id("ses_a")).await.unwrap();
    assert_eq!(kept.iter().map(|kept| &kept.turn).collect::<Vec<_>>(), [&turn("hello")]);
    store.close().await;

    // Where the key is gone, so are the hashes.
    sqlx::raw_sql(from_before).execute(&mut by_hand(&place).await).await.unwrap();
    let number = place.keyring().list_each(None, 100).await.unwrap();
    let number = number.iter().find(|key| key.purpose == botwarden_crypto::Purpose::Subject).unwrap().number;
    place.keyring().destroy(&number.unwrap(), NOW).await.unwrap();
    place.open().await;
    assert_eq!(hashes(&place).await.len(), 0);
}
