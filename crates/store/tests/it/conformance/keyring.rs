//! What a keyring on the backend's shelf must do.

use std::sync::Mutex;

use botwarden_crypto::{CellKey, Digest, Place};
use botwarden_store::{CellError, Keyring, Rotation};
use tokio::sync::Notify;

use super::{Backend, LATER, NOW};

const HERE: Place<'static> = Place { table: "chats", column: "sealed", row: b"1", schema: 1 };
/// More than are wrapped anew in two transactions.
const PERSONS: usize = 600;
/// Keys beside those of persons: pepper, index, limit-hash, audit-signing, system.
const FIXED: u64 = 5;

fn person(keyring: &Keyring, name: &str) -> Digest {
    keyring.index().unwrap().hash("subject", name.as_bytes())
}

async fn seal(keyring: &Keyring, name: &str) -> Vec<u8> {
    keyring.subject(&person(keyring, name), NOW).await.unwrap().seal(HERE, name.as_bytes()).unwrap()
}

async fn seal_for_many(keyring: &Keyring) -> Vec<(String, Vec<u8>)> {
    let mut sealed = Vec::new();
    for at in 0..PERSONS {
        let name = format!("person {at}");
        sealed.push((name.clone(), seal(keyring, &name).await));
    }
    sealed
}

/// Everybody reads everything, and nothing is left to be rotated.
async fn all_is_readable_and_current(keyrings: &[&Keyring], sealed: &[(String, Vec<u8>)]) {
    for keyring in keyrings {
        for (name, cell) in sealed {
            assert_eq!(*keyring.open_cell(HERE, cell).await.unwrap(), name.as_bytes(), "{name}");
        }
        assert!(keyring.list().await.unwrap().iter().all(|key| !key.outdated));
    }
}

pub(crate) async fn a_person_has_one_key_whoever_asks(backend: Backend) {
    let other = backend.another().await;
    let (one, other) = (&backend.keyring, &other.keyring);
    let (here, there) = tokio::join!(seal(one, "alice"), seal(other, "alice"));
    let newcomer = backend.another().await.keyring;
    for keyring in [one, other, &newcomer] {
        for sealed in [&here, &there] {
            assert_eq!(*keyring.open_cell(HERE, sealed).await.unwrap(), b"alice");
        }
    }
    let number = one.number_of(&person(one, "alice")).await.unwrap().unwrap();
    assert_eq!(CellKey::number_of(&here), Some(number));
    assert_ne!(CellKey::number_of(&seal(one, "bob").await), Some(number));
}

pub(crate) async fn processes_that_start_at_once_have_the_same_keys(backend: Backend) {
    let (one, other, third) = tokio::join!(backend.another(), backend.another(), backend.another());
    let pepper = backend.pepper.hash(b"bw_");
    for process in [&one, &other, &third] {
        assert_eq!(process.pepper.hash(b"bw_"), pepper);
    }
    assert_eq!(one.keyring.list().await.unwrap().len(), other.keyring.list().await.unwrap().len());
}

pub(crate) async fn what_was_sealed_under_a_destroyed_key_is_gone_everywhere(backend: Backend) {
    let (here, serving) = (&backend.keyring, backend.another().await.keyring);
    let (alice, bob) = (seal(here, "alice").await, seal(here, "bob").await);
    serving.open_cell(HERE, &alice).await.unwrap(); // it keeps the key in memory
    let known = serving.generation();
    assert_eq!(serving.forget_destroyed().await.unwrap(), known, "nothing to forget yet");
    let number = here.number_of(&person(here, "alice")).await.unwrap().unwrap();
    assert!(here.destroy(&number, LATER).await.unwrap());
    assert!(!here.destroy(&number, LATER).await.unwrap(), "once");
    let heard = serving.forget_destroyed().await.unwrap();
    assert!(heard > known);
    assert_eq!(serving.forget_destroyed().await.unwrap(), heard, "whoever asks later hears of it as well");
    let newcomer = backend.another().await.keyring;
    for keyring in [here, &serving, &newcomer] {
        assert!(matches!(keyring.open_cell(HERE, &alice).await, Err(CellError::Erased)));
        assert_eq!(*keyring.open_cell(HERE, &bob).await.unwrap(), b"bob");
    }
    let again = seal(here, "alice").await;
    assert_eq!(*here.open_cell(HERE, &again).await.unwrap(), b"alice", "a new life");
    assert!(matches!(here.open_cell(HERE, &alice).await, Err(CellError::Erased)));
}

