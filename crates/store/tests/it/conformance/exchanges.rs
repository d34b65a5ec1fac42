//! What keeping exchanges must do.

use botwarden_store::NewExchange;
use botwarden_types::{KeptContent, KeptExchange, KeptText, KeyId, RequestId, UnixMs, UserName};

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session_id};

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

pub(crate) fn exchange(request: &str, name: Option<&str>, expires: UnixMs) -> KeptExchange {
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

/// Keeps exchanges as whoever begins and ends them at once.
async fn keep(backend: &Backend, exchanges: &[KeptExchange]) {
    let mut begun = Vec::new();
    for exchange in exchanges {
        begun.push(begin(backend, exchange.clone()).await);
    }
    backend.store.keep_exchanges(&begun).await.unwrap();
}

async fn begin(backend: &Backend, exchange: KeptExchange) -> NewExchange {
    let key = match &exchange.user {
        Some(user) => Some(backend.store.key_of(&exchange.bot, user, NOW).await.unwrap()),
        None => None,
    };
    NewExchange { exchange, key }
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
    keep(&backend, &[&kept[..2], &others, &kept[2..]].concat()).await;
    let first = of(&backend, "alice", 0, 2).await;
    let rest = of(&backend, "alice", first[1].0, 2).await;
    let all: Vec<_> = first.into_iter().chain(rest).map(|(_, exchange)| exchange).collect();
    assert_eq!(all, kept);
    let elsewhere = backend.store.exchanges_of(&bot("bank"), &user("alice"), 0, 10).await.unwrap();
    assert_eq!(elsewhere, [], "a user of another bot is another person");
}

pub(crate) async fn an_exchange_is_kept_once(backend: Backend) {
    let first = exchange("req-a", Some("alice"), LATER);
    keep(&backend, std::slice::from_ref(&first)).await;
    let again = KeptExchange { status: 500, ..first.clone() };
    keep(&backend, &[again, exchange("req-b", Some("alice"), LATER)]).await;
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
    keep(&backend, &kept).await;
    for (name, now, want) in
        [("nothing yet", NOW, 0), ("a batch", LATER, 2), ("the rest", LATER, 1), ("nothing left", LATER, 0)]
    {
        assert_eq!(backend.store.purge_exchanges(now, 2).await.unwrap(), want, "{name}");
    }
    assert_eq!(of(&backend, "alice", 0, 10).await.len(), 1);
}

pub(crate) async fn exchanges_go_with_their_person(backend: Backend) {
    let of_alice = [exchange("req-a", Some("alice"), LATER), exchange("req-b", Some("alice"), LATER)];
    keep(&backend, &of_alice).await;
    keep(&backend, &[exchange("req-c", Some("bob"), LATER)]).await;
    let erased = backend.store.erase_subject(&bot("shop"), &user("alice"), LATER).await.unwrap();
    assert_eq!((erased.key.is_some(), erased.exchanges), (true, 2));
    assert_eq!(of(&backend, "alice", 0, 10).await, []);
    assert_eq!(of(&backend, "bob", 0, 10).await.len(), 1);
}

/// An answer may take minutes. What it says must not come back under a new key, whether or not the writer has heard of the erasure.
pub(crate) async fn what_was_under_way_when_its_person_was_erased_is_dropped(backend: Backend) {
    let other = backend.another().await;
    for (round, eraser) in [&backend, &other].into_iter().enumerate() {
        let named = |name: &str, who| exchange(&format!("req-{name}-{round}"), who, LATER);
        let begun = [
            begin(&backend, named("a", Some("alice"))).await,
            begin(&backend, named("b", Some("bob"))).await,
            begin(&backend, named("c", None)).await,
        ];
        assert!(eraser.store.erase_subject(&bot("shop"), &user("alice"), LATER).await.unwrap().key.is_some());
        backend.store.keep_exchanges(&begun).await.unwrap();
        assert_eq!(of(&backend, "alice", 0, 10).await, [], "round {round}");
        assert_eq!(
            of(&backend, "bob", 0, 10).await.len(),
            round + 1,
            "round {round}: others are not held up"
        );
        let erased = other.store.erase_subject(&bot("shop"), &user("alice"), LATER).await.unwrap();
        assert_eq!((erased.key, erased.exchanges), (None, 0), "round {round}: nothing was kept anew");
    }
    // Whoever comes back begins anew.
    backend
        .store
        .keep_exchanges(&[begin(&backend, exchange("req-d", Some("alice"), LATER)).await])
        .await
        .unwrap();
    assert_eq!(of(&backend, "alice", 0, 10).await.len(), 1);
}
