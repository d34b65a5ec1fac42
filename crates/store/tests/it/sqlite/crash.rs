//! A process killed between, or amid, operations.

use botwarden_identity::keys::{NewKey, issue, list};
use botwarden_identity::{Appended, NewTurn, Rights, SessionStore};
use botwarden_store::{DataDir, Sqlite};

use super::keyring;
use crate::child::{Part, Player, say};
use crate::conformance::{MUCH_LATER, NOW, bot, session, session_id, turn};

/// The part [`Part::Write`]: a key, a session, a turn, and again; each is said once it has been acknowledged.
pub(crate) fn write_until_killed(data: &DataDir) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let keyring = keyring(data).await;
        let (pepper, index) = (keyring.pepper().unwrap(), keyring.index().unwrap());
        let store = Sqlite::open(data, keyring).await.unwrap();
        say("open");
        for round in 0.. {
            let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
            let (_, key) = issue(&store, &pepper, new, NOW).await.unwrap();
            say(&format!("key {}", key.id));
            let id = format!("ses_{round}_{}", key.id);
            store.insert_session(&session(&id, &key, MUCH_LATER, &pepper)).await.unwrap();
            say(&format!("session {id}"));
            let (of, in_session) = (bot("shop"), session_id(&id));
            let new = NewTurn {
                id: format!("trn_{id}"),
                session: &in_session,
                bot: &of,
                idempotency: index.hash("key", b"k"),
                body: index.hash("body", b"b"),
                turn: &turn("hello"),
                created: NOW,
                turns_max: 10,
            };
            assert_eq!(store.append_turn(new).await.unwrap(), Appended::Kept);
            say(&format!("turn {id}"));
        }
    });
}

/// After each kill the store opens, and everything that was acknowledged is there.
#[tokio::test]
async fn nothing_acknowledged_is_lost_when_killed() {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    let mut said = Vec::new();
    for lines in [0, 1, 2, 5, 11, 30] {
        let mut player = Player::start(Part::Write, data.path());
        for _ in 0..lines {
            said.push(player.hear().unwrap());
        }
        said.extend(player.kill());

        let store = Sqlite::open(&data, keyring(&data).await).await.unwrap();
        let keys = list(&store).await.unwrap();
        let sessions = store.live_sessions(NOW).await.unwrap();
        for line in &said {
            let (kind, id) = line.split_once(' ').unwrap_or((line, ""));
            let found = match kind {
                "key" => keys.iter().any(|key| key.id.as_str() == id),
                "session" => sessions.iter().any(|session| session.id.as_str() == id),
                "turn" => store.turns(&bot("shop"), &session_id(id)).await.unwrap().len() == 1,
                _ => true,
            };
            assert!(found, "{line}");
        }
        store.close().await;
    }
    assert!(said.len() > 40, "{said:?}");
}
