//! Whoever keeps watch over the audit log of a running gateway: witnesses that cosign it, places it is sent to.

use std::fs::{self, File};
use std::path::Path;

use botwarden_audit::{Hash, NoteKey};
use botwarden_testkit::{Answer, FakeUpstream, FakeWitness, Gateway, GatewayBuilder, WitnessMood, soon};
use serde_json::Value;

/// `[audit]` with these witnesses, by hand alone: the server's own rounds are a day apart after the first.
fn seldom(witnesses: &[&FakeWitness], more: &str) -> String {
    audit("1d", witnesses, more)
}

fn audit(interval: &str, witnesses: &[&FakeWitness], more: &str) -> String {
    let mut text = format!("\n[audit]\ninterval = \"{interval}\"\n");
    for witness in witnesses {
        text += &format!("\n[[audit.witness]]\nkey = \"{}\"\nurl = \"{}\"\n", witness.key(), witness.url());
    }
    text + more
}

async fn serving(audit: &str) -> Gateway {
    let builder = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"));
    builder.bot("shop", "openai", "http://127.0.0.1:9/v1", "").toml(audit).start().await
}

async fn stopped(gateway: &mut Gateway) {
    gateway.signal("TERM").await;
    assert_eq!(gateway.ended().await, Some(0));
}

/// Exit code, standard output, standard error.
async fn ran(gateway: &Gateway, arguments: &[&str]) -> (i32, String, String) {
    let output = gateway.command(arguments).await;
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), out, err)
}

/// Waits until so many entries are published.
async fn published(gateway: &Gateway, entries: usize) {
    soon("published entries", async {
        while ran(gateway, &["audit", "export"]).await.1.lines().count() < entries {}
    })
    .await;
}

fn log_of(gateway: &Gateway) -> std::path::PathBuf {
    gateway.folder().join("botwarden-data/audit")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_has_its_log_cosigned_and_sent_as_it_grows_and_when_it_stops() {
    let (witness, hook) =
        (FakeWitness::start("w.example/1").await, FakeUpstream::start(|_| Answer::json("")).await);
    let folder = tempfile::tempdir().unwrap();
    let places = format!(
        "\n[[audit.send]]\nname = \"worm\"\nto = \"file://{}\"\n\n[[audit.send]]\nname = \"hook\"\nto = \"{}\"\n",
        folder.path().display(),
        hook.url()
    );
    let mut gateway = serving(&audit("1s", &[&witness], &places)).await;
    let key = ran(&gateway, &["audit", "key"]).await.1;
    witness.trust(NoteKey::parse(key.trim()).unwrap());
    gateway.key("shop", &["chat"]).await;
    // start, configuration, the key that was issued.
    for name in ["w.example/1", "worm", "hook"] {
        gateway.metric(&format!("botwarden_audit_witness_size{{destination=\"{name}\"}} 3")).await;
        gateway.metric(&format!("botwarden_audit_witness_failures_total{{destination=\"{name}\"}} 0")).await;
    }
    let (code, said, _) = ran(&gateway, &["audit", "verify", "--quorum", "1"]).await;
    assert!(code == 0 && said.contains("witness      w.example/1: 3 entries, 2"), "{said}");
    stopped(&mut gateway).await;
    assert_eq!(witness.size(), 4, "the end is cosigned, too");
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    let last = fs::read_to_string(names.last().unwrap()).unwrap();
    assert!(last.contains("\n4\n") && last.contains("\n— w.example/1 "), "{last}");
    assert_eq!(hook.recorded().last().unwrap().body, last);
    // What lies elsewhere says who cosigned it, without the log's own files.
    let kept = names.last().unwrap().to_str().unwrap();
    fs::remove_dir_all(log_of(&gateway).join("cosigned")).unwrap();
    let (code, said, _) = ran(&gateway, &["audit", "verify", "--quorum", "1"]).await;
    assert!(code == 3 && said.contains("0 of the 1 witnesses that are demanded"), "{said}");
    let (code, said, _) = ran(&gateway, &["audit", "verify", "--quorum", "1", "--checkpoint", kept]).await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn by_hand_while_a_server_runs_and_without_one() {
    let (first, second) = (FakeWitness::start("w.example/1").await, FakeWitness::start("w.example/2").await);
    let mut gateway = serving(&seldom(&[&first, &second], "")).await;
    published(&gateway, 2).await;
    let (code, said, err) = ran(&gateway, &["audit", "witness"]).await;
    assert_eq!(code, 0, "{said}{err}");
    assert!(said.lines().nth(1).unwrap().starts_with("w.example/1  witness  "), "{said}");
    gateway.key("shop", &["chat"]).await;
    stopped(&mut gateway).await;
    for mood in [WitnessMood::Well, WitnessMood::Broken, WitnessMood::Well] {
        second.feel(mood.clone());
        let (code, said, err) = ran(&gateway, &["audit", "witness", "--format", "json"]).await;
        let report: Value = serde_json::from_str(&said).unwrap();
        let is_well = mood == WitnessMood::Well;
        assert_eq!(code, if is_well { 0 } else { 3 }, "{said}{err}");
        assert_eq!((&report["quorum"], &report["quorum_met"]), (&2.into(), &is_well.into()), "{said}");
        assert_eq!(report["destinations"][1]["error"].is_null(), is_well, "{said}");
        assert_eq!(report["destinations"][0]["entries"], 4, "{said}");
    }
    // One file proves an entry, and that others saw it.
    fs::write(gateway.folder().join("audit.key"), ran(&gateway, &["audit", "key"]).await.1).unwrap();
    fs::write(gateway.folder().join("keys"), format!("{}\n{}\n", first.key(), second.key())).unwrap();
    let (code, ..) = ran(&gateway, &["audit", "prove", "2", "--out", "2.proof"]).await;
    assert_eq!(code, 0);
    let check =
        ["audit", "verify", "--proof", "2.proof", "--key", "audit.key", "--witness", "keys", "--quorum", "2"];
    let (code, said, err) = ran(&gateway, &check).await;
    assert!(
        code == 0 && err.contains("cosigned by w.example/1 at 2") && err.contains("w.example/2"),
        "{said}{err}"
    );
    let stranger = FakeWitness::start("v.example").await.key().to_string();
    let check = [
        "audit",
        "verify",
        "--proof",
        "2.proof",
        "--key",
        "audit.key",
        "--witness",
        &stranger,
        "--quorum",
        "1",
    ];
    assert_eq!(ran(&gateway, &check).await.0, 3);
    let (code, _, err) = ran(&gateway, &["audit", "verify", "--quorum", "3"]).await;
    assert!(code == 2 && err.contains("name their keys with `--witness`"), "{err}");
    let (code, said, _) = ran(&gateway, &["audit", "verify", "--format", "json"]).await;
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, report["witnesses"].as_array().unwrap().len()), (0, 2), "{said}");
}

