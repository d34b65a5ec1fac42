//! The comparison of the two ways, once in the life of a process.

use super::{Backend, Engine, Sealing};
use crate::body::InvalidToken;
use crate::key::Key;

/// Lengths around the boundaries of a block of AES, a block of SHA-256 behind the head, and a chunk.
const LENGTHS: &[usize] = &[0, 1, 15, 16, 22, 23, 38, 39, 64, 100, 167, 1000, 12_400];

/// Source: fernet/spec, `generate.json`.
const KNOWN_KEY: &[u8; 32] =
    b"s\x0f\xf4\xc7\xaf=F\x92>\x8e\xd4Q\xee\x81<\x87\xf7\x90\xb0\xa2&\xbc\x96\xa9-\xe4\x9b^\x9c\x05\xe1\xee";
const KNOWN_TOKEN: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
const KNOWN_STAMP_S: u64 = 499_162_800;

/// The fast way, if the processor has it and it agrees.
pub(super) fn choose() -> Backend {
    let known = Key::from_bytes(KNOWN_KEY);
    let Some(fused) = Engine::fused(&known) else { return Backend::Portable { alarm: false } };
    let agrees = knows_the_answer(&fused) && agrees_on_random_messages();
    if agrees { Backend::Fused } else { Backend::Portable { alarm: true } }
}

fn knows_the_answer(engine: &Engine) -> bool {
    let iv = std::array::from_fn(|at| at as u8);
    let token = engine.seal(&Sealing { stamp_s: KNOWN_STAMP_S, iv, message: b"hello" });
    token.as_deref() == Some(KNOWN_TOKEN)
}

/// Without randomness nothing can be sealed anyway; then the known answer has to do.
fn agrees_on_random_messages() -> bool {
    let Ok(key) = Key::generate() else { return true };
    let (Some(fused), portable) = (Engine::fused(&key), Engine::portable(&key)) else { return false };
    let mut noise = vec![0; LENGTHS.iter().copied().max().unwrap_or_default() + 16];
    if aws_lc_rs::rand::fill(&mut noise).is_err() {
        return true;
    }
    LENGTHS.iter().all(|len| agrees(&fused, &portable, &noise, *len).unwrap_or(false))
}

/// Both ways make the same token, and open and refuse it alike.
fn agrees(fused: &Engine, portable: &Engine, noise: &[u8], len: usize) -> Option<bool> {
    let (iv, rest) = noise.split_first_chunk::<16>()?;
    let message = rest.get(..len)?;
    let sealing = Sealing { stamp_s: KNOWN_STAMP_S, iv: *iv, message };
    let body = portable.seal_body(&sealing)?;
    let bodies = [&body[..], &body[..], &body[..]];
    let mut forged = body.clone();
    *forged.get_mut(len)? ^= 1;
    Some(
        fused.seal_body(&sealing)? == body
            && fused.seal(&sealing)? == super::text(&body)
            && fused.seal_many(&[sealing; 9])?.iter().all(|token| *token == super::text(&body))
            && fused.is_authentic(&body)
            && fused.are_authentic(&bodies).iter().all(|it| *it)
            && fused.open(body.clone()).as_deref() == Ok(message)
            && fused.decipher(body).as_deref() == Ok(message)
            && fused.open(forged) == Err(InvalidToken),
    )
}
