//! Whoever may write the database, but has not the root key, gains nothing.

use botwarden_identity::keys::{NewKey, issue, revoke};
use botwarden_identity::{Appended, NewTurn, Right, Rights};
use botwarden_policy::quarantine::{Scope, Stop};
use botwarden_store::KeyringError;
use botwarden_types::UserName;

use super::Site;
use crate::conformance::{Backend, LATER, MUCH_LATER, NOW, approvals, bot, session, session_id, turn};

/// Two keys, two sessions, two turns.
async fn fill(node: &Backend) {
    let backend = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: Some(LATER) };
    let chat =
        NewKey { rights: Rights::new([Right::Chat]).unwrap(), label: Some("till".into()), ..backend.clone() };
    let (_, key) = issue(&*node.keys, &node.pepper, backend, NOW).await.unwrap();
    issue(&*node.keys, &node.pepper, chat, NOW).await.unwrap();
    for id in ["ses_a", "ses_b"] {
        let mut session = session(id, &key, MUCH_LATER, &node.pepper);
        session.user = UserName::parse(id).unwrap();
        node.sessions.insert_session(&session).await.unwrap();
    }
    let (of, in_session) = (bot("shop"), session_id("ses_a"));
    for text in ["one", "two"] {
        let new = NewTurn {
            id: format!("trn_{text}"),
            session: &in_session,
            bot: &of,
            idempotency: node.index.hash("key", text.as_bytes()),
            body: node.index.hash("body", text.as_bytes()),
            turn: &turn(text),
            created: NOW,
            turns_max: 10,
        };
        assert_eq!(node.sessions.append_turn(new).await.unwrap(), Appended::Kept);
    }
}

/// How many keys and live sessions still count after `sql`, and whether the turns can be read.
async fn after(site: &Site, sql: &str) -> (usize, usize, bool) {
    let node = site.node("one").await;
    site.database.sql(
        "TRUNCATE botwarden.keys, botwarden.sessions, botwarden.turns, botwarden.chronicle RESTART IDENTITY",
    );
    fill(&node).await;
    site.database.sql(sql);
    let left = (
        node.keys.list_keys().await.unwrap().keys.len(),
        node.sessions.live_sessions(NOW).await.unwrap().len(),
        node.sessions.turns(&bot("shop"), &session_id("ses_a")).await.is_ok(),
    );
    node.store.close().await;
    left
}

#[tokio::test]
async fn an_edited_row_does_not_open() {
    let Some(site) = Site::new() else { return };
    for (sql, want) in [
        ("SELECT 1", (2, 2, true)),
        // Revoking and ending by hand is allowed: it only takes away.
        ("UPDATE botwarden.keys SET revoked = 1; UPDATE botwarden.sessions SET ended = 1", (2, 0, true)),
        ("UPDATE botwarden.keys SET rights = 28 WHERE rights = 1", (1, 2, true)),
        ("UPDATE botwarden.keys SET rights = 31", (0, 2, true)),
        ("UPDATE botwarden.keys SET rights = 257", (0, 2, true)),
        ("UPDATE botwarden.keys SET bot = 'bank'", (0, 2, true)),
        ("UPDATE botwarden.keys SET expires = NULL", (0, 2, true)),
        ("UPDATE botwarden.keys SET expires = expires + 1", (0, 2, true)),
        ("UPDATE botwarden.keys SET created = 0", (0, 2, true)),
        ("UPDATE botwarden.keys SET hash = sha256('x') WHERE seq = 1", (1, 2, true)),
        (
            "UPDATE botwarden.keys SET sealed = (SELECT sealed FROM botwarden.keys WHERE seq = 2) WHERE seq = 1",
            (1, 2, true),
        ),
        ("UPDATE botwarden.keys SET sealed = '' WHERE seq = 1", (1, 2, true)),
        (
            "CREATE TEMP TABLE h AS SELECT seq, hash FROM botwarden.keys;
             UPDATE botwarden.keys SET hash = sha256(hash);
             UPDATE botwarden.keys SET hash = (SELECT hash FROM h WHERE h.seq = 3 - keys.seq)",
            (0, 2, true),
        ),
        ("UPDATE botwarden.sessions SET expires = expires + 1", (2, 0, true)),
        ("UPDATE botwarden.sessions SET bot = 'bank' WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE botwarden.sessions SET hash = sha256('x') WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE botwarden.sessions SET subject = sha256('x') WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE botwarden.sessions SET key = (SELECT id FROM botwarden.keys WHERE seq = 2)", (2, 0, true)),
        (
            "UPDATE botwarden.sessions SET sealed = (SELECT sealed FROM botwarden.sessions WHERE id = 'ses_a')
             WHERE id = 'ses_b'",
            (2, 1, true),
        ),
        ("UPDATE botwarden.sessions SET id = 'ses_c' WHERE id = 'ses_b'", (2, 1, true)),
        ("UPDATE botwarden.turns SET number = number + 10", (2, 2, false)),
        ("UPDATE botwarden.turns SET created = 0", (2, 2, false)),
        ("UPDATE botwarden.turns SET body = sha256('x')", (2, 2, false)),
        (
            "UPDATE botwarden.turns SET sealed = (SELECT sealed FROM botwarden.turns WHERE number = 1)
             WHERE number = 2",
            (2, 2, false),
        ),
    ] {
        assert_eq!(after(&site, sql).await, want, "{sql}");
    }
}

