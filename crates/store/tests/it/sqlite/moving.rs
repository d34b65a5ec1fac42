//! Other keepers of the root key, and moving between them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use botwarden_crypto::{BoxFuture, KeyName, Passphrase, RootError, RootKey, RootProvider, SecretKey};
use botwarden_store::{
    CredentialRoot, CredentialRootError, DataDir, FileRoot, IfMissing, Keyring, KeyringError, PassphraseRoot,
    Rotation,
};
use tempfile::TempDir;

use super::keyring::{HERE, left_behind, seal};
use crate::conformance::{LATER, NOW};

const WORDS: &str = "correct horse battery staple";

fn passphrase(words: &str, data: &DataDir, if_missing: IfMissing) -> Arc<dyn RootProvider> {
    let passphrase = Passphrase::new(words.to_owned().into()).unwrap();
    Arc::new(PassphraseRoot::open(data, &passphrase, if_missing).unwrap())
}

fn file(data: &DataDir) -> Arc<dyn RootProvider> {
    Arc::new(FileRoot::open_or(data, IfMissing::Make).unwrap())
}

async fn open(data: &DataDir, root: &Arc<dyn RootProvider>) -> Result<Keyring, KeyringError> {
    Keyring::open(data, root.clone(), None, NOW).await
}

fn empty() -> (TempDir, DataDir) {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path().join("data")).unwrap();
    (parent, data)
}

/// A service: it wraps under its newest version, may be made to misbehave, and remembers the directory as it was at each call.
pub(crate) struct Service {
    key: RootKey,
    pub(crate) version: AtomicU8,
    manners: Mutex<Manners>,
    watched: Option<DataDir>,
    seen: Mutex<Vec<(TempDir, DataDir)>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Manners {
    Good,
    /// It may not unwrap.
    Deaf,
    /// It gives back another key.
    Hostile,
}

impl Service {
    pub(crate) fn new(watched: Option<DataDir>) -> Arc<Self> {
        let (version, manners, seen) = (AtomicU8::new(1), Mutex::new(Manners::Good), Mutex::default());
        Arc::new(Self { key: RootKey::generate().unwrap(), version, manners, watched, seen })
    }

    fn called(&self) {
        if let Some(data) = &self.watched {
            self.seen.lock().unwrap().push(left_behind(data));
        }
    }
}

impl RootProvider for Service {
    fn id(&self) -> String {
        "service:here".to_owned()
    }

    fn wrap<'a>(
        &'a self,
        name: KeyName<'a>,
        key: &'a SecretKey,
    ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
        Box::pin(async move {
            self.called();
            let wrapped = self.key.wrap(name, key).await?;
            Ok([&[self.version.load(Ordering::SeqCst)], &wrapped[..]].concat())
        })
    }

    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
        Box::pin(async move {
            self.called();
            match *self.manners.lock().unwrap() {
                Manners::Good => {}
                Manners::Deaf => {
                    return Err(RootError::Service { doing: "unwrapping", source: "denied".into() });
                }
                Manners::Hostile => return Ok(SecretKey::generate().unwrap()),
            }
            self.key.unwrap(name, &wrapped[1..]).await
        })
    }
}

#[tokio::test]
async fn keys_move_from_keeper_to_keeper_and_back() {
    let (_parent, data) = empty();
    let here = open(&data, &file(&data)).await.unwrap();
    let sealed = seal(&here, "alice").await;
    here.rotate_tenant(LATER, |_, _| {}).await.unwrap();
    let old_file = fs::read(data.path().join("root.key")).unwrap();
    let service: Arc<dyn RootProvider> = Service::new(None);
    let mut before = file(&data);
    for (step, next) in [
        ("to a passphrase", passphrase(WORDS, &data, IfMissing::Make)),
        ("to another passphrase", passphrase("five random words are enough", &data, IfMissing::MakeIfEmpty)),
        ("to a service", service),
        ("to the file", file(&data)),
    ] {
        let keyring = open(&data, &before).await.unwrap();
        let done = keyring.move_root(&*next).await.unwrap();
        assert_eq!((done.rotation, done.keys, &done.now_under), (Rotation::New, 1, &next.id()), "{step}");
        assert_eq!(
            *keyring.open_cell(HERE, &sealed).await.unwrap(),
            b"alice",
            "{step}: who has the keys goes on"
        );
        let moved = open(&data, &next).await.unwrap();
        assert_eq!(*moved.open_cell(HERE, &sealed).await.unwrap(), b"alice", "{step}");
        assert!(moved.list().await.unwrap().iter().all(|key| !key.outdated), "{step}");
        let error = open(&data, &before).await.map(drop).unwrap_err().to_string();
        assert!(error.contains("but the keys are wrapped under"), "{step}: {error}");
        before = next;
    }
    assert_eq!(fs::read(data.path().join("root.key")).unwrap(), old_file, "left for the operator");
}

