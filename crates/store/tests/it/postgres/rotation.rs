//! Keys that several nodes share are rotated by one of them at a time.

use botwarden_store::{
    DataDir, Engine, FileRoot, Keyring, KeyringError, LockKeysError, PostgresUrl, Rotation,
};

use super::Site;
use super::crash::URL;
use crate::child::{Part, Player, say};
use crate::conformance::{LATER, NOW};
use crate::sqlite::keyring::{HERE, seal};

/// More than are wrapped anew in two transactions.
const PERSONS: usize = 600;

async fn open(data: &DataDir, url: &PostgresUrl) -> (Engine, Keyring) {
    let engine = Engine::connect(data, Some(url)).await.unwrap();
    let keyring = engine.keyring(FileRoot::open(data).unwrap(), NOW).await.unwrap();
    (engine, keyring)
}

#[tokio::test]
async fn while_one_node_changes_keys_no_other_does() {
    let Some(site) = Site::new() else { return };
    let (one, _) = open(&site.data("one"), &site.url()).await;
    let (two, _) = open(&site.data("two"), &site.url()).await;
    let held = one.lock_keys().await.unwrap();
    let refused = two.lock_keys().await.map(drop).unwrap_err();
    assert!(matches!(refused, LockKeysError::Taken { .. }), "{refused:?}");
    assert!(refused.to_string().contains("a command on another node is rotating"), "{refused}");
    let refused = one.lock_keys().await.map(drop).unwrap_err();
    assert!(matches!(refused, LockKeysError::Dir(_)), "the node's own directory: {refused:?}");
    drop(held);
    let held = two.lock_keys().await.unwrap();
    drop(held);
    one.lock_keys().await.unwrap();
}

/// Both are told to rotate; one after the other they do, and everybody reads everything.
#[tokio::test]
async fn rotations_of_two_nodes_at_once_come_one_after_the_other() {
    let Some(site) = Site::new() else { return };
    let (one, here) = open(&site.data("one"), &site.url()).await;
    let (two, there) = open(&site.data("two"), &site.url()).await;
    let sealed = seal_for_many(&here).await;
    let rotate = async |engine: &Engine, keyring: &Keyring| loop {
        match engine.lock_keys().await {
            Ok(_held) => return keyring.rotate_tenant(LATER, |_, _| {}).await.unwrap(),
            Err(LockKeysError::Taken { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let (first, second) = tokio::join!(rotate(&one, &here), rotate(&two, &there));
    let mut versions = [first.now_under, second.now_under];
    versions.sort();
    assert_eq!(versions, ["version 2", "version 3"], "neither took the other's for its own");
    assert_eq!((first.rotation, second.rotation), (Rotation::New, Rotation::New));
    for keyring in [&here, &there, &open(&site.data("three"), &site.url()).await.1] {
        for (at, cell) in sealed.iter().enumerate() {
            assert_eq!(*keyring.open_cell(HERE, cell).await.unwrap(), format!("person {at}").into_bytes());
        }
        assert!(keyring.list().await.unwrap().iter().all(|key| !key.outdated));
    }
}

/// A node whose root key was replaced on another one changes nothing, and says what to do.
#[tokio::test]
async fn the_root_key_is_not_rotated_by_a_node_that_has_the_old_one() {
    let Some(site) = Site::new() else { return };
    let (_, here) = open(&site.data("one"), &site.url()).await;
    let (_, there) = open(&site.data("two"), &site.url()).await;
    let sealed = seal(&here, "alice").await;
    here.rotate_root_file(&site.data("one")).await.unwrap();
    let refused = there.rotate_root_file(&site.data("two")).await.unwrap_err();
    assert!(matches!(refused, KeyringError::WrongRoot { .. }), "{refused:?}");
    assert!(refused.to_string().contains("put the root key that belongs to"), "{refused}");
    let (_, again) = open(&site.data("one"), &site.url()).await;
    assert_eq!(*again.open_cell(HERE, &sealed).await.unwrap(), b"alice");
}

async fn seal_for_many(keyring: &Keyring) -> Vec<Vec<u8>> {
    let mut sealed = Vec::new();
    for at in 0..PERSONS {
        sealed.push(seal(keyring, &format!("person {at}")).await);
    }
    sealed
}

/// The part [`Part::RotateShared`]: takes the right to change keys and rotates; each batch is said.
pub(crate) fn rotate_until_killed(data: &DataDir) {
    let url = PostgresUrl::parse(&std::env::var(URL).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (engine, keyring) = open(data, &url).await;
        let _held = engine.lock_keys().await.unwrap();
        let told = keyring.rotate_tenant(LATER, |keys, _| {
            say(&format!("wrapped {keys}"));
            // Whoever plays the operator kills it here.
            loop {
                std::thread::park();
            }
        });
        told.await.unwrap();
    });
}

/// The right goes with the process, and the next node goes on where it ended.
#[tokio::test]
async fn a_rotation_that_is_killed_is_finished_by_another_node() {
    let Some(site) = Site::new() else { return };
    let one = site.data("one");
    open(&one, &site.url()).await;
    let (engine, keyring) = open(&site.data("two"), &site.url()).await;
    let sealed = seal_for_many(&keyring).await;
    let mut player = Player::start_with(Part::RotateShared, one.path(), &[(URL, &site.database.url())]);
    assert_eq!(player.hear().unwrap(), "wrapped 256");
    let refused = engine.lock_keys().await.map(drop).unwrap_err();
    assert!(matches!(refused, LockKeysError::Taken { .. }), "{refused:?}");
    player.kill();
    let _held = engine.lock_keys().await.unwrap();
    let done = keyring.rotate_tenant(LATER, |_, _| {}).await.unwrap();
    assert_eq!(done.rotation, Rotation::Resumed);
    let fresh = open(&one, &site.url()).await.1;
    for (at, cell) in sealed.iter().enumerate() {
        assert_eq!(*fresh.open_cell(HERE, cell).await.unwrap(), format!("person {at}").into_bytes());
    }
    assert!(fresh.list().await.unwrap().iter().all(|key| !key.outdated));
}