/// An edited row holds up nothing: neither the revocation of another key nor its own.
#[tokio::test]
async fn keys_are_revoked_whatever_their_rows_hold() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    let (_, edited) = issue(&*node.keys, &node.pepper, new.clone(), NOW).await.unwrap();
    let (_, sound) = issue(&*node.keys, &node.pepper, new, NOW).await.unwrap();
    site.database.sql("UPDATE botwarden.keys SET bot = 'bank' WHERE seq = 1");
    assert!(revoke(&*node.keys, &sound.id, NOW).await.unwrap().is_some());
    assert!(revoke(&*node.keys, &edited.id, NOW).await.is_err(), "it says that the row was changed…");
    let left = site.database.sql("SELECT count(*) FROM botwarden.keys WHERE revoked IS NULL");
    assert_eq!(left.trim(), "0", "…and has revoked it");
}

#[tokio::test]
async fn an_edited_shelf_is_noticed() {
    for (sql, what) in [
        (
            "UPDATE data_keys SET wrapped = decode(repeat('00', 93), 'hex') WHERE purpose = 'pepper'",
            "changed",
        ),
        ("UPDATE data_keys SET number = '\\x0123456789abcdef' WHERE purpose = 'system'", "changed"),
        (
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE purpose = 'index')
             WHERE purpose = 'pepper'",
            "changed",
        ),
        ("UPDATE tenant_keys SET wrapped = decode(repeat('00', 93), 'hex')", "changed"),
        ("UPDATE tenant_keys SET number = '\\x0123456789abcdef'", "changed"),
        ("UPDATE tenant_keys SET root = 'local:0'", "other root"),
    ] {
        let Some(site) = Site::new() else { return };
        site.node("one").await.store.close().await;
        site.database.sql(&format!("SET search_path = botwarden_keys; {sql}"));
        let error = super::tables::keyring_refused(&site, "one").await;
        assert!(error.to_string().contains("the schema `botwarden_keys`"), "{sql}: {error}");
        match (what, error) {
            ("changed", KeyringError::Changed { .. }) | ("other root", KeyringError::WrongRoot { .. }) => {}
            (_, error) => panic!("{sql}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn who_edits_the_database_approves_nothing() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let calls = approvals::prepared(&node).await;
    for sql in approvals::FORGERIES {
        let sql = sql.replace("approvals", "botwarden.approvals");
        site.database.sql(&format!("CREATE TABLE public.before AS SELECT * FROM botwarden.approvals; {sql}"));
        let usable = approvals::usable(&node, &calls).await;
        assert!(usable.is_empty(), "{sql}: {usable:?}");
        site.database.sql(
            "DELETE FROM botwarden.approvals;
             INSERT INTO botwarden.approvals OVERRIDING SYSTEM VALUE SELECT * FROM public.before;
             DROP TABLE public.before",
        );
    }
}

/// Whom a stop means, and why, may be hidden by whoever edits the database; that something is stopped may not.
#[tokio::test]
async fn an_edited_stop_stops_no_less() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let user = UserName::parse("alice").unwrap();
    for scope in [Scope::User(bot("shop"), user), Scope::Everything, Scope::Session(session_id("ses_a"))] {
        let stop = Stop { scope, reason: "r".into(), by: "uid:0".into(), since: NOW };
        node.store.quarantine().stop(&stop).await.unwrap();
    }
    site.database.sql("UPDATE botwarden.quarantines SET sealed = sha256(sealed)");
    let stops = node.store.quarantine().stops().await.unwrap().stops;
    let scopes: Vec<_> = stops.into_iter().map(|stop| stop.scope).collect();
    let want = [Scope::Bot(bot("shop")), Scope::Everything, Scope::Session(session_id("ses_a"))];
    assert_eq!(scopes, want, "who cannot be read stands for their bot");
}
