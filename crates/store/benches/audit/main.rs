//! How many entries a second does one disk take, durably, when many wait at once?
//!
//! 1,024 requests are in flight: each brings an entry, waits until it is durable, and brings the next. Beside it, on the same disk and in the
//! same rounds, one write and one `fdatasync` for each entry. It exits with 1 if the target is missed: 50 times as many.
#![expect(clippy::unwrap_used, reason = "a program that measures: what fails ends it")]

use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use botwarden_audit::{Decision, Event, Verdict, Word};
use botwarden_store::audit::AuditLog;
use botwarden_store::{DataDir, FileRoot, Keyring};
use botwarden_types::{BotName, KeyId, RequestId, UnixMs};

const IN_FLIGHT: usize = 1024;
const ROUNDS: usize = 5;
const SPAN: Duration = Duration::from_secs(2);
const TARGET: f64 = 50.0;
const NOW: UnixMs = UnixMs(1_800_000_000_000);

fn main() -> ExitCode {
    let folder = std::env::temp_dir().join(format!("botwarden-bench-audit-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut alone, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let place = folder.join(round.to_string());
        let one = one_by_one(&place);
        let many = runtime.block_on(many_at_once(&place));
        ratios.push(many / one);
        alone.push(one);
        together.push(many);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let ratio = median(ratios);
    let missed = ratio < TARGET;
    println!("durable entries a second on one disk, medians of {ROUNDS} rounds of {} s", SPAN.as_secs());
    println!("  one write and one fdatasync each          {:10.0}", median(alone));
    println!("  the audit log, {IN_FLIGHT} in flight              {:10.0}", median(together));
    println!(
        "    the log / one each                      {ratio:10.1} x  at least 50{}",
        if missed { "  MISSED" } else { "" }
    );
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Entries a second.
fn one_by_one(folder: &std::path::Path) -> f64 {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join("one-by-one");
    let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
    let entry = [b'e'; 430];
    let (began, mut written) = (Instant::now(), 0);
    while began.elapsed() < SPAN {
        file.write_all(&entry).unwrap();
        file.sync_data().unwrap();
        written += 1;
    }
    f64::from(written) / began.elapsed().as_secs_f64()
}

async fn many_at_once(folder: &std::path::Path) -> f64 {
    let dir = DataDir::open(folder.join("data")).unwrap();
    let root = Arc::new(FileRoot::open(&dir).unwrap());
    let keyring = Arc::new(Keyring::open(&dir, root, None, NOW).await.unwrap());
    let log = AuditLog::open(&dir, keyring, "bench", NOW).await.unwrap();
    let began = Instant::now();
    let tasks: Vec<_> = (0..IN_FLIGHT)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut written = 0u64;
                while began.elapsed() < SPAN {
                    let event = decision((task as u64) << 32 | written);
                    log.note(NOW, event).unwrap().durable().await.unwrap();
                    written += 1;
                }
                written
            })
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        written += task.await.unwrap();
    }
    let rate = written as f64 / began.elapsed().as_secs_f64();
    tokio::task::spawn_blocking(move || log.close("bench", NOW)).await.unwrap();
    rate
}

fn decision(number: u64) -> Event {
    Event::Decision(Decision {
        request: RequestId::numbered(7, number),
        bot: Some(BotName::parse("shop").unwrap()),
        key: Some(KeyId::parse("key_2vq8m1x7c4").unwrap()),
        session: None,
        user: None,
        address: None,
        operation: Word::parse("chat_completions").unwrap(),
        model: Some(Word::parse("gpt-4o-mini").unwrap()),
        policy: None,
        verdict: Verdict::Allowed,
        reason: None,
        tokens: Some(1024),
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap()
}
