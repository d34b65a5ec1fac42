//! Sessions: what their token may do, whose they are, how they end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use botwarden_identity::{
    Authenticator, Bounds, Claim, Credential, EndError, Ended, IdempotencyKey, IdentifyError, OpenError,
    Right, Rights, Turn, TurnError,
};
use botwarden_types::{SessionId, UnixMs};

use crate::{HOUR, NOW, World, alice, chat};

fn turn() -> (Turn, IdempotencyKey) {
    (Turn::new("hello".into(), &[]).unwrap(), IdempotencyKey::parse("k").unwrap())
}

#[tokio::test]
async fn a_token_acts_for_its_user_and_may_chat_alone() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (token, session) = world.open(&caller).await;
    let principal = world.authenticator.identify(&Credential::Session(token), NOW).unwrap();
    assert_eq!(principal.user().unwrap().as_str(), "alice");
    assert_eq!(principal.rights, chat());
    assert_eq!((&principal.bot, &principal.key), (&caller.bot, &caller.key));
    let claim = principal.session.as_ref().unwrap().claims.named("customer_id");
    assert_eq!(claim, Some(&Claim::Text("C-7".into())));

    let (turn, key) = turn();
    let authenticator = &world.authenticator;
    assert!(matches!(
        authenticator.open_session(&principal, alice(HOUR), NOW).await,
        Err(OpenError::NotAllowed)
    ));
    assert!(matches!(
        authenticator.end_session(&principal, &session.id, NOW).await,
        Err(EndError::NotAllowed)
    ));
    let added = authenticator.add_turn(&principal, &session.id, &turn, &key, NOW).await;
    assert!(matches!(added, Err(TurnError::NotAllowed)));
}

#[tokio::test]
async fn sessions_that_another_process_deleted_are_over() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (gone, session) = world.open(&caller).await;
    let (kept, _) = world.open(&caller).await;
    let in_flight = world.authenticator.identify(&Credential::Session(gone.clone()), NOW).unwrap();
    world.store.state.lock().sessions.retain(|(kept, _)| kept.id != session.id);
    world.authenticator.end_deleted_sessions(NOW).await.unwrap();
    assert_eq!(in_flight.still_valid(NOW), Err(IdentifyError::Ended));
    let gone = world.authenticator.identify(&Credential::Session(gone), NOW);
    assert_eq!(gone.map(drop), Err(IdentifyError::Unknown));
    assert!(world.authenticator.identify(&Credential::Session(kept), NOW).is_ok());
}

/// It is kept already, not yet in memory, and its person is erased.
#[tokio::test]
async fn a_session_that_is_deleted_while_it_is_opened_is_over() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    for fails in [false, true] {
        world.store.dawdles.store(true, Ordering::SeqCst);
        let mut opening = std::pin::pin!(world.authenticator.open_session(&caller, alice(HOUR), NOW));
        tokio::select! {
            biased;
            opened = &mut opening => panic!("it did not dawdle: {:?}", opened.map(drop)),
            () = std::future::ready(()) => {}
        }
        assert_eq!(std::mem::take(&mut world.store.state.lock().sessions).len(), 1, "it is kept");
        world.authenticator.end_deleted_sessions(NOW).await.unwrap();
        world.store.fails.store(fails, Ordering::SeqCst);
        match opening.await {
            Ok((token, _)) => {
                assert!(!fails);
                let token = Credential::Session(token);
                let refused = world.authenticator.identify(&token, NOW).map(drop);
                assert_eq!(refused, Err(IdentifyError::Unknown));
            }
            Err(error) => assert!(fails && matches!(error, OpenError::Store(_)), "{error:?}"),
        }
    }
}

