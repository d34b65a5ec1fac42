//! What a [`botwarden_identity::SessionStore`] must do.

use std::sync::Arc;

use botwarden_identity::{Appended, BoxFuture, EndOutcome, Inserted, NewTurn};
use botwarden_types::{KeyId, UnixMs};

use super::{Backend, LATER, MUCH_LATER, NOW, bot, session, session_id, turn};

/// A posting in a few words: in which session of which bot, under which key, which text, when.
struct Post<'a> {
    bot: &'a str,
    session: &'a str,
    key: &'a str,
    text: &'a str,
    at: UnixMs,
    max: usize,
}

const POST: Post<'static> =
    Post { bot: "shop", session: "ses_a", key: "k1", text: "hello", at: NOW, max: 100 };

/// Posts under the name `id`.
async fn post(backend: &Backend, id: &str, post: Post<'_>) -> Appended {
    let (of, session, turn) = (bot(post.bot), session_id(post.session), turn(post.text));
    let new = NewTurn {
        id: id.into(),
        session: &session,
        bot: &of,
        idempotency: backend.index.hash("key", post.key.as_bytes()),
        body: backend.index.hash("body", post.text.as_bytes()),
        turn: &turn,
        created: post.at,
        turns_max: post.max,
    };
    backend.sessions.append_turn(new).await.unwrap()
}

pub(crate) async fn live_sessions_come_back_whole(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    let sessions =
        [backend.session("ses_b", &key, LATER).await, backend.session("ses_a", &key, MUCH_LATER).await];
    assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap(), sessions);
}

pub(crate) async fn no_session_for_a_revoked_or_unknown_key(backend: Backend) {
    let (_, mut key) = backend.issue("shop").await;
    backend.keys.revoke_key(&key.id, NOW).await.unwrap();
    for id in [key.id.clone(), KeyId::parse("key_unknown").unwrap()] {
        key.id = id;
        let session = session("ses_a", &key, LATER, &backend.pepper);
        assert_eq!(backend.sessions.insert_session(&session).await.unwrap(), Inserted::KeyGone);
    }
    assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap(), []);
}

pub(crate) async fn ended_and_expired_sessions_are_not_live(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_expires", &key, LATER).await;
    backend.session("ses_ends", &key, MUCH_LATER).await;
    let stays = backend.session("ses_stays", &key, MUCH_LATER).await;
    backend.sessions.end_session(&bot("shop"), &session_id("ses_ends"), NOW).await.unwrap();
    assert_eq!(backend.sessions.live_sessions(LATER).await.unwrap(), [stays], "expiry itself is over");
}

pub(crate) async fn a_session_is_read_alone_while_it_is_live(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    let live = backend.session("ses_live", &key, MUCH_LATER).await;
    backend.session("ses_old", &key, LATER).await;
    backend.session("ses_ended", &key, MUCH_LATER).await;
    backend.sessions.end_session(&bot("shop"), &session_id("ses_ended"), NOW).await.unwrap();
    for (id, want) in [("ses_live", Some(live)), ("ses_old", None), ("ses_ended", None), ("ses_x", None)] {
        assert_eq!(backend.sessions.live_session(&session_id(id), LATER).await.unwrap(), want, "{id}");
    }
}

/// Whichever comes first: a session of a revoked key is not kept, or has ended.
pub(crate) async fn sessions_and_revocations_at_once_leave_none_alive(backend: Backend) {
    let other = backend.another().await;
    for round in 0..10 {
        let (_, key) = backend.issue("shop").await;
        let sessions: Vec<_> = (0..4)
            .map(|at| session(&format!("ses_{round}_{at}"), &key, MUCH_LATER, &backend.pepper))
            .collect();
        let opening = async {
            for session in &sessions {
                backend.sessions.insert_session(session).await.unwrap();
            }
        };
        let (_, revoked) = tokio::join!(opening, other.keys.revoke_key(&key.id, NOW));
        assert!(revoked.unwrap().is_some());
        assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap(), [], "round {round}");
    }
}

pub(crate) async fn ending_is_once_and_only_for_the_bot(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    backend.session("ses_old", &key, LATER).await;
    for (name, of, id, at, want) in [
        ("unknown", "shop", "ses_x", NOW, EndOutcome::NotFound),
        ("another bot's", "bank", "ses_a", NOW, EndOutcome::NotFound),
        ("ours", "shop", "ses_a", NOW, EndOutcome::Now),
        ("again", "shop", "ses_a", LATER, EndOutcome::Before),
        ("expired", "shop", "ses_old", LATER, EndOutcome::Before),
    ] {
        let got = backend.sessions.end_session(&bot(of), &session_id(id), at).await.unwrap();
        assert_eq!(got, want, "{name}");
    }
}

