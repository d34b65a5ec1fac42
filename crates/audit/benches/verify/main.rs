//! How fast is a log checked, and does it take more memory when the log is longer?
//!
//! `cargo bench -p botwarden-audit` prints one table; rates are entries for a second of this thread's processor time, medians of
//! the rounds, over real files in the system's cache. It exits with 1 if a target is missed.
#![expect(clippy::unwrap_used, reason = "a program that measures: what fails ends it")]

mod folder;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use botwarden_audit::{
    Algorithm, Batch, Conclusion, Decision, Entry, EntryId, Event, Log, NoteSigner, Personal, Progress, Salt,
    Verdict, Word, verify,
};
use botwarden_crypto::SigningKey;
use botwarden_types::{BotName, KeyId, RequestId, SessionId, UnixMs};
use folder::Folder;

const ENTRIES: u64 = 400_000;
const FEW: u64 = 50_000;
const ROUNDS: usize = 5;
const BATCH: u64 = 500;
/// Entries a second and core that `audit verify` is to reach.
const VERIFY_MIN: f64 = 500_000.0;
/// MiB that eight times the entries may add to the peak.
const GROWTH_MAX: f64 = 4.0;
/// The argument with which this program starts itself to measure its memory.
const PEAK: &str = "peak-of";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, command, folder, ..] = arguments.as_slice()
        && command == PEAK
    {
        return peak_of(Path::new(folder));
    }
    let base = std::env::temp_dir().join(format!("botwarden-audit-bench-{}", std::process::id()));
    let (few, many) = (base.join("few"), base.join("many"));
    let mut missed = false;
    println!("\naudit log, {ENTRIES} decisions, batches of {BATCH}");
    write(&few, FEW, false);
    write(&many, ENTRIES, true);
    missed |= rate_of_verify(&many);
    missed |= memory(&few, &many);
    rate_of_decode(&many);
    std::fs::remove_dir_all(&base).unwrap();
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn signer() -> NoteSigner {
    NoteSigner::new("example.com/audit", Algorithm::Ed25519, SigningKey::from_seed(&[7; 32])).unwrap()
}

fn decision(number: u64) -> Entry {
    let mut id = [0x5a; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    let salt = Salt::new([7; 32].into());
    Entry {
        id: EntryId(id),
        at: UnixMs(1_700_000_000_000 + number),
        content: None,
        event: Event::Decision(Decision {
            request: RequestId::numbered(7, number),
            bot: Some(BotName::parse("shop").unwrap()),
            key: Some(KeyId::parse("key-4mzk2").unwrap()),
            session: Some(SessionId::parse("ses-x7w3v2k5").unwrap()),
            user: Some(salt.commit(Personal::User, b"alice@example.com")),
            address: Some(salt.commit(Personal::Address, b"192.0.2.7")),
            operation: Word::parse("chat_completions").unwrap(),
            model: Some(Word::parse("gpt-5.2-mini").unwrap()),
            policy: None,
            verdict: Verdict::Allowed,
            reason: None,
            tokens: Some(1024 + number % 64),
        }),
    }
}

/// Writes a log, and tells what that costs.
fn write(path: &Path, entries: u64, tell: bool) {
    let disk = Arc::new(Folder::new(path));
    let (mut log, mut tiler, _) = Log::open(disk, signer()).unwrap();
    let (mut gathering, mut appending, mut bytes) = (0, 0, 0);
    let mut batch = Batch::default();
    while log.size() < entries {
        let decisions: Vec<Entry> = (log.size()..log.size() + BATCH).map(decision).collect();
        let began = cpu_ns();
        batch.clear();
        for entry in decisions {
            batch.push(entry, None).unwrap();
        }
        gathering += cpu_ns() - began;
        bytes += batch.bytes();
        let began = cpu_ns();
        log.append(&batch).unwrap();
        appending += cpu_ns() - began;
    }
    let began = cpu_ns();
    while tiler.advance(log.size()).unwrap() == Progress::Behind {}
    let tiling = cpu_ns() - began;
    if tell {
        row("bytes of an entry", bytes as f64 / entries as f64, "");
        row("gather: encode and hash", rate(entries, gathering), "/s");
        row("append, without waiting for the disk", rate(entries, appending), "/s");
        row("tiles", rate(entries, tiling), "/s");
    }
}

fn rate_of_verify(path: &Path) -> bool {
    let (disk, signer) = (Folder::new(path), signer());
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = cpu_ns();
            let report = verify(&disk, signer.key(), &[]);
            assert_eq!((report.verdict, report.entries), (Conclusion::Good, ENTRIES), "{report}");
            rate(ENTRIES, cpu_ns() - began)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().unwrap();
    let met = median >= VERIFY_MIN;
    let verdict = if met { "" } else { "  MISSED" };
    println!("  {:<44} {median:>12.0} /s   at least {VERIFY_MIN:.0}{verdict}", "verify");
    !met
}

fn rate_of_decode(path: &Path) {
    let bytes = std::fs::read(path.join("tile/entries/000")).unwrap();
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while let [high, low, after @ ..] = rest {
        let (entry, after) = after.split_at(usize::from(*high) << 8 | usize::from(*low));
        entries.push(entry);
        rest = after;
    }
    let began = cpu_ns();
    let count = 400 * entries.len() as u64;
    for entry in entries.iter().cycle().take(400 * entries.len()) {
        std::hint::black_box(Entry::decode(entry).unwrap());
    }
    row("decode, every field", rate(count, cpu_ns() - began), "/s");
}

/// Peak memory of a process that checks a log of few entries, and one of many.
fn memory(few: &Path, many: &Path) -> bool {
    let [few, many] = [few, many].map(|path| {
        let this = std::env::current_exe().unwrap();
        let output = Command::new(this).arg(PEAK).arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap() / 1024.0
    });
    row(&format!("peak memory, {FEW} entries"), few, "MiB");
    row(&format!("peak memory, {ENTRIES} entries"), many, "MiB");
    let met = many - few <= GROWTH_MAX;
    let verdict = if met { "" } else { "  MISSED" };
    println!("  {:<44} {:>12.1} MiB  at most {GROWTH_MAX}{verdict}", "growth", many - few);
    !met
}

/// Checks a log and prints the peak of this process's memory in KiB.
fn peak_of(path: &Path) -> ExitCode {
    let report = verify(&Folder::new(path), signer().key(), &[]);
    assert_eq!(report.verdict, Conclusion::Good, "{report}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("{}", line.split_whitespace().next().unwrap());
    ExitCode::SUCCESS
}

fn row(name: &str, figure: f64, unit: &str) {
    let digits = usize::from(figure < 1000.0);
    println!("  {name:<44} {figure:>12.digits$} {unit}");
}

fn rate(entries: u64, ns: i64) -> f64 {
    entries as f64 / (ns as f64 / 1e9)
}

/// Nanoseconds of processor time this thread has used.
fn cpu_ns() -> i64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    at.tv_sec * 1_000_000_000 + at.tv_nsec
}