#[tokio::test]
async fn an_old_copy_of_the_log_is_an_alarm() {
    let witness = FakeWitness::start("w.example").await;
    let mut gateway = serving(&seldom(&[&witness], "")).await;
    stopped(&mut gateway).await;
    let (log, aside) = (log_of(&gateway), gateway.folder().join("aside"));
    copy(&log, &aside);
    gateway.restart().await;
    gateway.key("shop", &["chat"]).await;
    stopped(&mut gateway).await;
    let seen = witness.size();
    // Whoever owns the machine puts an old copy of the log in its place, without what was cosigned since: only the witness knows.
    fs::rename(&log, gateway.folder().join("newer")).unwrap();
    copy(&aside, &log);
    let (code, said, _) = ran(&gateway, &["audit", "verify", "--quorum", "1"]).await;
    assert!(code == 0 && said.contains("witness      w.example: 3 entries"), "{said}");
    let (code, said, err) = ran(&gateway, &["audit", "witness"]).await;
    assert!(code == 1 && said.contains("ALARM: the end of this log was cut off"), "{said}{err}");
    // What was cosigned since is still there: then it shows offline, too.
    copy(&gateway.folder().join("newer/cosigned"), &log.join("cosigned"));
    let (code, said, _) = ran(&gateway, &["audit", "verify"]).await;
    assert!(
        code == 1 && said.starts_with("TAMPERED: ") && said.contains("the end was cut off (`cosigned`)"),
        "{said}"
    );
    // A server on it says so as it starts, and goes on saying so when it has outgrown what was seen.
    gateway.restart().await;
    gateway.metric("botwarden_audit_witness_alarms_total{destination=\"w.example\"} 1").await;
    for _ in 0..3 {
        gateway.key("shop", &["chat"]).await;
    }
    stopped(&mut gateway).await;
    assert!(gateway.log().contains("ALARM: the audit log is not what was seen of it"), "{}", gateway.log());
    let (code, said, _) = ran(&gateway, &["audit", "witness"]).await;
    assert!(code == 1 && said.contains(&format!("its first {seen} entries are not those of then")), "{said}");
    assert_eq!(witness.size(), seen, "it cosigned nothing more");
}