pub(crate) async fn turns_are_kept_once_per_idempotency_key(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    for (name, id, posted, want) in [
        ("first", "trn_1", POST, Appended::Kept),
        ("the same again", "trn_2", POST, Appended::Replayed("trn_1".into())),
        ("again, later", "trn_3", Post { at: LATER, ..POST }, Appended::Replayed("trn_1".into())),
        ("other words", "trn_4", Post { text: "bye", ..POST }, Appended::Conflict),
        ("other key", "trn_5", Post { key: "k2", ..POST }, Appended::Kept),
        ("both other", "trn_6", Post { key: "k3", text: "bye", ..POST }, Appended::Kept),
    ] {
        assert_eq!(post(&backend, id, posted).await, want, "{name}");
    }
    let kept = backend.sessions.turns(&bot("shop"), &session_id("ses_a")).await.unwrap();
    assert_eq!(kept.iter().map(|turn| turn.id.as_str()).collect::<Vec<_>>(), ["trn_1", "trn_5", "trn_6"]);
}

pub(crate) async fn turns_of_others_ended_or_full_sessions_are_refused(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for id in ["ses_a", "ses_ended", "ses_full"] {
        backend.session(id, &key, MUCH_LATER).await;
    }
    backend.session("ses_old", &key, LATER).await;
    backend.sessions.end_session(&bot("shop"), &session_id("ses_ended"), NOW).await.unwrap();
    assert_eq!(post(&backend, "trn_0", Post { session: "ses_full", max: 1, ..POST }).await, Appended::Kept);
    for (name, posted, want) in [
        ("unknown session", Post { session: "ses_x", ..POST }, Appended::NotFound),
        ("another bot's", Post { bot: "bank", ..POST }, Appended::NotFound),
        ("ended", Post { session: "ses_ended", ..POST }, Appended::Ended),
        ("expired", Post { session: "ses_old", at: LATER, ..POST }, Appended::Ended),
        ("full", Post { session: "ses_full", key: "k2", max: 1, ..POST }, Appended::TooMany),
        (
            "a repetition in a full one",
            Post { session: "ses_full", max: 1, ..POST },
            Appended::Replayed("trn_0".into()),
        ),
        ("none allowed", Post { max: 0, ..POST }, Appended::TooMany),
        ("in order", POST, Appended::Kept),
    ] {
        assert_eq!(post(&backend, "trn_1", posted).await, want, "{name}");
    }
}

pub(crate) async fn idempotency_keys_are_of_one_session(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    backend.session("ses_b", &key, MUCH_LATER).await;
    assert_eq!(post(&backend, "trn_1", POST).await, Appended::Kept);
    assert_eq!(post(&backend, "trn_2", Post { session: "ses_b", text: "bye", ..POST }).await, Appended::Kept);
}

pub(crate) async fn turns_come_back_in_order(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    let texts = ["zwei é", "eins", "drei\0\n\u{1F600}"];
    for (at, text) in texts.into_iter().enumerate() {
        let key = format!("k{at}");
        assert_eq!(
            post(&backend, &format!("trn_{at}"), Post { key: &key, text, ..POST }).await,
            Appended::Kept
        );
    }
    let kept = backend.sessions.turns(&bot("shop"), &session_id("ses_a")).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.turn.clone()).collect::<Vec<_>>(), texts.map(turn));
    assert!(kept.iter().all(|kept| kept.created == NOW));
    assert_eq!(backend.sessions.turns(&bot("bank"), &session_id("ses_a")).await.unwrap(), []);
}

pub(crate) async fn purging_deletes_what_has_expired(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for id in ["ses_a", "ses_b", "ses_c"] {
        backend.session(id, &key, LATER).await;
        assert_eq!(post(&backend, &format!("trn_{id}"), Post { session: id, ..POST }).await, Appended::Kept);
    }
    let stays = backend.session("ses_stays", &key, MUCH_LATER).await;
    for (name, at, max, want) in [
        ("nothing yet", NOW, 10, 0),
        ("a batch", LATER, 2, 2),
        ("the rest", LATER, 2, 1),
        ("nothing left", LATER, 2, 0),
    ] {
        assert_eq!(backend.sessions.purge_expired(at, max).await.unwrap(), want, "{name}");
    }
    assert_eq!(backend.sessions.live_sessions(NOW).await.unwrap(), [stays]);
    assert_eq!(backend.sessions.turns(&bot("shop"), &session_id("ses_a")).await.unwrap(), []);
}

pub(crate) async fn parallel_postings_keep_one_turn(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    let outcomes = all_at_once(backend, 16, |_| POST).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::Kept).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Appended::Kept | Appended::Replayed(_))));
}

pub(crate) async fn parallel_turns_stop_at_the_bound(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    backend.session("ses_a", &key, MUCH_LATER).await;
    let keys = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"];
    let outcomes = all_at_once(backend, keys.len(), |at| Post { key: keys[at], max: 3, ..POST }).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::Kept).count(), 3);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::TooMany).count(), 5);
}

/// Posts `count` turns in parallel.
async fn all_at_once(
    backend: Backend,
    count: usize,
    posting: impl Fn(usize) -> Post<'static>,
) -> Vec<Appended> {
    let backend = Arc::new(backend);
    let postings: Vec<BoxFuture<'_, Appended>> = (0..count)
        .map(|at| {
            let (backend, posting) = (Arc::clone(&backend), posting(at));
            Box::pin(async move { post(&backend, &format!("trn_{at}"), posting).await })
                as BoxFuture<'_, Appended>
        })
        .collect();
    join(postings).await
}

/// Drives all futures together.
async fn join<T>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in &mut pending {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if pending.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending.into_iter().map(|(_, output)| output.unwrap()).collect()
}
