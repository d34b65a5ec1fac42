//! A store that fails, and callers that hang up midway.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;

use botwarden_identity::{
    Authenticator, Bounds, Credential, Ended, IdempotencyKey, IdentifyError, OpenError, Turn,
};

use crate::{HOUR, NOW, World, alice, wiring};

/// Polls once and drops: what a hang-up does to a handler.
async fn hang_up<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it should be waiting for the store");
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_failing_store_refuses_and_changes_nothing() {
    let world = World::bounded(Bounds { sessions_per_bot_max: 1, ..Bounds::default() }).await;
    let caller = world.backend("shop").await;
    world.store.fails.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let opened = world.authenticator.open_session(&caller, alice(HOUR), NOW).await;
        assert!(matches!(opened, Err(OpenError::Store(_))), "no room is lost");
    }
    assert!(world.authenticator.refresh_keys().await.is_err());
    assert!(world.authenticator.purge(NOW).await.is_err());
    assert!(Authenticator::load(wiring(&world.store, &world.root, Bounds::default()), NOW).await.is_err());
    world.store.fails.store(false, Ordering::SeqCst);
    world.open(&caller).await;
}

/// The token dies at once even if the store cannot keep its end, which the caller learns and repeats.
#[tokio::test]
async fn an_end_that_could_not_be_kept_is_in_force_here_and_can_be_repeated() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (token, session) = world.open(&caller).await;
    world.store.fails.store(true, Ordering::SeqCst);
    assert!(world.authenticator.end_session(&caller, &session.id, NOW).await.is_err());
    let after = world.authenticator.identify(&Credential::Session(token), NOW);
    assert_eq!(after.map(drop), Err(IdentifyError::Unknown));
    world.store.fails.store(false, Ordering::SeqCst);
    assert_eq!(world.authenticator.end_session(&caller, &session.id, NOW).await.unwrap(), Ended::Now);
}

#[tokio::test]
async fn hanging_up_while_opening_gives_the_room_back() {
    let world = World::bounded(Bounds { sessions_per_bot_max: 1, ..Bounds::default() }).await;
    let caller = world.backend("shop").await;
    world.store.hangs.store(true, Ordering::SeqCst);
    hang_up(world.authenticator.open_session(&caller, alice(HOUR), NOW)).await;
    world.store.hangs.store(false, Ordering::SeqCst);
    world.open(&caller).await;
}

#[tokio::test]
async fn hanging_up_while_ending_leaves_the_token_dead() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (token, session) = world.open(&caller).await;
    world.store.hangs.store(true, Ordering::SeqCst);
    hang_up(world.authenticator.end_session(&caller, &session.id, NOW)).await;
    let after = world.authenticator.identify(&Credential::Session(token), NOW);
    assert_eq!(after.map(drop), Err(IdentifyError::Unknown));
}

#[tokio::test]
async fn a_turn_the_store_could_not_keep_is_not_acknowledged() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (_, session) = world.open(&caller).await;
    world.store.fails.store(true, Ordering::SeqCst);
    let turn = Turn::new("hello".into(), &[]).unwrap();
    let key = IdempotencyKey::parse("k").unwrap();
    assert!(world.authenticator.add_turn(&caller, &session.id, &turn, &key, NOW).await.is_err());
}
