//! What erasing a person must do.

use botwarden_crypto::Purpose;
use botwarden_identity::{Appended, NewTurn};
use botwarden_store::Erased;
use botwarden_types::UserName;

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session, session_id, turn};

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

/// Opens a session for a person, with a turn.
async fn visit(backend: &Backend, id: &str, of: &str, name: &str) {
    let (_, key) = backend.issue(of).await;
    let mut session = session(id, &key, MUCH_LATER, &backend.pepper);
    session.user = user(name);
    backend.sessions.insert_session(&session).await.unwrap();
    assert_eq!(post(backend, id, of, "k").await, Appended::Kept);
}

/// Posts a turn in a session.
async fn post(backend: &Backend, id: &str, of: &str, key: &str) -> Appended {
    let (of, in_session, turn) = (bot(of), session_id(id), turn("hello"));
    let new = NewTurn {
        id: format!("trn_{id}_{key}"),
        session: &in_session,
        bot: &of,
        idempotency: backend.index.hash("key", key.as_bytes()),
        body: backend.index.hash("body", b"b"),
        turn: &turn,
        created: NOW,
        turns_max: 10,
    };
    backend.sessions.append_turn(new).await.unwrap()
}

pub(crate) async fn erasing_a_person_deletes_what_is_theirs_alone(backend: Backend) {
    for (id, of, name) in [
        ("ses_a", "shop", "alice"),
        ("ses_b", "shop", "alice"),
        ("ses_bob", "shop", "bob"),
        ("ses_bank", "bank", "alice"),
    ] {
        visit(&backend, id, of, name).await;
    }
    let erased = backend.store.erase_subject(&bot("shop"), &user("alice"), LATER).await.unwrap();
    assert!(erased.key.is_some());
    assert_eq!(erased.sessions, 2);
    for process in [&backend, &backend.another().await] {
        let left = process.sessions.live_sessions(LATER).await.unwrap();
        let left: Vec<_> = left.iter().map(|session| session.id.as_str()).collect();
        assert_eq!(left, ["ses_bob", "ses_bank"], "users of two bots are two people");
        assert_eq!(process.sessions.turns(&bot("shop"), &session_id("ses_a")).await.unwrap(), []);
        assert_eq!(process.sessions.turns(&bot("bank"), &session_id("ses_bank")).await.unwrap().len(), 1);
    }
    visit(&backend, "ses_new", "shop", "alice").await;
    assert_eq!(backend.sessions.live_sessions(LATER).await.unwrap().len(), 3, "they may come again");
}

pub(crate) async fn erasing_nobody_does_nothing(backend: Backend) {
    visit(&backend, "ses_a", "shop", "alice").await;
    for (of, name) in [("shop", "bob"), ("bank", "alice")] {
        let erased = backend.store.erase_subject(&bot(of), &user(name), LATER).await.unwrap();
        assert_eq!(erased, Erased { key: None, sessions: 0, exchanges: 0 }, "{of} {name}");
    }
    assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap().len(), 1);
}

/// The key goes first, the rows a moment later.
pub(crate) async fn a_turn_of_somebody_who_is_being_erased_gets_no_new_key(backend: Backend) {
    let other = backend.another().await;
    for (id, eraser) in [("ses_a", &backend), ("ses_b", &other)] {
        visit(&backend, id, "shop", "alice").await;
        let people = async || {
            let listed = other.keyring.list_each(None, 100).await.unwrap();
            let mut people = listed.into_iter().filter(|key| key.purpose == Purpose::Subject);
            people.next().and_then(|key| key.number)
        };
        let key = people().await.unwrap();
        assert!(eraser.keyring.destroy(&key, LATER).await.unwrap());
        assert_eq!(post(&backend, id, "shop", "k2").await, Appended::NotFound, "{id}");
        assert_eq!(people().await, None, "{id}");
    }
}
