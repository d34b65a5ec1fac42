//! What keeping exchanges must do.

use botwarden_types::{KeptContent, KeptExchange, KeptText, KeyId, RequestId, UnixMs, UserName};

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session_id};

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn exchange(request: &str, name: Option<&str>, expires: UnixMs) -> KeptExchange {
    let text = |bytes: &[u8], cut| KeptText { bytes: bytes.to_vec(), cut };
    KeptExchange {
        request: RequestId::parse(request).unwrap(),
        bot: bot("shop"),
        key: KeyId::parse("key_a").unwrap(),
        session: Some(session_id("ses_a")),
        user: name.map(user),
        at: NOW,
        expires,
        operation: "chat_completions".into(),
        model: "gpt-4o".into(),
        status: 200,
        verdict: "allowed".into(),
        tokens: Some((9, 4)),
        complete: true,
        content: Some(KeptContent {
            question: text("wo ist é\0 \u{1F600}?".as_bytes(), false),
            answer: text(b"\xff\xfe", true),
        }),
    }
}

async fn of(backend: &Backend, name: &str, after: i64, max: usize) -> Vec<(i64, KeptExchange)> {
    backend.store.exchanges_of(&bot("shop"), &user(name), after, max).await.unwrap()
}

pub(crate) async fn exchanges_come_back_whole_and_in_order(backend: Backend) {
    let bare = KeptExchange {
        session: None,
        tokens: None,
        complete: false,
        content: None,
        status: 503,
        verdict: "store".into(),
        ..exchange("req-a", Some("alice"), LATER)
    };
    let kept = [exchange("req-b", Some("alice"), LATER), bare, exchange("req-c", Some("alice"), MUCH_LATER)];
    let others = [exchange("req-d", Some("bob"), LATER), exchange("req-e", None, LATER)];
    backend.store.keep_exchanges(&[&kept[..2], &others, &kept[2..]].concat()).await.unwrap();
    let first = of(&backend, "alice", 0, 2).await;
    let rest = of(&backend, "alice", first[1].0, 2).await;
    let all: Vec<_> = first.into_iter().chain(rest).map(|(_, exchange)| exchange).collect();
    assert_eq!(all, kept);
    let elsewhere = backend.store.exchanges_of(&bot("bank"), &user("alice"), 0, 10).await.unwrap();
    assert_eq!(elsewhere, [], "a user of another bot is another person");
}

pub(crate) async fn an_exchange_is_kept_once(backend: Backend) {
    let first = exchange("req-a", Some("alice"), LATER);
    backend.store.keep_exchanges(std::slice::from_ref(&first)).await.unwrap();
    let again = KeptExchange { status: 500, ..first.clone() };
    backend.store.keep_exchanges(&[again, exchange("req-b", Some("alice"), LATER)]).await.unwrap();
    let kept = of(&backend, "alice", 0, 10).await;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].1, first);
}

pub(crate) async fn exchanges_whose_time_is_over_are_deleted(backend: Backend) {
    let kept: Vec<_> = [LATER, MUCH_LATER, LATER, LATER]
        .into_iter()
        .enumerate()
        .map(|(at, expires)| exchange(&format!("req-{at}"), Some("alice"), expires))
        .collect();
    backend.store.keep_exchanges(&kept).await.unwrap();
    for (name, now, want) in
        [("nothing yet", NOW, 0), ("a batch", LATER, 2), ("the rest", LATER, 1), ("nothing left", LATER, 0)]
    {
        assert_eq!(backend.store.purge_exchanges(now, 2).await.unwrap(), want, "{name}");
    }
    assert_eq!(of(&backend, "alice", 0, 10).await.len(), 1);
}

pub(crate) async fn exchanges_go_with_their_person(backend: Backend) {
    let of_alice = [exchange("req-a", Some("alice"), LATER), exchange("req-b", Some("alice"), LATER)];
    backend.store.keep_exchanges(&of_alice).await.unwrap();
    backend.store.keep_exchanges(&[exchange("req-c", Some("bob"), LATER)]).await.unwrap();
    let erased = backend.store.erase_subject(&bot("shop"), &user("alice"), LATER).await.unwrap();
    assert_eq!((erased.key.is_some(), erased.exchanges), (true, 2));
    assert_eq!(of(&backend, "alice", 0, 10).await, []);
    assert_eq!(of(&backend, "bob", 0, 10).await.len(), 1);
}