#[tokio::test]
async fn a_move_that_is_killed_goes_on_from_every_step() {
    let (_parent, data) = empty();
    let before = file(&data);
    let here = open(&data, &before).await.unwrap();
    let sealed = seal(&here, "alice").await;
    let service = Service::new(Some(data.clone()));
    here.move_root(&*service).await.unwrap();
    let mut steps = std::mem::take(&mut *service.seen.lock().unwrap());
    assert_eq!(steps.len(), 2, "before the wrapping, and before it is given back");
    steps.push(left_behind(&data));
    let next: Arc<dyn RootProvider> = service.clone();
    for (step, (_parent, copy)) in steps.iter().enumerate() {
        // What was left opens with the keeper before, or, at the end, with the next.
        let root = if step == 2 { &next } else { &before };
        let left = open(copy, root).await.unwrap();
        assert_eq!(*left.open_cell(HERE, &sealed).await.unwrap(), b"alice", "step {step}");
        let done = left.move_root(&*next).await.unwrap();
        assert_eq!(
            (done.rotation == Rotation::Resumed, done.keys),
            (step > 0, u64::from(step == 0)),
            "{step}"
        );
        let moved = open(copy, &next).await.unwrap();
        assert_eq!(*moved.open_cell(HERE, &sealed).await.unwrap(), b"alice", "step {step}");
        let roots: Vec<_> = moved.list().await.unwrap().into_iter().filter_map(|key| key.root).collect();
        assert_eq!(roots, ["service:here"], "step {step}: nothing is wrapped under the root before");
    }
}

#[tokio::test]
async fn nothing_is_dropped_for_a_keeper_that_does_not_give_back() {
    for manners in [Manners::Deaf, Manners::Hostile] {
        let (_parent, data) = empty();
        let before = file(&data);
        let here = open(&data, &before).await.unwrap();
        let sealed = seal(&here, "alice").await;
        let service = Service::new(None);
        *service.manners.lock().unwrap() = manners;
        let error = here.move_root(&*service).await.unwrap_err();
        let denied = manners == Manners::Deaf;
        assert_eq!(matches!(error, KeyringError::Root(_)), denied, "{error}");
        assert_eq!(matches!(error, KeyringError::NotGivenBack { .. }), !denied, "{error}");
        let again = open(&data, &before).await.unwrap();
        assert_eq!(*again.open_cell(HERE, &sealed).await.unwrap(), b"alice");
        *service.manners.lock().unwrap() = Manners::Good;
        assert_eq!(again.move_root(&*service).await.unwrap().rotation, Rotation::Resumed);
    }
}

#[tokio::test]
async fn a_keepers_newest_version_is_taken_up() {
    let (_parent, data) = empty();
    let service = Service::new(None);
    let root: Arc<dyn RootProvider> = service.clone();
    let here = open(&data, &root).await.unwrap();
    let sealed = seal(&here, "alice").await;
    service.version.store(2, Ordering::SeqCst);
    let done = here.renew_wrapping().await.unwrap();
    assert_eq!((done.keys, done.now_under.as_str()), (1, "service:here"));
    let wrapped: Vec<u8> = sqlx::query_scalar("SELECT wrapped FROM tenant_keys")
        .fetch_one(&mut super::keyring::by_hand(&data).await)
        .await
        .unwrap();
    assert_eq!(wrapped[0], 2);
    assert_eq!(*open(&data, &root).await.unwrap().open_cell(HERE, &sealed).await.unwrap(), b"alice");
    *service.manners.lock().unwrap() = Manners::Hostile;
    assert!(here.renew_wrapping().await.is_err());
    *service.manners.lock().unwrap() = Manners::Good;
    assert_eq!(*open(&data, &root).await.unwrap().open_cell(HERE, &sealed).await.unwrap(), b"alice");
}

