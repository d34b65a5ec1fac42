//! Everything has a bound, and what is over gives its room back.

use std::time::Duration;

use botwarden_identity::keys::{IssueError, NewKey, issue};
use botwarden_identity::{Bounds, Credential, IdentifyError, OpenError, Rights};
use botwarden_types::{BotName, UnixMs};

use crate::{HOUR, NOW, World, alice};

fn two_sessions() -> Bounds {
    Bounds { sessions_per_bot_max: 2, ..Bounds::default() }
}

#[tokio::test]
async fn a_bot_has_so_many_sessions_and_no_more() {
    let world = World::bounded(two_sessions()).await;
    let (shop, bank) = (world.backend("shop").await, world.backend("bank").await);
    let (_, first) = world.open(&shop).await;
    world.open(&shop).await;
    let third = world.authenticator.open_session(&shop, alice(HOUR), NOW).await;
    assert!(matches!(third, Err(OpenError::TooMany { max: 2 })));
    world.open(&bank).await;
    world.authenticator.end_session(&shop, &first.id, NOW).await.unwrap();
    world.open(&shop).await;
    let fourth = world.authenticator.open_session(&shop, alice(HOUR), NOW).await;
    assert!(matches!(fourth, Err(OpenError::TooMany { max: 2 })));
}

#[tokio::test]
async fn all_sessions_share_so_much_memory() {
    let world = World::bounded(Bounds { sessions_bytes_max: 1200, ..Bounds::default() }).await;
    let (shop, bank) = (world.backend("shop").await, world.backend("bank").await);
    let (_, first) = world.open(&shop).await;
    world.open(&bank).await;
    for caller in [&shop, &bank] {
        let opened = world.authenticator.open_session(caller, alice(HOUR), NOW).await;
        assert!(matches!(opened, Err(OpenError::Full { max_bytes: 1200 })));
    }
    world.authenticator.end_session(&shop, &first.id, NOW).await.unwrap();
    world.open(&bank).await;
}

#[tokio::test]
async fn a_purge_gives_the_room_of_what_is_over_back() {
    let world = World::bounded(two_sessions()).await;
    let caller = world.backend("shop").await;
    let (token, _) =
        world.authenticator.open_session(&caller, alice(Duration::from_secs(1)), NOW).await.unwrap();
    world.open(&caller).await;
    let later = UnixMs(NOW.0 + 1000);
    assert!(world.authenticator.open_session(&caller, alice(HOUR), later).await.is_err());
    world.authenticator.purge(later).await.unwrap();
    let gone = world.authenticator.identify(&Credential::Session(token), later);
    assert_eq!(gone.map(drop), Err(IdentifyError::Unknown));
    world.authenticator.open_session(&caller, alice(HOUR), later).await.unwrap();
    assert_eq!(world.store.state.lock().sessions.len(), 2);
}

/// More expired sessions than one transaction deletes.
#[tokio::test]
async fn a_purge_goes_on_until_nothing_is_left() {
    let world = World::new().await;
    let caller = world.backend("shop").await;
    for _ in 0..600 {
        world.open(&caller).await;
    }
    world.authenticator.purge(UnixMs(NOW.0 + 3_600_000)).await.unwrap();
    assert!(world.store.state.lock().sessions.is_empty());
}

#[tokio::test]
async fn keys_that_make_no_sense_are_not_issued() {
    let world = World::new().await;
    let bot = BotName::parse("shop").unwrap();
    let sound = NewKey { bot, rights: Rights::backend(), label: Some("till".into()), expires: None };
    for (name, new) in [
        ("expired", NewKey { expires: Some(NOW), ..sound.clone() }),
        ("long expired", NewKey { expires: Some(UnixMs(0)), ..sound.clone() }),
        ("an empty label", NewKey { label: Some(String::new()), ..sound.clone() }),
        ("a long label", NewKey { label: Some("x".repeat(129)), ..sound.clone() }),
        ("a line break in the label", NewKey { label: Some("a\nb".into()), ..sound.clone() }),
    ] {
        let issued = issue(&*world.store, &world.root.pepper(), new, NOW).await;
        assert!(matches!(issued, Err(IssueError::ExpiresInThePast | IssueError::Label)), "{name}");
    }
    issue(&*world.store, &world.root.pepper(), sound, NOW).await.unwrap();
    assert_eq!(world.store.state.lock().keys.len(), 1);
}
