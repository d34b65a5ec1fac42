//! A Vault.

use std::error::Error;
use std::sync::{Arc, Mutex};

use botwarden_crypto::{RootProvider, SecretKey};
use botwarden_reach::{RawSecret, RawVault, Secrets, VaultConfig, VaultTransit};
use botwarden_testkit::{FakeVault, Mood};
use botwarden_types::Secret;

use crate::{name, patience, told};

pub(crate) const TOKEN: &str = "hvs.of-the-tests";

/// A token that is renewed by hand.
pub(crate) struct Token(Mutex<String>);

impl Token {
    pub(crate) fn new(token: &str) -> Self {
        Self(Mutex::new(token.to_owned()))
    }
}

impl Secrets for Token {
    fn current(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        match self.0.lock().unwrap().clone() {
            token if token.is_empty() => Err("the variable `VAULT_TOKEN` is not set".into()),
            token => Ok(Secret::new(token)),
        }
    }
}

struct Bench {
    vault: FakeVault,
    token: Arc<Token>,
}

impl Bench {
    async fn new() -> Self {
        Self { vault: FakeVault::start(TOKEN).await, token: Arc::new(Token::new(TOKEN)) }
    }

    fn raw(&self) -> RawVault {
        RawVault {
            url: self.vault.url(),
            key: FakeVault::KEY.into(),
            token: RawSecret { env: Some("VAULT_TOKEN".into()), file: None },
            mount: None,
            namespace: None,
            ca_file: None,
        }
    }

    fn root(&self) -> VaultTransit {
        self.root_of(self.raw())
    }

    fn root_of(&self, raw: RawVault) -> VaultTransit {
        VaultTransit::new(VaultConfig::try_from(raw).unwrap(), self.token.clone(), patience()).unwrap()
    }
}

#[tokio::test]
async fn a_key_comes_back_under_its_name_alone() {
    for mood in [Mood::Well, Mood::Old] {
        let bench = Bench::new().await;
        bench.vault.feel(mood.clone());
        let (root, key) = (bench.root(), SecretKey::generate().unwrap());
        let wrapped = root.wrap(name(1), &key).await.unwrap();
        assert!(root.unwrap(name(1), &wrapped).await.unwrap().is(&key), "{mood:?}");
        assert!(root.unwrap(name(2), &wrapped).await.is_err(), "{mood:?}: under another name");
        let other = root.wrap(name(1), &SecretKey::generate().unwrap()).await.unwrap();
        assert!(!root.unwrap(name(1), &other).await.unwrap().is(&key), "{mood:?}");
        let asked = bench.vault.recorded();
        assert!(asked.iter().all(|it| !it.body.windows(4).any(|it| it == key.expose().get(..4).unwrap())));
    }
}

#[tokio::test]
async fn a_rotated_key_opens_what_was_wrapped_before_and_wraps_anew() {
    let bench = Bench::new().await;
    let (root, key) = (bench.root(), SecretKey::generate().unwrap());
    let before = root.wrap(name(1), &key).await.unwrap();
    bench.vault.rotate();
    let after = root.wrap(name(1), &key).await.unwrap();
    assert!(before.starts_with(b"\x02vault:v1:") && after.starts_with(b"\x02vault:v2:"));
    for wrapped in [before, after] {
        assert!(root.unwrap(name(1), &wrapped).await.unwrap().is(&key));
    }
}

#[tokio::test]
async fn a_renewed_token_is_taken_up() {
    let bench = Bench::new().await;
    let (root, key) = (bench.root(), SecretKey::generate().unwrap());
    let wrapped = root.wrap(name(1), &key).await.unwrap();
    bench.vault.take("hvs.renewed");
    let error = told(&root.unwrap(name(1), &wrapped).await.unwrap_err());
    assert!(error.contains("renew it if it has expired"), "{error}");
    *bench.token.0.lock().unwrap() = "hvs.renewed".into();
    assert!(root.unwrap(name(1), &wrapped).await.unwrap().is(&key));
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let bench = Bench::new().await;
    let (root, key) = (bench.root(), SecretKey::generate().unwrap());
    bench.vault.feel(Mood::Stumbling(2));
    root.wrap(name(1), &key).await.unwrap();
    assert_eq!(bench.vault.recorded().len(), 3);
    bench.vault.feel(Mood::Stumbling(9));
    root.wrap(name(1), &key).await.unwrap_err();
    assert_eq!(bench.vault.recorded().len(), 6, "and not for ever");
}

