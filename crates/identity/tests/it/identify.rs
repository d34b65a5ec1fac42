//! Who is recognised, and who no longer.

use botwarden_identity::{ApiKey, Credential, IdentifyError, Right, Rights, SessionToken};
use botwarden_types::{UnixMs, UserName};

use crate::{NOW, World, chat};

#[tokio::test]
async fn keys() {
    let world = World::new().await;
    let (sound, record) = world.key("shop", chat(), None).await;
    let (expiring, _) = world.key("shop", chat(), Some(UnixMs(NOW.0 + 1000))).await;
    let (revoked, of_revoked) = world.key("shop", chat(), Some(UnixMs(NOW.0 + 1000))).await;
    world.store.state.lock().keys[2].record.revoked = Some(NOW);
    world.store.state.lock().generation += 1;
    world.authenticator.refresh_keys().await.unwrap();
    let foreign = ApiKey::random().unwrap();
    for (name, key, at, want) in [
        ("never issued", &foreign, NOW, Err(IdentifyError::Unknown)),
        ("revoked", &revoked, NOW, Err(IdentifyError::Revoked)),
        ("revoked and expired", &revoked, UnixMs(NOW.0 + 1000), Err(IdentifyError::Revoked)),
        ("expired this very millisecond", &expiring, UnixMs(NOW.0 + 1000), Err(IdentifyError::Expired)),
        ("long expired", &expiring, UnixMs(u64::MAX), Err(IdentifyError::Expired)),
        ("about to expire", &expiring, UnixMs(NOW.0 + 999), Ok(())),
        ("sound", &sound, UnixMs(u64::MAX), Ok(())),
    ] {
        let got = world.authenticator.identify(&Credential::Key(key.clone()), at);
        assert_eq!(got.map(drop), want, "{name}");
    }
    let principal = world.authenticator.identify(&Credential::Key(sound), NOW).unwrap();
    assert_eq!((&principal.key, principal.bot.as_str(), principal.rights), (&record.id, "shop", chat()));
    assert!(principal.session.is_none() && principal.user().is_none());
    assert_ne!(record.id, of_revoked.id);
}

/// The same 43 characters under the other prefix are another secret.
#[tokio::test]
async fn a_key_is_no_session_token_and_the_other_way_round() {
    let world = World::new().await;
    let (key, _) = world.key("shop", chat(), None).await;
    let as_token = SessionToken::parse(&key.expose().replacen("bw_", "bws_", 1)).unwrap();
    let caller = world.backend("shop").await;
    let (token, _) = world.open(&caller).await;
    let as_key = ApiKey::parse(&token.expose().replacen("bws_", "bw_", 1)).unwrap();
    for credential in [Credential::Session(as_token), Credential::Key(as_key)] {
        assert_eq!(world.authenticator.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown));
    }
}

#[tokio::test]
async fn one_changed_character_is_unknown() {
    let world = World::new().await;
    let (key, _) = world.key("shop", chat(), None).await;
    for at in 3..key.expose().len() - 1 {
        let mut text = key.expose().to_owned();
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        text.replace_range(at..=at, other);
        let changed = Credential::Key(ApiKey::parse(&text).unwrap());
        assert_eq!(
            world.authenticator.identify(&changed, NOW).map(drop),
            Err(IdentifyError::Unknown),
            "{at}"
        );
    }
}

#[tokio::test]
async fn users_are_named_only_with_the_right() {
    let world = World::new().await;
    let bob = || UserName::parse("bob").unwrap();
    for (name, rights, ok) in [
        ("chat", vec![Right::Chat], false),
        ("backend", vec![Right::Session, Right::Approve, Right::Data], false),
        ("assert-user", vec![Right::AssertUser], true),
        ("both", vec![Right::Chat, Right::AssertUser], true),
    ] {
        let (key, _) = world.key("shop", Rights::new(rights).unwrap(), None).await;
        let principal = world.authenticator.identify(&Credential::Key(key), NOW).unwrap();
        let asserted = principal.assert_user(bob());
        assert_eq!(asserted.is_ok(), ok, "{name}");
        if let Ok(principal) = asserted {
            assert_eq!(principal.user(), Some(&bob()));
        }
    }
    let caller = world.backend("shop").await;
    let (token, _) = world.open(&caller).await;
    let principal = world.authenticator.identify(&Credential::Session(token), NOW).unwrap();
    assert!(principal.assert_user(bob()).is_err(), "a session's user stays");
}

#[tokio::test]
async fn a_revocation_is_in_force_when_the_refresh_returns() {
    let world = World::new().await;
    let (key, record) = world.key("shop", chat(), None).await;
    let credential = Credential::Key(key);
    let in_flight = world.authenticator.identify(&credential, NOW).unwrap();
    botwarden_identity::keys::revoke(&*world.store, &record.id, NOW).await.unwrap();
    assert!(world.authenticator.identify(&credential, NOW).is_ok(), "nobody has told yet");
    world.authenticator.refresh_keys_if_changed().await.unwrap();
    assert_eq!(world.authenticator.identify(&credential, NOW).map(drop), Err(IdentifyError::Revoked));
    assert_eq!(in_flight.still_valid(NOW), Err(IdentifyError::Revoked));
    assert_eq!(in_flight.taken_back().await, IdentifyError::Revoked);
}

#[tokio::test]
async fn a_key_deleted_from_the_store_is_unknown_and_its_streams_are_cut() {
    let world = World::new().await;
    let (key, _) = world.key("shop", chat(), None).await;
    let credential = Credential::Key(key);
    let in_flight = world.authenticator.identify(&credential, NOW).unwrap();
    world.store.state.lock().keys.clear();
    world.store.state.lock().generation += 1;
    world.authenticator.refresh_keys().await.unwrap();
    assert_eq!(world.authenticator.identify(&credential, NOW).map(drop), Err(IdentifyError::Unknown));
    assert_eq!(in_flight.taken_back().await, IdentifyError::Revoked);
}

/// A reading from before the revocation that arrives after it must not bring the key back.
#[tokio::test]
async fn an_older_reading_brings_nothing_back() {
    let world = World::new().await;
    let (key, record) = world.key("shop", chat(), None).await;
    let credential = Credential::Key(key);
    let before = {
        let state = world.store.state.lock();
        (state.generation, state.keys.clone())
    };
    botwarden_identity::keys::revoke(&*world.store, &record.id, NOW).await.unwrap();
    world.authenticator.refresh_keys().await.unwrap();
    {
        let mut state = world.store.state.lock();
        (state.generation, state.keys) = before;
    }
    world.authenticator.refresh_keys().await.unwrap();
    assert_eq!(world.authenticator.identify(&credential, NOW).map(drop), Err(IdentifyError::Revoked));
}

/// Other keys' streams are not woken.
#[tokio::test]
async fn only_the_revoked_key_is_taken_back() {
    let world = World::new().await;
    let (kept, _) = world.key("shop", chat(), None).await;
    let (_, record) = world.key("shop", chat(), None).await;
    let principal = world.authenticator.identify(&Credential::Key(kept), NOW).unwrap();
    let mut taken_back = std::pin::pin!(principal.taken_back());
    botwarden_identity::keys::revoke(&*world.store, &record.id, NOW).await.unwrap();
    world.authenticator.refresh_keys().await.unwrap();
    let polled =
        std::future::poll_fn(|context| std::task::Poll::Ready(taken_back.as_mut().poll(context))).await;
    assert!(polled.is_pending());
}