pub(crate) async fn rotating_the_tenants_key_changes_nothing_that_was_sealed(backend: Backend) {
    let (here, serving) = (&backend.keyring, backend.another().await.keyring);
    let pepper = backend.pepper.hash(b"bw_");
    let mut sealed = seal_for_many(here).await;
    let mut told = Vec::new();
    let done = here.rotate_tenant(LATER, |keys, of| told.push((keys, of))).await.unwrap();
    let all = PERSONS as u64 + FIXED;
    assert_eq!((done.rotation, done.now_under.as_str(), done.keys), (Rotation::New, "version 2", all));
    assert_eq!(told, [(256, all), (512, all), (all, all)]);
    // The process that serves meanwhile knows nothing of it, and needs not.
    sealed.push(("newcomer".into(), seal(&serving, "newcomer").await));
    let fresh = backend.another().await.keyring;
    assert_eq!(fresh.pepper().unwrap().hash(b"bw_"), pepper);
    all_is_readable_and_current(&[here, &serving, &fresh], &sealed).await;
}

pub(crate) async fn keys_are_made_while_the_tenants_key_is_rotated(backend: Backend) {
    let (here, serving) = (&backend.keyring, backend.another().await.keyring);
    let rotating = async {
        for _ in 0..5 {
            here.rotate_tenant(LATER, |_, _| {}).await.unwrap();
        }
    };
    let ((), sealed) = tokio::join!(rotating, seal_for_many(&serving));
    // What came last may have been wrapped under a version before the last, if the rotations ended first.
    let last = here.rotate_tenant(LATER, |_, _| {}).await.unwrap();
    assert!(last.keys > 0);
    let fresh = backend.another().await.keyring;
    all_is_readable_and_current(&[here, &serving, &fresh], &sealed).await;
    let names: Vec<_> = sealed.iter().map(|(_, cell)| CellKey::number_of(cell).unwrap()).collect();
    assert!((1..names.len()).all(|at| !names[..at].contains(&names[at])), "each has a key of their own");
}

/// Where it is cut off nothing more of it is done, as where its process is killed.
pub(crate) async fn a_rotation_that_is_cut_off_goes_on(backend: Backend) {
    let mut sealed = Vec::new();
    sealed.extend(seal_for_many(&backend.keyring).await);
    for step in 1..=3 {
        let begun = backend.another().await.keyring;
        let (reached, calls) = (Notify::new(), Mutex::new(0));
        let rotating = begun.rotate_tenant(LATER, |_, _| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls == step {
                reached.notify_one();
            }
        });
        tokio::select! {
            biased;
            () = reached.notified() => {}
            done = rotating => panic!("step {step}: it was not cut off: {done:?}"),
        }
        let after = backend.another().await.keyring;
        let outdated = after.list().await.unwrap().iter().filter(|key| key.outdated).count();
        assert!(outdated > 0, "step {step}: the rotation is not finished");
        let done = after.rotate_tenant(LATER, |_, _| {}).await.unwrap();
        let rotation = if step == 3 { Rotation::New } else { Rotation::Resumed };
        assert_eq!(done.rotation, rotation, "step {step}");
        all_is_readable_and_current(&[&begun, &after], &sealed).await;
    }
}

pub(crate) async fn a_process_that_serves_takes_up_the_new_root(backend: Backend) {
    let (here, serving) = (&backend.keyring, backend.another().await.keyring);
    here.rotate_root_file(&backend.data).await.unwrap();
    here.rotate_tenant(LATER, |_, _| {}).await.unwrap();
    let sealed = seal(here, "alice").await;
    assert_eq!(*serving.open_cell(HERE, &sealed).await.unwrap(), b"alice");
}
