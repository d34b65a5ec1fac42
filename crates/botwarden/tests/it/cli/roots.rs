//! Other keepers of the root key than the file: `[root_key]`, `keyring move`, `keyring rotate --root`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use botwarden_testkit::{FakeVault, Gateway, GatewayBuilder, Mood};
use tempfile::TempDir;

use super::{Desk, Ran, SHOP};

const WORDS: &str = "correct horse battery staple";
const TOKEN: &str = "hvs.of-the-tests";

/// A file outside the data that only its owner may read.
struct Secret {
    path: PathBuf,
    _folder: TempDir,
}

impl Secret {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = Self { path: folder.path().join("secret"), _folder: folder };
        secret.write(text, 0o600);
        secret
    }

    fn write(&self, text: &str, mode: u32) {
        fs::write(&self.path, text).unwrap();
        fs::set_permissions(&self.path, Permissions::from_mode(mode)).unwrap();
    }

    fn passphrase(&self) -> String {
        format!("\n[root_key]\npassphrase = {{ file = \"{}\" }}\n", self.path.display())
    }

    fn vault(&self, vault: &FakeVault) -> String {
        format!(
            "\n[root_key.vault]\nurl = \"{}\"\nkey = \"botwarden\"\ntoken = {{ file = \"{}\" }}\n",
            vault.url(),
            self.path.display()
        )
    }
}

async fn serving(root_key: &str) -> Gateway {
    let builder = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"));
    builder.bot("shop", "openai", "http://127.0.0.1:9/v1", "").toml(root_key).start().await
}

async fn stopped(server: &mut Gateway) {
    server.signal("TERM").await;
    assert_eq!(server.ended().await, Some(0));
}

async fn ran(server: &Gateway, arguments: &[&str]) -> Ran {
    Ran::of(&server.command(arguments).await)
}

/// How many credentials there are.
async fn keys(server: &Gateway) -> usize {
    let listed = ran(server, &["key", "list", "--format", "json"]).await.fine();
    serde_json::from_str::<Vec<serde_json::Value>>(&listed).unwrap().len()
}

fn data(server: &Gateway, name: &str) -> PathBuf {
    server.folder().join("botwarden-data").join(name)
}

#[tokio::test]
async fn a_passphrase_opens_the_data_again_and_no_other_does() {
    let secret = Secret::new(&format!("{WORDS}\n"));
    let mut server = serving(&secret.passphrase()).await;
    server.key("shop", &["chat"]).await;
    server.kill_and_restart().await;
    assert_eq!(keys(&server).await, 1);
    assert!(!data(&server, "root.key").exists());
    assert_eq!(fs::metadata(data(&server, "root.salt")).unwrap().permissions().mode() & 0o777, 0o600);
    stopped(&mut server).await;
    for (what, text, mode, words) in [
        (
            "another",
            "correct horse battery stable",
            0o600,
            "it is another passphrase, or another `root.salt`",
        ),
        ("a short one", "hunter2", 0o600, "shorter than 15 characters; take five or more random words"),
        ("nothing", "", 0o600, "holds nothing"),
        ("one that others can read", WORDS, 0o644, "chmod 600"),
    ] {
        secret.write(text, mode);
        for arguments in [&["serve"][..], &["key", "list"], &["keyring", "rotate", "--root"]] {
            let said = ran(&server, arguments).await.failed(3);
            let words = if arguments.contains(&"--root") {
                "a passphrase is rotated by taking another"
            } else {
                words
            };
            assert!(said.contains(words), "{what}, {arguments:?}: {said}");
            assert!(!said.contains(WORDS) && !said.contains("hunter2"), "{what}: {said}");
        }
    }
    secret.write(WORDS, 0o600);
    fs::rename(data(&server, "root.salt"), data(&server, "aside")).unwrap();
    let said = ran(&server, &["serve"]).await.failed(3);
    assert!(said.contains("root.salt` is missing, but keys are there already; restore the file"), "{said}");
    fs::rename(data(&server, "aside"), data(&server, "root.salt")).unwrap();
    server.restart().await;
    assert_eq!(keys(&server).await, 1);
}