/// Two processes on one store, of which only one opens and ends sessions.
#[tokio::test]
async fn sessions_of_another_process_are_taken_up_and_let_go() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    for everything in [false, true] {
        let other = world.restarted(NOW).await;
        let (token, session) = world.open(&caller).await;
        let credential = Credential::Session(token);
        let told = async |authenticator: &Authenticator| match everything {
            true => authenticator.refresh_sessions(NOW).await.unwrap(),
            false => authenticator.refresh_session(&session.id, NOW).await.unwrap(),
        };
        assert_eq!(other.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown), "not told yet");
        told(&other).await;
        let in_flight = other.identify(&credential, NOW).unwrap();
        for authenticator in [&other, &world.authenticator] {
            told(authenticator).await; // again, and the one that knows it
            assert!(authenticator.identify(&credential, NOW).is_ok());
        }
        world.authenticator.end_session(&caller, &session.id, NOW).await.unwrap();
        told(&other).await;
        assert_eq!(in_flight.taken_back().await, IdentifyError::Ended);
        assert_eq!(other.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown));
        told(&other).await;
    }
}

/// It is told of a session that it is just opening itself: that counts once against the bounds.
#[tokio::test]
async fn a_session_that_is_taken_up_twice_counts_once() {
    let world = World::bounded(Bounds { sessions_per_bot_max: 2, ..Bounds::default() }).await;
    let caller = world.backend("shop").await;
    let (_, session) = world.open(&caller).await;
    world.authenticator.refresh_session(&session.id, NOW).await.unwrap();
    world.authenticator.refresh_sessions(NOW).await.unwrap();
    world.open(&caller).await;
    let third = world.authenticator.open_session(&caller, alice(HOUR), NOW).await;
    assert!(matches!(third, Err(OpenError::TooMany { max: 2 })));
}

#[tokio::test]
async fn only_the_right_opens_sessions() {
    let world = World::new().await;
    for (rights, ok) in [
        (vec![Right::Chat], false),
        (vec![Right::AssertUser], false),
        (vec![Right::Approve, Right::Data], false),
        (vec![Right::Session], true),
    ] {
        let name = format!("{rights:?}");
        let (key, _) = world.key("shop", Rights::new(rights).unwrap(), None).await;
        let caller = world.authenticator.identify(&Credential::Key(key), NOW).unwrap();
        let opened = world.authenticator.open_session(&caller, alice(HOUR), NOW).await;
        assert_eq!(opened.is_ok(), ok, "{name}");
    }
}

#[tokio::test]
async fn another_bots_session_does_not_exist() {
    let world = World::new().await;
    let (shop, bank) = (world.backend("shop").await, world.backend("bank").await);
    let (token, session) = world.open(&shop).await;
    let (turn, key) = turn();
    let unknown = SessionId::parse("ses_unknown").unwrap();
    for (name, caller, id) in [("another bot's", &bank, &session.id), ("unknown", &shop, &unknown)] {
        let ended = world.authenticator.end_session(caller, id, NOW).await;
        assert!(matches!(ended, Err(EndError::NotFound)), "{name}");
        let added = world.authenticator.add_turn(caller, id, &turn, &key, NOW).await;
        assert!(matches!(added, Err(TurnError::NotFound)), "{name}");
    }
    assert!(world.authenticator.identify(&Credential::Session(token), NOW).is_ok(), "it lives on");
    let sibling = world.backend("shop").await;
    assert!(
        world.authenticator.add_turn(&sibling, &session.id, &turn, &key, NOW).await.is_ok(),
        "a sibling key's"
    );
}

#[tokio::test]
async fn an_ended_session_is_dead_everywhere() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (token, session) = world.open(&caller).await;
    let credential = Credential::Session(token);
    let in_flight = world.authenticator.identify(&credential, NOW).unwrap();
    assert_eq!(world.authenticator.end_session(&caller, &session.id, NOW).await.unwrap(), Ended::Now);
    assert_eq!(world.authenticator.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown));
    assert_eq!(in_flight.still_valid(NOW), Err(IdentifyError::Ended));
    assert_eq!(in_flight.taken_back().await, IdentifyError::Ended);
    assert_eq!(world.authenticator.end_session(&caller, &session.id, NOW).await.unwrap(), Ended::Before);
    let restarted = world.restarted(NOW).await;
    assert_eq!(restarted.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown));
}