#[tokio::test]
async fn a_log_that_a_witness_saw_otherwise_is_an_alarm_and_who_fails_is_told_once() {
    let witness = FakeWitness::start("w.example").await;
    witness.saw(2, Hash::of(b"another log of that name"));
    let mut gateway = serving(&seldom(&[&witness], "")).await;
    stopped(&mut gateway).await;
    assert!(gateway.log().contains("ALARM: the audit log is not what was seen of it"), "{}", gateway.log());
    assert!(gateway.log().contains("too few witnesses cosign the audit log"), "{}", gateway.log());
    assert_eq!(witness.size(), 2);
}

#[tokio::test]
async fn a_published_checkpoint_that_cannot_be_relied_on_is_counted_as_missed() {
    let witness = FakeWitness::start("w.example").await;
    let mut gateway = serving(&audit("1s", &[&witness], "")).await;
    gateway.metric("botwarden_audit_witness_size{destination=\"w.example\"} 2").await;
    fs::write(log_of(&gateway).join("checkpoint"), "something else").unwrap();
    gateway.metric("botwarden_audit_witness_failures_total{destination=\"w.example\"} 1").await;
    stopped(&mut gateway).await;
    assert!(gateway.log().contains("reading what is published of the audit log"), "{}", gateway.log());
}

#[tokio::test]
async fn one_that_is_slow_holds_up_nobody_and_failures_pass() {
    let (slow, quick) = (FakeWitness::start("slow.example").await, FakeWitness::start("quick.example").await);
    slow.feel(WitnessMood::Slow);
    let folder = tempfile::tempdir().unwrap();
    let place = format!("\n[[audit.send]]\nname = \"worm\"\nto = \"file://{}\"\n", folder.path().display());
    let mut gateway = serving(&audit("1s", &[&slow, &quick], &place)).await;
    gateway.metric("botwarden_audit_witness_size{destination=\"worm\"} 2").await;
    gateway.metric("botwarden_audit_witness_failures_total{destination=\"slow.example\"} 1").await;
    slow.feel(WitnessMood::Well);
    soon("a witness that is well again", async {
        while !gateway.log().contains("checkpoints arrive again") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let log = gateway.log();
    assert!(log.contains("a checkpoint did not arrive") && log.contains("no answer within 6 s"), "{log}");
    stopped(&mut gateway).await;
}

#[tokio::test]
async fn secrets_stay_where_they_are_and_a_configuration_without_watchers_says_so() {
    let gateway = serving("").await;
    let (code, _, err) = ran(&gateway, &["audit", "witness"]).await;
    assert!(code == 3 && err.contains("`[[audit.witness]]`"), "{err}");
    drop(gateway);
    let hook = FakeUpstream::start(|_| Answer::json("").status(401)).await;
    let place =
        format!("\n[[audit.send]]\nname = \"hook\"\nto = \"{}\"\ntoken = {{ env = \"HOOK\" }}\n", hook.url());
    let builder = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden")).env("HOOK", "hunter2");
    let builder = builder.bot("shop", "openai", "http://127.0.0.1:9/v1", "").toml(&seldom(&[], &place));
    let mut gateway = builder.start().await;
    stopped(&mut gateway).await;
    assert_eq!(hook.recorded()[0].headers["authorization"], "Bearer hunter2");
    assert!(
        gateway.log().contains("answered 401") && !gateway.log().contains("hunter2"),
        "{}",
        gateway.log()
    );
}

/// Another process may hold the lock on what is cosigned, a mount may hang: a stop gives up on it.
#[tokio::test]
async fn what_hangs_does_not_hold_up_a_stop() {
    let witness = FakeWitness::start("w.example").await;
    let mut gateway = serving(&seldom(&[&witness], "")).await;
    gateway.metric("botwarden_audit_witness_size{destination=\"w.example\"} 2").await;
    let lock = File::open(log_of(&gateway).join("cosigned/lock")).unwrap();
    lock.lock().unwrap();
    stopped(&mut gateway).await;
    assert_eq!(witness.size(), 3, "it was asked");
    assert!(gateway.log().contains("was not cosigned and sent everywhere in time"), "{}", gateway.log());
}
