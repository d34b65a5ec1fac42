//! What a [`botwarden_policy::chronicle::Chronicle`] must do.

use botwarden_identity::{Appended, NewTurn};
use botwarden_policy::chronicle::{Chronicled, ENTRIES_MAX, ENTRY_BYTES_MAX, Event, SESSION_BYTES_MAX};
use botwarden_types::{UnixMs, UserName};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session_id, turn};

const FOR_GOOD: UnixMs = UnixMs(MUCH_LATER.0 * 2);

fn said(text: &str) -> Zeroizing<Vec<u8>> {
    Event::Text { by: "assistant".into(), text: text.into() }.encode().unwrap()
}

async fn append(backend: &Backend, session: &str, texts: &[&str], until: Option<UnixMs>) -> Chronicled {
    let events: Vec<_> = texts.iter().map(|text| said(text)).collect();
    let session = session_id(session);
    backend.store.chronicle().append(&bot("shop"), &session, &events, until, NOW).await.unwrap()
}

/// What is kept: number, turns before it, words.
async fn read(backend: &Backend, session: &str, after: u64, max: usize) -> Vec<(u64, u64, String)> {
    let entries = backend.store.chronicle().read(&bot("shop"), &session_id(session), after, max).await;
    let entries = entries.unwrap().into_iter().map(|entry| {
        let Some(Event::Text { text, .. }) = Event::decode(&entry.event) else { panic!("{entry:?}") };
        (entry.number, entry.turns, text)
    });
    entries.collect()
}

async fn post(backend: &Backend, session: &str, key: &str) {
    let (of, session, turn) = (bot("shop"), session_id(session), turn("hello"));
    let new = NewTurn {
        id: format!("trn_{key}"),
        session: &session,
        bot: &of,
        idempotency: backend.index.hash("key", key.as_bytes()),
        body: backend.index.hash("body", b"hello"),
        turn: &turn,
        created: NOW,
        turns_max: 10,
    };
    assert_eq!(backend.sessions.append_turn(new).await.unwrap(), Appended::Kept);
}

pub(crate) async fn a_story_comes_back_in_order_with_its_turns(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    assert_eq!(append(&backend, "ses_a", &["before anything was said"], None).await, Chronicled::Kept);
    post(&backend, "ses_a", "k1").await;
    assert_eq!(append(&backend, "ses_a", &["é", "b"], None).await, Chronicled::Kept);
    post(&backend, "ses_a", "k2").await;
    let other = backend.another().await;
    assert_eq!(append(&other, "ses_a", &["c"], None).await, Chronicled::Kept);
    let entry = |number, turns, text: &str| (number, turns, text.to_owned());
    let all = [entry(1, 0, "before anything was said"), entry(2, 1, "é"), entry(3, 1, "b"), entry(4, 2, "c")];
    assert_eq!(read(&backend, "ses_a", 0, 10).await, all);
    assert_eq!(read(&backend, "ses_a", 1, 2).await, all[1..3]);
    let elsewhere = backend.store.chronicle().read(&bot("bank"), &session_id("ses_a"), 0, 10).await.unwrap();
    assert_eq!(elsewhere, []);
}

pub(crate) async fn entries_at_once_are_all_kept(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    let mut all = JoinSet::new();
    for at in 0..20 {
        let (chronicle, events) = (backend.store.chronicle(), [said(&at.to_string()), said("and")]);
        all.spawn(async move {
            chronicle.append(&bot("shop"), &session_id("ses_a"), &events, None, NOW).await.unwrap()
        });
    }
    assert!(all.join_all().await.iter().all(|chronicled| *chronicled == Chronicled::Kept));
    let entries = read(&backend, "ses_a", 0, 100).await;
    assert_eq!(entries.iter().map(|entry| entry.0).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert!(entries.chunks(2).all(|pair| pair[1].2 == "and"), "what belongs together stays together");
}

pub(crate) async fn a_session_that_is_over_has_no_story_to_add_to(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    backend.session("ses_expired", &key, NOW).await;
    backend.sessions.end_session(&bot("shop"), &session_id("ses_a"), NOW).await.unwrap();
    for session in ["ses_a", "ses_expired", "ses_none"] {
        assert_eq!(append(&backend, session, &["a"], None).await, Chronicled::NoSession, "{session}");
    }
}

pub(crate) async fn a_story_ends_with_its_session_or_its_retention(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for id in ["ses_short", "ses_long", "ses_out"] {
        backend.session(id, &key, LATER).await;
    }
    append(&backend, "ses_short", &["a"], None).await;
    append(&backend, "ses_long", &["b"], Some(FOR_GOOD)).await;
    append(&backend, "ses_out", &["c"], None).await;
    post(&backend, "ses_long", "k").await;
    for id in ["ses_short", "ses_long"] {
        backend.sessions.end_session(&bot("shop"), &session_id(id), NOW).await.unwrap();
    }
    assert_eq!(read(&backend, "ses_short", 0, 10).await.len(), 0, "it went with the session");
    assert_eq!(read(&backend, "ses_long", 0, 10).await.len(), 1);
    for (now, want) in [(LATER, 2), (UnixMs(FOR_GOOD.0 - 1), 0)] {
        assert_eq!(backend.sessions.purge_expired(now, 10).await.unwrap(), want);
    }
    assert_eq!(read(&backend, "ses_out", 0, 10).await.len(), 0);
    assert_eq!(read(&backend, "ses_long", 0, 10).await.len(), 1);
    let turns = backend.sessions.turns(&bot("shop"), &session_id("ses_long")).await.unwrap();
    assert_eq!(turns.len(), 1, "what was said is part of the story");
    assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap(), [], "nobody can go on with it");
    assert_eq!(backend.sessions.purge_expired(FOR_GOOD, 10).await.unwrap(), 1);
    assert_eq!(read(&backend, "ses_long", 0, 10).await.len(), 0);
}

