//! What a [`botwarden_identity::KeyStore`] must do.

use botwarden_identity::Kept;
use botwarden_types::KeyId;

use super::{Backend, LATER, MUCH_LATER, NOW, stored_key};

pub(crate) async fn issued_keys_come_back_in_order(backend: Backend) {
    let mut unlabelled = stored_key("key_a", &backend.pepper);
    unlabelled.record.label = None;
    unlabelled.record.expires = None;
    let mut empty_label = stored_key("key_m", &backend.pepper);
    empty_label.record.label = Some(String::new());
    let keys = vec![stored_key("key_z", &backend.pepper), unlabelled, empty_label];
    for key in &keys {
        assert_eq!(backend.keys.issue_key(key, 10).await.unwrap(), Kept::Yes);
    }
    assert_eq!(backend.keys.list_keys().await.unwrap().keys, keys);
}

pub(crate) async fn a_full_store_keeps_no_more(backend: Backend) {
    for (id, want) in [("key_a", Kept::Yes), ("key_b", Kept::Yes), ("key_c", Kept::Full)] {
        let key = stored_key(id, &backend.pepper);
        assert_eq!(backend.keys.issue_key(&key, 2).await.unwrap(), want, "{id}");
    }
    assert_eq!(backend.keys.list_keys().await.unwrap().keys.len(), 2);
}

pub(crate) async fn an_id_or_hash_is_kept_once(backend: Backend) {
    let first = stored_key("key_a", &backend.pepper);
    backend.keys.issue_key(&first, 10).await.unwrap();
    let mut same_id = stored_key("key_b", &backend.pepper);
    same_id.record.id = first.record.id.clone();
    let mut same_hash = stored_key("key_c", &backend.pepper);
    same_hash.hash = first.hash;
    assert!(backend.keys.issue_key(&same_id, 10).await.is_err());
    assert!(backend.keys.issue_key(&same_hash, 10).await.is_err());
    assert_eq!(backend.keys.list_keys().await.unwrap().keys, [first]);
}

pub(crate) async fn every_change_raises_the_generation(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    let issued = backend.keys.key_generation().await.unwrap();
    backend.session("ses_a", &key, LATER).await;
    assert_eq!(backend.keys.key_generation().await.unwrap(), issued, "a session is no change to a key");
    assert_eq!(backend.keys.list_keys().await.unwrap().generation, issued);
    backend.keys.revoke_key(&key.id, NOW).await.unwrap();
    let revoked = backend.keys.key_generation().await.unwrap();
    assert!(revoked > issued);
    backend.issue("shop").await;
    assert!(backend.keys.key_generation().await.unwrap() > revoked);
}

pub(crate) async fn revoking_is_for_good_and_keeps_its_time(backend: Backend) {
    let (_, key) = backend.issue("shop").await;
    for at in [LATER, MUCH_LATER] {
        let record = backend.keys.revoke_key(&key.id, at).await.unwrap().unwrap();
        assert_eq!(record.revoked, Some(LATER));
        assert_eq!(backend.keys.list_keys().await.unwrap().keys[0].record, record);
    }
}

pub(crate) async fn revoking_a_key_ends_its_sessions(backend: Backend) {
    let (_, leaked) = backend.issue("shop").await;
    let (_, sound) = backend.issue("shop").await;
    backend.session("ses_leaked", &leaked, MUCH_LATER).await;
    let stays = backend.session("ses_sound", &sound, MUCH_LATER).await;
    backend.keys.revoke_key(&leaked.id, LATER).await.unwrap();
    assert_eq!(backend.sessions.live_sessions(LATER).await.unwrap(), [stays]);
}

pub(crate) async fn unknown_keys_are_not_revoked(backend: Backend) {
    let before = backend.keys.key_generation().await.unwrap();
    let id = KeyId::parse("key_unknown").unwrap();
    assert_eq!(backend.keys.revoke_key(&id, NOW).await.unwrap(), None);
    assert_eq!(backend.keys.key_generation().await.unwrap(), before);
}