#[tokio::test]
async fn sessions_expire_and_never_outlive_their_key() {
    let world = World::new().await;
    let key_expires = UnixMs(NOW.0 + 10_000);
    let (key, _) = world.key("shop", Rights::backend(), Some(key_expires)).await;
    let caller = world.authenticator.identify(&Credential::Key(key), NOW).unwrap();
    for (ttl, expires) in [(Duration::from_secs(5), UnixMs(NOW.0 + 5000)), (HOUR, key_expires)] {
        let (token, session) = world.authenticator.open_session(&caller, alice(ttl), NOW).await.unwrap();
        assert_eq!(session.expires, expires);
        let credential = Credential::Session(token);
        let in_flight = world.authenticator.identify(&credential, UnixMs(expires.0 - 1)).unwrap();
        assert_eq!(world.authenticator.identify(&credential, expires).map(drop), Err(IdentifyError::Expired));
        assert_eq!(in_flight.still_valid(expires), Err(IdentifyError::Expired));
    }
    let late = world.authenticator.open_session(&caller, alice(HOUR), key_expires).await;
    assert!(matches!(late, Err(OpenError::Invalidated)), "the key has expired meanwhile");
}

#[tokio::test]
async fn sessions_survive_a_restart_unless_over() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    let (kept, session) = world.open(&caller).await;
    let (short, _) =
        world.authenticator.open_session(&caller, alice(Duration::from_secs(1)), NOW).await.unwrap();
    let later = UnixMs(NOW.0 + 1000);
    let restarted = world.restarted(later).await;
    let principal = restarted.identify(&Credential::Session(kept), later).unwrap();
    let resumed = principal.session.as_ref().unwrap();
    assert_eq!((&resumed.id, &resumed.user, &resumed.claims), (&session.id, &session.user, &session.claims));
    assert_eq!((resumed.created, resumed.expires), (session.created, session.expires));
    assert_eq!(restarted.identify(&Credential::Session(short), later).map(drop), Err(IdentifyError::Unknown));
}

#[tokio::test]
async fn revoking_a_key_takes_back_what_it_opened() {
    let world = World::new().await;
    let (leaked, sound) = (world.backend("shop").await, world.backend("shop").await);
    let (theirs, _) = world.open(&leaked).await;
    let (ours, _) = world.open(&sound).await;
    let (theirs, ours) = (Credential::Session(theirs), Credential::Session(ours));
    let in_flight = world.authenticator.identify(&theirs, NOW).unwrap();
    botwarden_identity::keys::revoke(&*world.store, &leaked.key, NOW).await.unwrap();
    world.authenticator.refresh_keys().await.unwrap();
    assert_eq!(world.authenticator.identify(&theirs, NOW).map(drop), Err(IdentifyError::Revoked));
    assert_eq!(in_flight.taken_back().await, IdentifyError::Revoked);
    assert!(world.authenticator.identify(&ours, NOW).is_ok());
    let opened = world.authenticator.open_session(&leaked, alice(HOUR), NOW).await;
    assert!(matches!(opened, Err(OpenError::Invalidated)), "nor does it open more");
    let restarted = world.restarted(NOW).await;
    assert_eq!(restarted.identify(&theirs, NOW).map(drop), Err(IdentifyError::Unknown));
}

/// The revocation is committed, but the server has not heard of it yet.
#[tokio::test]
async fn a_key_revoked_elsewhere_opens_nothing() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    botwarden_identity::keys::revoke(&*world.store, &caller.key, NOW).await.unwrap();
    let opened = world.authenticator.open_session(&caller, alice(HOUR), NOW).await;
    assert!(matches!(opened, Err(OpenError::Invalidated)));
}