pub(crate) async fn a_revoked_key_ends_the_stories_of_its_sessions(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for (id, until) in [("ses_a", None), ("ses_kept", Some(FOR_GOOD))] {
        backend.session(id, &key, MUCH_LATER).await;
        append(&backend, id, &["a"], until).await;
    }
    backend.keys.revoke_key(&key.id, NOW).await.unwrap();
    assert_eq!(read(&backend, "ses_a", 0, 10).await.len(), 0);
    assert_eq!(read(&backend, "ses_kept", 0, 10).await.len(), 1);
}

pub(crate) async fn a_story_has_bounds(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_many", &key, MUCH_LATER).await;
    backend.session("ses_large", &key, MUCH_LATER).await;
    let chronicle = backend.store.chronicle();
    let add = async |session: &str, events: &[Zeroizing<Vec<u8>>]| {
        chronicle.append(&bot("shop"), &session_id(session), events, None, NOW).await.unwrap()
    };
    let small = vec![said("a"); ENTRIES_MAX - 1];
    assert_eq!(add("ses_many", &small).await, Chronicled::Kept);
    assert_eq!(add("ses_many", &small[..2]).await, Chronicled::Full, "all or none");
    assert_eq!(add("ses_many", &small[..1]).await, Chronicled::Kept);
    assert_eq!(add("ses_many", &small[..1]).await, Chronicled::Full);
    let large = vec![Zeroizing::new(vec![b'x'; ENTRY_BYTES_MAX])];
    for _ in 0..SESSION_BYTES_MAX / ENTRY_BYTES_MAX {
        assert_eq!(add("ses_large", &large).await, Chronicled::Kept);
    }
    assert_eq!(add("ses_large", &small[..1]).await, Chronicled::Full);
    let larger = [Zeroizing::new(vec![b'x'; ENTRY_BYTES_MAX + 1])];
    assert_eq!(add("ses_large", &larger).await, Chronicled::Full);
}

pub(crate) async fn sessions_with_a_story_are_found(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for id in ["ses_a", "ses_silent", "ses_b"] {
        backend.session(id, &key, MUCH_LATER).await;
    }
    append(&backend, "ses_a", &["a", "b"], None).await;
    append(&backend, "ses_b", &["c"], None).await;
    let chronicle = backend.store.chronicle();
    let found = chronicle.sessions(&bot("shop"), NOW, 0, 10).await.unwrap();
    let names: Vec<_> = found.iter().map(|told| (told.session.as_str(), told.entries)).collect();
    assert_eq!(names, [("ses_a", 2), ("ses_b", 1)]);
    assert_eq!(found[0].user, UserName::parse("alice@example.com").unwrap());
    assert!(found[0].claims.contains("C-7"));
    let rest = chronicle.sessions(&bot("shop"), NOW, found[0].seq, 10).await.unwrap();
    assert_eq!(rest, found[1..]);
    for (of, since) in [("bank", NOW), ("shop", LATER)] {
        assert_eq!(chronicle.sessions(&bot(of), since, 0, 10).await.unwrap(), [], "{of}");
    }
}

pub(crate) async fn stories_go_with_their_person(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    append(&backend, "ses_a", &["a"], Some(FOR_GOOD)).await;
    let other = backend.another().await;
    let alice = UserName::parse("alice@example.com").unwrap();
    other.store.erase_subject(&bot("shop"), &alice, LATER).await.unwrap();
    for process in [&backend, &other] {
        assert_eq!(read(process, "ses_a", 0, 10).await.len(), 0);
        assert_eq!(append(process, "ses_a", &["b"], None).await, Chronicled::NoSession);
        assert_eq!(process.store.chronicle().sessions(&bot("shop"), NOW, 0, 10).await.unwrap(), []);
    }
}
