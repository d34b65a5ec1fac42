//! Whoever may write the database, but has not the root key, gains nothing.

use botwarden_identity::keys::{NewKey, issue, list, revoke};
use botwarden_identity::{Appended, NewTurn, Right, Rights, SessionStore};
use botwarden_types::UserName;
use sqlx::Connection;

use super::Place;
use super::files::{at_hand, by_hand};
use crate::conformance::{LATER, MUCH_LATER, NOW, approvals, bot, session, session_id, turn};

/// Runs `sql` over a fresh database of two keys, two sessions and two turns, and gives how many keys and live
/// sessions still count, and whether the turns can be read.
async fn after(sql: &'static str) -> (usize, usize, bool) {
    let place = Place::new().await;
    let store = place.open().await;
    let (pepper, index) = (place.pepper(), place.index());
    let backend = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: Some(LATER) };
    let chat =
        NewKey { rights: Rights::new([Right::Chat]).unwrap(), label: Some("till".into()), ..backend.clone() };
    let (_, key) = issue(&store, &pepper, backend, NOW).await.unwrap();
    issue(&store, &pepper, chat, NOW).await.unwrap();
    for id in ["ses_a", "ses_b"] {
        let mut session = session(id, &key, MUCH_LATER, &pepper);
        session.user = UserName::parse(id).unwrap();
        store.insert_session(&session).await.unwrap();
    }
    let (of, in_session) = (bot("shop"), session_id("ses_a"));
    for text in ["one", "two"] {
        let new = NewTurn {
            id: format!("trn_{text}"),
            session: &in_session,
            bot: &of,
            idempotency: index.hash("key", text.as_bytes()),
            body: index.hash("body", text.as_bytes()),
            turn: &turn(text),
            created: NOW,
            turns_max: 10,
        };
        assert_eq!(store.append_turn(new).await.unwrap(), Appended::Kept);
    }
    let mut connection = by_hand(&place).await;
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    (
        list(&store).await.unwrap().len(),
        store.live_sessions(NOW).await.unwrap().len(),
        store.turns(&of, &in_session).await.is_ok(),
    )
}

#[tokio::test]
async fn an_edited_row_does_not_open() {
    for (sql, want) in [
        ("SELECT 1", (2, 2, true)),
        // Revoking and ending by hand is allowed: it only takes away.
        ("UPDATE keys SET revoked = 1; UPDATE sessions SET ended = 1", (2, 0, true)),
        ("UPDATE keys SET rights = 28 WHERE rights = 1", (1, 2, true)),
        ("UPDATE keys SET rights = 31", (0, 2, true)),
        ("UPDATE keys SET rights = 257", (0, 2, true)),
        ("UPDATE keys SET bot = 'bank'", (0, 2, true)),
        ("UPDATE keys SET expires = NULL", (0, 2, true)),
        ("UPDATE keys SET expires = expires + 1", (0, 2, true)),
        ("UPDATE keys SET created = 0", (0, 2, true)),
        ("UPDATE keys SET hash = randomblob(32) WHERE seq = 1", (1, 2, true)),
        ("UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE seq = 2) WHERE seq = 1", (1, 2, true)),
        ("UPDATE keys SET sealed = x'' WHERE seq = 1", (1, 2, true)),
        (
            "CREATE TEMP TABLE h AS SELECT seq, hash FROM keys;
             UPDATE keys SET hash = randomblob(32);
             UPDATE keys SET hash = (SELECT hash FROM h WHERE h.seq = 3 - keys.seq)",
            (0, 2, true),
        ),
        ("UPDATE sessions SET expires = expires + 1", (2, 0, true)),
        ("UPDATE sessions SET bot = 'bank' WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE sessions SET hash = randomblob(32) WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE sessions SET key = (SELECT id FROM keys WHERE seq = 2)", (2, 0, true)),
        (
            "UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE id = 'ses_a') WHERE id = 'ses_b'",
            (2, 1, true),
        ),
        ("UPDATE sessions SET id = 'ses_c' WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE turns SET number = number + 10", (2, 2, false)),
        ("UPDATE turns SET created = 0", (2, 2, false)),
        ("UPDATE turns SET body = zeroblob(32)", (2, 2, false)),
        (
            "UPDATE turns SET sealed = (SELECT sealed FROM turns WHERE number = 1) WHERE number = 2",
            (2, 2, false),
        ),
    ] {
        assert_eq!(after(sql).await, want, "{sql}");
    }
}

/// An edited row holds up nothing: neither the revocation of another key nor its own.
#[tokio::test]
async fn keys_are_revoked_whatever_their_rows_hold() {
    let place = Place::new().await;
    let store = place.open().await;
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    let (_, edited) = issue(&store, &place.pepper(), new.clone(), NOW).await.unwrap();
    let (_, sound) = issue(&store, &place.pepper(), new, NOW).await.unwrap();
    let mut connection = by_hand(&place).await;
    sqlx::raw_sql("UPDATE keys SET bot = 'bank' WHERE seq = 1").execute(&mut connection).await.unwrap();
    assert!(revoke(&store, &sound.id, NOW).await.unwrap().is_some());
    assert!(revoke(&store, &edited.id, NOW).await.is_err(), "it says that the row was changed…");
    let left = "SELECT count(*) FROM keys WHERE revoked IS NULL";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, 0, "…and has revoked it");
}

#[tokio::test]
async fn who_edits_the_database_approves_nothing() {
    let backend = super::empty().await.unwrap();
    let calls = approvals::prepared(&backend).await;
    let mut connection = at_hand(&backend.data).await;
    for sql in approvals::FORGERIES {
        let before = "CREATE TEMP TABLE before AS SELECT * FROM approvals";
        sqlx::raw_sql(before).execute(&mut connection).await.unwrap();
        sqlx::raw_sql(*sql).execute(&mut connection).await.unwrap();
        let usable = approvals::usable(&backend, &calls).await;
        assert!(usable.is_empty(), "{sql}: {usable:?}");
        let back =
            "DELETE FROM approvals; INSERT INTO approvals SELECT * FROM temp.before; DROP TABLE temp.before";
        sqlx::raw_sql(back).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}