#[tokio::test]
async fn a_passphrase_opens_what_it_closed_and_no_other_does() {
    let (_parent, data) = empty();
    let here = open(&data, &passphrase(WORDS, &data, IfMissing::MakeIfEmpty)).await.unwrap();
    let sealed = seal(&here, "alice").await;
    assert!(!data.path().join("root.key").exists());
    let again = open(&data, &passphrase(WORDS, &data, IfMissing::MakeIfEmpty)).await.unwrap();
    assert_eq!(*again.open_cell(HERE, &sealed).await.unwrap(), b"alice");
    let wrong = passphrase("correct horse battery stable", &data, IfMissing::MakeIfEmpty);
    let error = open(&data, &wrong).await.map(drop).unwrap_err();
    assert!(
        matches!(error, KeyringError::WrongRoot { .. }) && error.to_string().contains("another passphrase"),
        "{error}"
    );
    let error = FileRoot::open(&data).map(drop).unwrap_err().to_string();
    assert!(error.contains("say in `[root_key]` who else keeps the root key"), "{error}");
}

#[tokio::test]
async fn a_salt_that_is_not_as_it_was_is_refused_with_its_mend() {
    let (_parent, data) = empty();
    drop(open(&data, &passphrase(WORDS, &data, IfMissing::MakeIfEmpty)).await.unwrap());
    let path = data.path().join("root.salt");
    let good = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let try_it = || {
        let passphrase = Passphrase::new(WORDS.to_owned().into()).unwrap();
        PassphraseRoot::open(&data, &passphrase, IfMissing::MakeIfEmpty).map(drop)
    };
    for (name, content, mode, words) in [
        ("empty", String::new(), 0o600, "restore it from your backup"),
        ("weakened", good.replace("m=131072", "m=8"), 0o600, "at least 65536 KiB"),
        ("too long", "x".repeat(1 << 20), 0o600, "restore it from your backup"),
        ("open to others", good.clone(), 0o666, "chmod 600"),
    ] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = try_it().unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    fs::remove_file(&path).unwrap();
    let error = try_it().unwrap_err().to_string();
    assert!(error.contains("botwarden keyring move"), "lost: {error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_credential_of_systemd_is_the_key_of_the_file() {
    let (_parent, data) = empty();
    let here = open(&data, &file(&data)).await.unwrap();
    let sealed = seal(&here, "alice").await;
    let handed = tempfile::tempdir().unwrap();
    let path = handed.path().join("botwarden-root");
    fs::rename(data.path().join("root.key"), &path).unwrap();
    let root: Arc<dyn RootProvider> =
        Arc::new(CredentialRoot::open(Some(handed.path()), "botwarden-root").unwrap());
    let again = open(&data, &root).await.unwrap();
    assert_eq!(*again.open_cell(HERE, &sealed).await.unwrap(), b"alice", "without a move");

    let refused =
        |directory: Option<&Path>| CredentialRoot::open(directory, "botwarden-root").map(drop).unwrap_err();
    let mend = "LoadCredentialEncrypted=botwarden-root:";
    let error = refused(None);
    assert!(
        matches!(error, CredentialRootError::NoDirectory { .. }) && error.to_string().contains(mend),
        "{error}"
    );
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(refused(Some(handed.path())).to_string().contains("chmod 600"));
    fs::remove_file(&path).unwrap();
    let error = refused(Some(handed.path()));
    assert!(
        matches!(error, CredentialRootError::Missing { .. }) && error.to_string().contains(mend),
        "{error}"
    );
    super::keyring::write(&path, b"hunter2\n");
    let error = refused(Some(handed.path())).to_string();
    assert!(error.contains("not a root key") && !error.contains("hunter2"), "{error}");
}