#[tokio::test]
async fn a_vault_opens_the_data_again_while_it_is_well() {
    let (vault, token) = (FakeVault::start(TOKEN).await, Secret::new(TOKEN));
    let mut server = serving(&token.vault(&vault)).await;
    server.key("shop", &["chat"]).await;
    server.kill_and_restart().await;
    assert_eq!(keys(&server).await, 1);
    assert!(!data(&server, "root.key").exists() && !data(&server, "root.salt").exists());

    vault.rotate();
    let said = ran(&server, &["keyring", "rotate", "--root"]).await;
    assert!(said.err.contains("the newest version the service has"), "{said:?}");
    assert_eq!(said.fine(), "rotated: 1 keys wrapped anew under vault:transit/botwarden\n");
    ran(&server, &["keyring", "rotate"]).await.fine();
    vault.take("hvs.renewed");
    let said = ran(&server, &["key", "list"]).await.failed(3);
    assert!(said.contains("renew it if it has expired") && !said.contains(TOKEN), "{said}");
    token.write("hvs.renewed\n", 0o600);
    assert_eq!(keys(&server).await, 1);

    vault.feel(Mood::Sealed);
    let (status, _) = server.ops("/readyz").await;
    assert_eq!(status, 200, "who has the keys goes on");
    stopped(&mut server).await;
    let said = ran(&server, &["serve"]).await.failed(3);
    assert!(
        said.contains("is sealed or has no active node") && said.contains("vault operator unseal"),
        "{said}"
    );
    vault.feel(Mood::Well);
    server.restart().await;
    assert_eq!(keys(&server).await, 1);
}

#[tokio::test]
async fn keys_move_from_the_file_to_a_vault_and_back() {
    let (vault, token) = (FakeVault::start(TOKEN).await, Secret::new(TOKEN));
    let mut server = serving("").await;
    server.key("shop", &["chat"]).await;
    let with_file = fs::read_to_string(server.config()).unwrap();
    let with_vault = with_file.clone() + &token.vault(&vault);
    let [file, kept] = ["file.toml", "vault.toml"].map(|name| server.folder().join(name));
    fs::write(&file, &with_file).unwrap();
    fs::write(&kept, &with_vault).unwrap();
    fs::write(server.config(), &with_vault).unwrap();
    let said = ran(&server, &["key", "list"]).await.failed(3);
    assert!(said.contains("move the keys there with `botwarden keyring move`"), "{said}");
    let to_vault = ["keyring", "move", "--before", "file.toml"];

    vault.feel(Mood::EncryptOnly);
    let said = ran(&server, &to_vault).await.failed(3);
    assert!(said.contains("give its policy `update` on `transit/decrypt/botwarden`"), "{said}");
    assert_eq!(
        ran(&server, &["key", "list", "--config", "file.toml"]).await.code,
        Some(0),
        "nothing was dropped"
    );
    vault.feel(Mood::Well);
    let said = ran(&server, &to_vault).await;
    assert!(said.err.contains("then destroy `root.key` in `data_dir` and its copies"), "{said:?}");
    assert!(said.fine().contains("all are under vault:transit/botwarden"));
    let said = ran(&server, &to_vault).await.fine();
    assert_eq!(
        said,
        "nothing was left to wrap: 0 keys wrapped anew, all are under vault:transit/botwarden\n"
    );
    assert!(data(&server, "root.key").exists(), "left for the operator");
    server.kill_and_restart().await;
    assert_eq!(keys(&server).await, 1);
    fs::remove_file(data(&server, "root.key")).unwrap();
    server.kill_and_restart().await;
    let said = ran(&server, &["key", "list", "--config", "file.toml"]).await.failed(3);
    assert!(said.contains("say in `[root_key]` who else keeps the root key"), "{said}");

    fs::write(server.config(), &with_file).unwrap();
    let said = ran(&server, &["keyring", "move", "--before", "vault.toml"]).await;
    assert!(said.err.contains("back up `root.key`"), "{said:?}");
    assert!(said.fine().starts_with("moved: 1 keys wrapped anew, all are under local:"));
    server.kill_and_restart().await;
    vault.feel(Mood::Sealed);
    assert_eq!(keys(&server).await, 1, "without the Vault");
}

/// Killed at each call to the Vault: everything stays readable under one of the two keepers, and the next move ends it.
#[tokio::test]
async fn a_move_that_is_killed_is_finished_by_the_next() {
    let (vault, token) = (FakeVault::start(TOKEN).await, Secret::new(TOKEN));
    let server = serving("").await;
    server.key("shop", &["chat"]).await;
    let with_file = fs::read_to_string(server.config()).unwrap();
    let with_vault = with_file.clone() + &token.vault(&vault);
    for (name, text) in [("file.toml", &with_file), ("vault.toml", &with_vault)] {
        fs::write(server.folder().join(name), text).unwrap();
    }
    let mut kills = 0;
    for round in 0.. {
        let mut killed = false;
        for (from, to) in [("file.toml", "vault.toml"), ("vault.toml", "file.toml")] {
            let moving = ["keyring", "move", "--before", from, "--config", to];
            let before = vault.recorded().len();
            vault.feel(Mood::Stalling(round));
            let mut child = server.begin(&moving);
            let stalled = async {
                while vault.recorded().len() <= before + round {
                    tokio::task::yield_now().await;
                }
            };
            let ended = tokio::select! {
                ended = child.wait() => Some(ended.unwrap()),
                () = stalled => None,
            };
            if let Some(ended) = ended {
                assert!(ended.success(), "{round} {from}: {ended:?}");
                continue;
            }
            child.kill().await.unwrap();
            (killed, kills) = (true, kills + 1);
            vault.feel(Mood::Well);
            let mut opens = 0;
            for config in [from, to] {
                opens +=
                    usize::from(ran(&server, &["key", "list", "--config", config]).await.code == Some(0));
            }
            assert!(opens > 0, "{round} {from}: neither keeper opens the keys");
            ran(&server, &moving).await.fine();
            let listed = ran(&server, &["key", "list", "--config", to]).await.fine();
            assert!(listed.contains("shop"), "{round} {from}: {listed}");
        }
        if !killed {
            break;
        }
    }
    assert!(kills >= 4, "{kills}");
}

