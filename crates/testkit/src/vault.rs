//! A Vault with a transit engine, as far as wrapping keys takes one.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{Answer, FakeUpstream, Recorded};

/// How a Vault feels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It does what it is asked for.
    Well,
    /// It is sealed.
    Sealed,
    /// It never answers.
    Slow,
    /// It answers more than anybody wants to read.
    Verbose,
    /// It sends everybody elsewhere.
    Redirecting,
    /// Something else answers at its address.
    Somebody,
    /// So many calls fail inside, or are not answered at all, by turns; then it is well.
    Stumbling(usize),
    /// It does what it is asked for so many times, and then never answers.
    Stalling(usize),
    /// The token's policy allows to encrypt, not to decrypt.
    EncryptOnly,
    /// It does not know associated data and passes over them.
    Old,
}

/// A Vault on a free loopback port, with the key `botwarden` in `transit`. It forgets nothing until it is dropped.
pub struct FakeVault {
    server: FakeUpstream,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    token: String,
    version: u64,
    wrapped: Vec<Wrapped>,
}

struct Wrapped {
    ciphertext: String,
    plaintext: Value,
    associated_data: Value,
}

impl FakeVault {
    /// Its only key.
    pub const KEY: &str = "botwarden";

    /// A Vault that takes that token.
    pub async fn start(token: &str) -> Self {
        let state = State { mood: Mood::Well, token: token.into(), version: 1, wrapped: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let asked = state.clone();
        let server = FakeUpstream::start(move |request| asked.lock().answer(request)).await;
        Self { server, state }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url().trim_end_matches("/v1").to_owned()
    }

    /// Changes how it feels.
    pub fn feel(&self, mood: Mood) {
        self.state.lock().mood = mood;
    }

    /// Takes another token instead.
    pub fn take(&self, token: &str) {
        self.state.lock().token = token.into();
    }

    /// Rotates its key.
    pub fn rotate(&self) {
        self.state.lock().version += 1;
    }

    /// Every request so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.server.recorded()
    }
}

impl State {
    fn answer(&mut self, request: &Recorded) -> Answer {
        match &mut self.mood {
            Mood::Sealed => return failure(503, "Vault is sealed"),
            Mood::Slow | Mood::Stalling(0) => return Answer::never(),
            Mood::Stalling(left) => *left -= 1,
            Mood::Verbose => return Answer::json(vec![b' '; 1 << 20]),
            Mood::Redirecting => {
                return Answer::json("").status(307).header("location", "https://elsewhere.example.com/");
            }
            Mood::Somebody => return Answer::json("<html>It works!</html>").kind("text/html"),
            Mood::Stumbling(left) if *left > 0 => {
                *left -= 1;
                return if left.is_multiple_of(2) {
                    Answer::hang_up()
                } else {
                    failure(500, "internal error")
                };
            }
            Mood::Well | Mood::Stumbling(_) | Mood::EncryptOnly | Mood::Old => {}
        }
        if request.headers.get("x-vault-token").is_none_or(|token| token != self.token.as_str()) {
            return failure(403, "permission denied");
        }
        let question: Value = serde_json::from_slice(&request.body).expect("a question in JSON");
        let bound = if self.mood == Mood::Old { Value::Null } else { question["associated_data"].clone() };
        match request.target.as_str() {
            "/v1/transit/encrypt/botwarden" => {
                let ciphertext = format!("vault:v{}:{}", self.version, self.wrapped.len());
                let plaintext = question["plaintext"].clone();
                self.wrapped.push(Wrapped {
                    ciphertext: ciphertext.clone(),
                    plaintext,
                    associated_data: bound,
                });
                Answer::json(json!({ "data": { "ciphertext": ciphertext, "key_version": 1 } }).to_string())
            }
            "/v1/transit/decrypt/botwarden" if self.mood == Mood::EncryptOnly => {
                failure(403, "permission denied")
            }
            "/v1/transit/decrypt/botwarden" => {
                let known = self.wrapped.iter().find(|it| it.ciphertext == question["ciphertext"]);
                match known {
                    Some(it) if it.associated_data == bound => {
                        Answer::json(json!({ "data": { "plaintext": it.plaintext } }).to_string())
                    }
                    _ => failure(400, "cipher: message authentication failed"),
                }
            }
            _ => failure(400, "encryption key not found"),
        }
    }
}

fn failure(status: u16, why: &str) -> Answer {
    Answer::json(json!({ "errors": [why] }).to_string()).status(status)
}
