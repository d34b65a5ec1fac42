//! Keepers of the root key that several nodes share.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use botwarden_crypto::RootProvider;
use botwarden_store::{Engine, FileRoot, KeyringError, Rotation};

use super::Site;
use crate::conformance::NOW;
use crate::sqlite::keyring::{HERE, seal};
use crate::sqlite::moving::Service;

#[tokio::test]
async fn keys_move_for_all_nodes_at_once() {
    let Some(site) = Site::new() else { return };
    let (one, two) = (site.data("one"), site.data("two"));
    let here = Engine::connect(&one, Some(&site.url())).await.unwrap();
    let there = Engine::connect(&two, Some(&site.url())).await.unwrap();
    let file = || FileRoot::open(&one).unwrap();
    let keyring = here.keyring(file(), NOW).await.unwrap();
    let sealed = seal(&keyring, "alice").await;
    let service = Service::new(None);
    let root: Arc<dyn RootProvider> = service.clone();
    let done = keyring.move_root(&*root).await.unwrap();
    assert_eq!((done.rotation, done.keys, done.now_under.as_str()), (Rotation::New, 1, "service:here"));
    assert_eq!(keyring.move_root(&*root).await.unwrap().keys, 0, "once");
    // A node that has no root key of its own at all.
    let other = there.keyring_under(root.clone(), NOW).await.unwrap();
    assert_eq!(*other.open_cell(HERE, &sealed).await.unwrap(), b"alice");
    let error = here.keyring(file(), NOW).await.map(drop).unwrap_err();
    assert!(matches!(error, KeyringError::WrongRoot { .. }), "{error}");

    service.version.store(2, Ordering::SeqCst);
    assert_eq!(other.renew_wrapping().await.unwrap().keys, 1);
    let again = there.keyring_under(root, NOW).await.unwrap();
    assert_eq!(*again.open_cell(HERE, &sealed).await.unwrap(), b"alice");
    let back = here.keyring_under(service, NOW).await.unwrap();
    assert_eq!(back.move_root(&file()).await.unwrap().keys, 1);
    let keyring = here.keyring(file(), NOW).await.unwrap();
    assert_eq!(*keyring.open_cell(HERE, &sealed).await.unwrap(), b"alice");
}