#[tokio::test]
async fn another_keeper_takes_a_restart() {
    let secret = Secret::new(WORDS);
    let server = serving("").await;
    let text = fs::read_to_string(server.config()).unwrap() + &secret.passphrase();
    fs::write(server.config(), text).unwrap();
    server.logs("`[root_key]` changed, which takes a restart", server.signal("HUP")).await;
}

fn with_credential(desk: &Desk, directory: Option<&Path>, arguments: &[&str]) -> Ran {
    let mut command = desk.command(arguments);
    match directory {
        Some(directory) => command.env("CREDENTIALS_DIRECTORY", directory),
        None => command.env_remove("CREDENTIALS_DIRECTORY"),
    };
    Ran::of(&command.output().unwrap())
}

#[test]
fn a_credential_of_systemd_is_taken() {
    let desk = Desk::with_shop();
    desk.run(&["key", "issue", "--bot", "shop"]).fine();
    let handed = tempfile::tempdir().unwrap();
    let path = handed.path().join("botwarden-root");
    fs::rename(desk.path().join("botwarden-data/root.key"), &path).unwrap();
    desk.write("botwarden.toml", &format!("root_key.credential = \"botwarden-root\"\n{SHOP}"));
    let listed = with_credential(&desk, Some(handed.path()), &["key", "list"]).fine();
    assert!(listed.contains("shop"), "{listed}");
    for (what, directory, words) in [
        ("not by systemd", None, "`CREDENTIALS_DIRECTORY` is not set"),
        ("not this one", Some(desk.path()), "has handed over no credential `botwarden-root`"),
    ] {
        let said = with_credential(&desk, directory, &["serve"]).failed(3);
        assert!(
            said.contains(words) && said.contains("LoadCredentialEncrypted=botwarden-root:"),
            "{what}: {said}"
        );
    }
}

#[test]
fn a_move_needs_both_keepers_and_one_directory() {
    let desk = Desk::with_shop();
    desk.run(&["keyring", "init"]).fine();
    desk.write("elsewhere.toml", &format!("data_dir = \"elsewhere\"\n{SHOP}"));
    let said = desk.run(&["keyring", "move", "--before", "elsewhere.toml"]).failed(2);
    assert!(said.contains("name two data directories"), "{said}");
    desk.run(&["keyring", "move"]).failed(2);
    desk.run(&["keyring", "move", "--before", "nowhere.toml"]).failed(3);
    desk.write("before.toml", SHOP);
    let said = desk.run(&["keyring", "move", "--before", "before.toml"]).fine();
    assert!(said.starts_with("nothing was left to wrap"), "{said}");
}

#[test]
fn what_does_not_fit_around_the_root_key_is_found() {
    for (what, root_key, code, words) in [
        ("no variable", "passphrase = { env = \"NOT_SET\" }", 0, "the variable `NOT_SET` is not set"),
        (
            "no file",
            "passphrase = { file = \"nowhere\" }",
            0,
            "root_key.passphrase: found a secret that cannot be read",
        ),
        ("short", "passphrase = { file = \"short\" }", 1, "a passphrase that is shorter than 15 characters"),
        (
            "two keepers",
            "credential = \"a\"\npassphrase = { env = \"A\" }",
            1,
            "expected one keeper of the root key",
        ),
        ("a passphrase itself", "passphrase = \"hunter2 hunter2\"", 1, "root_key.passphrase: found"),
        (
            "a token itself",
            "vault = { url = \"http://127.0.0.1:1\", key = \"k\", token = \"hunter2\" }",
            1,
            "root_key.vault.token: found",
        ),
        (
            "a plain address",
            "vault = { url = \"http://vault.example.com\", key = \"k\", token = { env = \"A\" } }",
            1,
            "root_key.vault.url",
        ),
    ] {
        let desk = Desk::new();
        desk.write("short", "hunter2");
        fs::set_permissions(desk.path().join("short"), Permissions::from_mode(0o600)).unwrap();
        desk.write("botwarden.toml", &format!("{SHOP}\n[root_key]\n{root_key}\n"));
        let ran = desk.run(&["check"]);
        assert_eq!(ran.code, Some(code), "{what}: {ran:?}");
        assert!(ran.out.contains(words) && !ran.out.contains("hunter2"), "{what}: {}", ran.out);
    }
}
