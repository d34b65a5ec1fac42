//! A process killed between, or amid, operations; a server that goes away and comes back.

use std::path::Path;
use std::sync::Arc;

use botwarden_identity::{Appended, NewTurn};
use botwarden_store::{Change, DataDir, PostgresUrl};

use super::Site;
use crate::child::{Part, Player, say};
use crate::conformance::{Backend, MUCH_LATER, NOW, bot, session_id, turn};

/// Names the database to the part [`Part::WriteShared`].
pub(crate) const URL: &str = "BOTWARDEN_TEST_URL";

/// The part [`Part::WriteShared`]: a key, a session, a turn, and again; each is said once it has been acknowledged.
pub(crate) fn write_until_killed(data: &DataDir) {
    let url = PostgresUrl::parse(&std::env::var(URL).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Backend::open(data.clone(), Some(url), Arc::new(())).await;
        say("open");
        for round in 0.. {
            let (_, key) = node.issue("shop").await;
            say(&format!("key {}", key.id));
            let id = format!("ses_{round}_{}", key.id);
            node.session(&id, &key, MUCH_LATER).await;
            say(&format!("session {id}"));
            assert_eq!(post(&node, &id).await, Appended::Kept);
            say(&format!("turn {id}"));
        }
    });
}

async fn post(node: &Backend, id: &str) -> Appended {
    let (of, in_session) = (bot("shop"), session_id(id));
    let new = NewTurn {
        id: format!("trn_{id}"),
        session: &in_session,
        bot: &of,
        idempotency: node.index.hash("key", b"k"),
        body: node.index.hash("body", b"b"),
        turn: &turn("hello"),
        created: NOW,
        turns_max: 10,
    };
    node.sessions.append_turn(new).await.unwrap()
}

fn player(data: &Path, url: &str) -> Player {
    Player::start_with(Part::WriteShared, data, &[(URL, url)])
}

/// After each kill everything that was acknowledged is there, and writing goes on.
#[tokio::test]
async fn nothing_acknowledged_is_lost_when_killed() {
    let Some(site) = Site::new() else { return };
    let mut said = Vec::new();
    for lines in [0, 1, 2, 5, 11, 30] {
        let mut player = player(site.data("one").path(), &site.database.url());
        for _ in 0..lines {
            said.push(player.hear().unwrap());
        }
        said.extend(player.kill());
        let node = site.node("one").await;
        let keys = node.keys.list_keys().await.unwrap().keys;
        let sessions = node.sessions.live_sessions(NOW).await.unwrap();
        for line in &said {
            let (kind, id) = line.split_once(' ').unwrap_or((line, ""));
            let found = match kind {
                "key" => keys.iter().any(|key| key.record.id.as_str() == id),
                "session" => sessions.iter().any(|session| session.id.as_str() == id),
                "turn" => node.sessions.turns(&bot("shop"), &session_id(id)).await.unwrap().len() == 1,
                _ => true,
            };
            assert!(found, "{line}");
        }
        node.store.close().await;
    }
    assert!(said.len() > 40, "{said:?}");
}

/// Connections that break are replaced, without a restart of ours.
#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let mut changes = site.node("two").await.store.changes().await.unwrap().unwrap();
    let (_, key) = node.issue("shop").await;
    for round in 0..3 {
        site.database.cut_connections();
        let id = format!("ses_{round}");
        node.session(&id, &key, MUCH_LATER).await;
        assert_eq!(post(&node, &id).await, Appended::Kept, "round {round}");
    }
    // Who listens hears that something may have been missed.
    while !matches!(changes.next().await, Ok(Change::Anything)) {}
    assert_eq!(node.sessions.live_sessions(NOW).await.unwrap().len(), 3);
}
