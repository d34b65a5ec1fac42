//! What earlier versions wrote.

use botwarden_crypto::Digest;
use botwarden_identity::{Appended, NewTurn};

use super::Site;
use crate::conformance::{Backend, MUCH_LATER, NOW, bot, session_id, turn};

async fn post(node: &Backend, id: &str, [idempotency, body]: [Digest; 2]) -> Appended {
    let (of, session, turn) = (bot("shop"), session_id("ses_a"), turn("hello"));
    let (session, bot, id) = (&session, &of, id.to_owned());
    let new = NewTurn { id, session, bot, idempotency, body, turn: &turn, created: NOW, turns_max: 1000 };
    node.sessions.append_turn(new).await.unwrap()
}

/// The hashes of the first turn.
fn first(site: &Site) -> [String; 2] {
    let sql = "SELECT encode(idempotency, 'hex'), encode(body, 'hex') FROM botwarden.turns WHERE number = 1";
    let line = site.database.sql(sql);
    let (idempotency, body) = line.trim().split_once('|').unwrap();
    [idempotency.to_owned(), body.to_owned()]
}

fn digest(hex: &str) -> Digest {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    Digest::from_stored(&(0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>()).unwrap()
}

/// What lies there is under another key than the hashes a turn comes with, and rows from before are brought under it, by nodes that start at once.
#[tokio::test]
async fn turns_are_hashed_under_their_persons_key() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let (_, key) = node.issue("shop").await;
    node.session("ses_a", &key, MUCH_LATER).await;
    let given = |at: i32| {
        let key = format!("k{at}");
        [node.index.hash("turns.idempotency", key.as_bytes()), node.index.hash("turns.body", b"hello")]
    };
    // More than are written anew in one transaction.
    for at in 0..300 {
        assert_eq!(post(&node, &format!("trn_{at}"), given(at)).await, Appended::Kept);
    }
    assert_eq!(post(&node, "trn_x", given(0)).await, Appended::Replayed("trn_0".into()));
    let before = first(&site);
    for (hash, given) in before.iter().zip(&given(0)) {
        assert_ne!(digest(hash), *given, "whoever has the tenant's keys can compare it with a guess");
    }
    // As if what lies there were what it came with: so it was in the version before.
    site.database.sql("UPDATE botwarden.turns SET keyed = false");
    let (one, _two) = tokio::join!(site.node("one"), site.node("two"));
    assert!(first(&site).iter().zip(&before).all(|(hash, before)| hash != before));
    let given = [digest(&before[0]), digest(&before[1])];
    assert_eq!(post(&one, "trn_y", given).await, Appended::Replayed("trn_0".into()), "known as before");
    let kept = one.sessions.turns(&bot("shop"), &session_id("ses_a")).await.unwrap();
    assert!(kept.len() == 300 && kept.iter().all(|kept| kept.turn == turn("hello")));
    assert_eq!(site.database.sql("SELECT count(*) FROM botwarden.turns WHERE NOT keyed").trim(), "0");
}