#[tokio::test]
async fn failures_say_what_to_mend_and_keep_the_token_to_themselves() {
    for (mood, calls, words) in [
        (Mood::Sealed, 1, "is sealed or has no active node (Vault is sealed); unseal it"),
        (Mood::Slow, 3, "no answer within 0.5 s"),
        (Mood::Verbose, 1, "its answer has more than 65536 bytes"),
        (Mood::Redirecting, 1, "name the address that answers itself"),
        (Mood::Somebody, 1, "is `url` that of a Vault"),
        (Mood::EncryptOnly, 1, "give its policy `update` on `transit/decrypt/botwarden`"),
    ] {
        let bench = Bench::new().await;
        let (root, key) = (bench.root(), SecretKey::generate().unwrap());
        let wrapped = root.wrap(name(1), &key).await.unwrap();
        bench.vault.feel(mood.clone());
        let error = told(&root.unwrap(name(1), &wrapped).await.unwrap_err());
        assert!(error.contains(words), "{mood:?}: {error}");
        assert!(error.contains("unwrapping the tenant's key") && !error.contains(TOKEN), "{mood:?}: {error}");
        assert_eq!(bench.vault.recorded().len(), 1 + calls, "{mood:?}");
    }
}

#[tokio::test]
async fn wrong_settings_say_what_to_mend() {
    let bench = Bench::new().await;
    let key = SecretKey::generate().unwrap();
    let wrapped = bench.root().wrap(name(1), &key).await.unwrap();
    let elsewhere = FakeVault::start(TOKEN).await;
    for (what, raw, words) in [
        (
            "another Vault",
            RawVault { url: elsewhere.url(), ..bench.raw() },
            "did not wrap the keys that are kept here",
        ),
        (
            "another key",
            RawVault { key: "other".into(), ..bench.raw() },
            "correct `mount`, `key` and `namespace`",
        ),
        (
            "another mount",
            RawVault { mount: Some("kv".into()), ..bench.raw() },
            "Vault knows no `kv/decrypt/botwarden`",
        ),
        (
            "nobody there",
            RawVault { url: "http://127.0.0.1:1".into(), ..bench.raw() },
            "is the address right",
        ),
        (
            "TLS to one without",
            RawVault { url: bench.vault.url().replace("http:", "https:"), ..bench.raw() },
            "no TLS",
        ),
    ] {
        let error = told(&bench.root_of(raw).unwrap(name(1), &wrapped).await.unwrap_err());
        assert!(error.contains(words), "{what}: {error}");
    }
    for (what, token, words) in [
        ("no token", "", "the variable `VAULT_TOKEN` is not set"),
        ("two lines", "hvs.one\nhvs.two", "characters that no HTTP header can carry"),
    ] {
        *bench.token.0.lock().unwrap() = token.into();
        let error = told(&bench.root().unwrap(name(1), &wrapped).await.unwrap_err());
        assert!(error.contains(words) && !error.contains("hvs"), "{what}: {error}");
    }
}

#[tokio::test]
async fn what_was_changed_on_the_shelf_does_not_open() {
    let bench = Bench::new().await;
    let root = bench.root();
    let wrapped = root.wrap(name(1), &SecretKey::generate().unwrap()).await.unwrap();
    for (what, kept) in [
        ("nothing", Vec::new()),
        ("a local key's", vec![1; 93]),
        ("no text", vec![2, 0xff, 0xfe]),
        ("longer", [&wrapped[..], &[b'x'; 10_000]].concat()),
        ("another", b"\x02vault:v1:77".to_vec()),
    ] {
        assert!(root.unwrap(name(1), &kept).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn namespaces_and_mounts_are_named() {
    let bench = Bench::new().await;
    assert_eq!(bench.root().id(), "vault:transit/botwarden");
    let elsewhere =
        RawVault { mount: Some("keys/transit".into()), namespace: Some("team".into()), ..bench.raw() };
    let root = bench.root_of(elsewhere);
    assert_eq!(root.id(), "vault:team/keys/transit/botwarden");
    root.wrap(name(1), &SecretKey::generate().unwrap()).await.unwrap_err();
    let asked = bench.vault.recorded().pop().unwrap();
    assert_eq!(
        (asked.target.as_str(), &asked.headers["x-vault-namespace"]),
        ("/v1/keys/transit/encrypt/botwarden", &http::HeaderValue::from_static("team"))
    );
}
