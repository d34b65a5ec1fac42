//! Whoever may write the database, but has not the root key, gains nothing.

use botwarden_identity::keys::{NewKey, issue, list};
use botwarden_identity::{Appended, NewTurn, Right, Rights, SessionStore};
use botwarden_types::UserName;
use sqlx::Connection;

use super::Place;
use super::files::by_hand;
use crate::conformance::{LATER, MUCH_LATER, NOW, bot, session, session_id, turn};

/// Runs `sql` over a fresh database of two keys, two sessions and two turns, and tells whether (keys, sessions, turns) still read.
async fn after(sql: &'static str) -> (bool, bool, bool) {
    let place = Place::new();
    let store = place.open().await;
    let (pepper, index) = (place.root.pepper(), place.root.blind_index());
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
        list(&store).await.is_ok(),
        store.live_sessions(NOW).await.is_ok(),
        store.turns(&of, &in_session).await.is_ok(),
    )
}

#[tokio::test]
async fn an_edited_row_does_not_open() {
    for (sql, want) in [
        ("SELECT 1", (true, true, true)),
        // Revoking and ending by hand is allowed: it only takes away.
        ("UPDATE keys SET revoked = 1; UPDATE sessions SET ended = 1", (true, true, true)),
        ("UPDATE keys SET rights = 28 WHERE rights = 1", (false, true, true)),
        ("UPDATE keys SET rights = 31", (false, true, true)),
        ("UPDATE keys SET rights = 257", (false, true, true)),
        ("UPDATE keys SET bot = 'bank'", (false, true, true)),
        ("UPDATE keys SET expires = NULL", (false, true, true)),
        ("UPDATE keys SET expires = expires + 1", (false, true, true)),
        ("UPDATE keys SET created = 0", (false, true, true)),
        ("UPDATE keys SET hash = randomblob(32) WHERE seq = 1", (false, true, true)),
        (
            "UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE seq = 2) WHERE seq = 1",
            (false, true, true),
        ),
        ("UPDATE keys SET sealed = x'' WHERE seq = 1", (false, true, true)),
        (
            "CREATE TEMP TABLE h AS SELECT seq, hash FROM keys;
             UPDATE keys SET hash = randomblob(32);
             UPDATE keys SET hash = (SELECT hash FROM h WHERE h.seq = 3 - keys.seq)",
            (false, true, true),
        ),
        ("UPDATE sessions SET expires = expires + 1", (true, false, true)),
        ("UPDATE sessions SET bot = 'bank' WHERE id = 'ses_b'", (true, false, true)),
        ("UPDATE sessions SET hash = randomblob(32) WHERE id = 'ses_b'", (true, false, true)),
        ("UPDATE sessions SET key = (SELECT id FROM keys WHERE seq = 2)", (true, false, true)),
        (
            "UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE id = 'ses_a') WHERE id = 'ses_b'",
            (true, false, true),
        ),
        ("UPDATE sessions SET id = 'ses_c' WHERE id = 'ses_b'", (true, false, true)),
        ("UPDATE turns SET number = number + 10", (true, true, false)),
        ("UPDATE turns SET created = 0", (true, true, false)),
        ("UPDATE turns SET body = zeroblob(32)", (true, true, false)),
        (
            "UPDATE turns SET sealed = (SELECT sealed FROM turns WHERE number = 1) WHERE number = 2",
            (true, true, false),
        ),
    ] {
        assert_eq!(after(sql).await, want, "{sql}");
    }
}
