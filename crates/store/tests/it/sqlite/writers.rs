//! Writers that meet an erasure amid their work: keys lie in another file, so that both are not one transaction.

use botwarden_identity::keys::{NewKey, issue};
use botwarden_identity::{Inserted, Rights, SessionStore};
use botwarden_store::NewExchange;
use botwarden_types::UserName;

use super::files::by_hand;
use super::{Place, keyring};
use crate::conformance::exchanges::exchange;
use crate::conformance::{LATER, MUCH_LATER, NOW, bot, session};

/// Both have found the person's key and wait for their turn to write when it is destroyed.
#[tokio::test]
async fn what_waits_to_be_written_while_its_person_is_erased_leaves_nothing_under_their_key() {
    let place = Place::new().await;
    let store = place.open().await;
    let alice = UserName::parse("alice@example.com").unwrap();
    let new = NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None };
    let (_, issued) = issue(&store, &place.pepper(), new, NOW).await.unwrap();
    let key = store.key_of(&bot("shop"), &alice, NOW).await.unwrap();
    let begun = NewExchange { exchange: exchange("req-a", Some(alice.as_str()), LATER), key: Some(key) };
    let opened = session("ses_a", &issued, MUCH_LATER, &place.pepper());
    let mut hand = by_hand(&place).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut hand).await.unwrap();
    let erasing = async {
        // A process of its own has to read all keys first: the writers wait by now.
        assert!(keyring(&place.data).await.destroy(&key, LATER).await.unwrap());
        sqlx::raw_sql("ROLLBACK").execute(&mut hand).await.unwrap();
    };
    let begun = [begun];
    let (kept, inserted, ()) =
        tokio::join!(store.keep_exchanges(&begun), store.insert_session(&opened), erasing);
    kept.unwrap();
    assert_eq!(inserted.unwrap(), Inserted::Yes);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM exchanges")
        .fetch_one(&mut by_hand(&place).await)
        .await
        .unwrap();
    assert_eq!(kept, 0, "what was begun is dropped");
    assert_eq!(store.live_sessions(NOW).await.unwrap(), [opened], "who comes again begins anew");
}
