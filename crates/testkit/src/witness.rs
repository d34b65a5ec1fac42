//! A witness that cosigns checkpoints, as c2sp.org/tlog-witness describes one, and in what ways one can fail.

use std::sync::Arc;

use botwarden_audit::{
    Algorithm, Checkpoint, Hash, Note, NoteKey, NoteSigner, check_consistency, cosign, empty_root,
};
use botwarden_crypto::SigningKey;
use botwarden_types::{Clock, SystemClock};
use parking_lot::Mutex;

use crate::{Answer, FakeUpstream, Recorded};

/// How a witness feels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessMood {
    /// It does what it is asked for.
    Well,
    /// It has never heard of the log.
    UnknownLog,
    /// It knows another key of the log.
    AnotherKey,
    /// It never answers.
    Slow,
    /// It closes the connection.
    HangingUp,
    /// It answers more than anybody wants to read.
    Verbose,
    /// Something else answers at its address.
    Somebody,
    /// It is out of order.
    Broken,
    /// It answers with a conflict that names no size.
    Mumbling,
    /// It names the size that it was asked with as a conflict.
    Contradicting,
    /// It cosigns with a key that nobody knows.
    Posing,
    /// Its clock stands, at these seconds since 1970.
    At(u64),
    /// It cosigns another tree than it was shown.
    Lying,
    /// It says that the proof is wrong, whatever it is.
    Doubting,
}

/// A witness on a free loopback port. It forgets nothing unless it is told to.
pub struct FakeWitness {
    server: FakeUpstream,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: WitnessMood,
    signer: NoteSigner,
    log: Option<NoteKey>,
    size: u64,
    root: Hash,
}

impl FakeWitness {
    /// A witness of that name. It takes the first log it is shown, without asking whose it is, until it is told [whom to trust](Self::trust).
    pub async fn start(name: &str) -> Self {
        let seed: [u8; 32] = std::array::from_fn(|at| name.as_bytes().get(at).copied().unwrap_or(1));
        let signer = signer(name, seed);
        let state = State { mood: WitnessMood::Well, signer, log: None, size: 0, root: empty_root() };
        let state = Arc::new(Mutex::new(state));
        let asked = state.clone();
        let server = FakeUpstream::start(move |request| asked.lock().answer(request)).await;
        Self { server, state }
    }

    /// Its submission prefix.
    pub fn url(&self) -> String {
        self.server.url().trim_end_matches("/v1").to_owned()
    }

    /// Its public key.
    pub fn key(&self) -> NoteKey {
        self.state.lock().signer.key().clone()
    }

    /// Changes how it feels.
    pub fn feel(&self, mood: WitnessMood) {
        self.state.lock().mood = mood;
    }

    /// Lets it take checkpoints of this log alone.
    pub fn trust(&self, log: NoteKey) {
        self.state.lock().log = Some(log);
    }

    /// Lets it have seen that tree last.
    pub fn saw(&self, size: u64, root: Hash) {
        let mut state = self.state.lock();
        (state.size, state.root) = (size, root);
    }

    /// Entries it saw last.
    pub fn size(&self) -> u64 {
        self.state.lock().size
    }

    /// Every request so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.server.recorded()
    }
}

fn signer(name: &str, seed: [u8; 32]) -> NoteSigner {
    NoteSigner::new(name, Algorithm::CosignatureEd25519, SigningKey::from_seed(&seed)).expect("a key's name")
}

fn text(status: u16, body: impl Into<String>) -> Answer {
    Answer::pieces("text/plain", vec![body.into().into()]).status(status)
}

impl State {
    fn answer(&mut self, request: &Recorded) -> Answer {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/add-checkpoint"));
        match self.mood {
            WitnessMood::UnknownLog => return text(404, "unknown log"),
            WitnessMood::AnotherKey => return text(403, "invalid signature"),
            WitnessMood::Slow => return Answer::never(),
            WitnessMood::HangingUp => return Answer::hang_up(),
            WitnessMood::Verbose => return text(200, "— x AAAAAAAA\n".repeat(100_000)),
            WitnessMood::Somebody => return Answer::json("<html>It works!</html>\n").kind("text/html"),
            WitnessMood::Broken => return text(503, "database\u{1b}[31m is locked"),
            WitnessMood::Mumbling => return text(409, "conflict\n"),
            WitnessMood::Doubting => return text(422, "bad proof"),
            _ => {}
        }
        let body = std::str::from_utf8(&request.body).expect("a question is text");
        let (head, note) = body.split_once("\n\n").expect("an empty line");
        let mut lines = head.lines();
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).expect("an old size");
        let old: u64 = old.parse().expect("a number");
        if self.mood == WitnessMood::Contradicting {
            return text(409, format!("{old}\n"));
        }
        let proof: Vec<Hash> = lines.map(hash).collect();
        let note = Note::parse(note.as_bytes()).expect("a signed note");
        if self.log.as_ref().is_some_and(|key| note.verify(key).is_err()) {
            return text(403, "invalid signature");
        }
        let shown = Checkpoint::parse(note.text()).expect("a checkpoint");
        if old > shown.size {
            return text(400, "old size is larger");
        }
        if old != self.size || (old == shown.size && shown.root != self.root) {
            return text(409, format!("{}\n", self.size));
        }
        let is_new = old == 0 && proof.is_empty();
        if !is_new && check_consistency(old, self.root, shown.size, shown.root, &proof).is_err() {
            return text(422, "bad proof");
        }
        (self.size, self.root) = (shown.size, shown.root);
        text(200, self.cosignature(note.text()))
    }

    fn cosignature(&self, text: &str) -> String {
        let now = SystemClock.now().wall.secs();
        let line = match self.mood {
            WitnessMood::Posing => cosign(text, now, &signer("somebody.example", [99; 32])),
            WitnessMood::At(secs) => cosign(text, secs, &self.signer),
            WitnessMood::Lying => cosign(&text.replacen('\n', "x\n", 1), now, &self.signer),
            _ => cosign(text, now, &self.signer),
        };
        line.expect("a time and a witness's key")
    }
}

/// A hash in base64: read as the root of a checkpoint is, which is public.
fn hash(line: &str) -> Hash {
    Checkpoint::parse(&format!("x\n0\n{line}\n")).expect("a hash in base64").root
}
