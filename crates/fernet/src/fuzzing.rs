//! What the fuzz target asserts. Its corpus lies in `testdata/fuzz/fernet_token` and is replayed as an ordinary test.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

use std::sync::LazyLock;

use crate::engine::Engine;
use crate::{Age, Decoding, Fernet, InvalidToken, Key};

static KEY: LazyLock<Key> = LazyLock::new(|| Key::from_bytes(&[7; 32]));
static PORTABLE: LazyLock<Fernet> = LazyLock::new(|| Fernet::portable(&KEY));
/// The fast way where there is one, else the portable one again.
static OTHER: LazyLock<Fernet> =
    LazyLock::new(|| Fernet { engine: Engine::fused(&KEY).unwrap_or_else(|| Engine::portable(&KEY)) });

/// Bytes as a token, as a key, as a signed body, and as a message: both ways say the same, strictness only ever refuses more,
/// and what is sealed opens.
pub fn fernet_token(bytes: &[u8]) {
    for token in [bytes, crate::engine::text(&signed(bytes)).as_bytes()] {
        let strict = verdict(token, Decoding::Strict);
        let lenient = verdict(token, Decoding::PyCompat);
        assert!(strict.is_err() || strict == lenient);
        let stamp = PORTABLE.extract_timestamp(token, Decoding::PyCompat);
        assert_eq!(stamp, OTHER.extract_timestamp(token, Decoding::PyCompat));
        assert!(lenient.is_err() || stamp.is_ok());
    }
    if let Ok(key) = Key::parse(bytes, Decoding::Strict) {
        assert_eq!(key.expose_text().as_bytes(), bytes);
        assert!(Key::parse(bytes, Decoding::PyCompat).is_ok());
    }
    let token = PORTABLE.encrypt_with_iv(bytes, 5, [9; 16]).unwrap();
    assert_eq!(OTHER.encrypt_with_iv(bytes, 5, [9; 16]).unwrap(), token);
    assert_eq!(verdict(token.as_bytes(), Decoding::Strict).unwrap(), bytes);
}

/// The one verdict of both ways, one by one and at once.
fn verdict(token: &[u8], decoding: Decoding) -> Result<Vec<u8>, InvalidToken> {
    let verdict = PORTABLE.decrypt(token, decoding, Age::Any);
    assert_eq!(OTHER.decrypt(token, decoding, Age::Any), verdict);
    for many in OTHER.decrypt_many(&[token; 3], decoding, Age::Any) {
        assert_eq!(many, verdict);
    }
    verdict
}

/// The bytes with a right MAC behind them.
fn signed(body: &[u8]) -> Vec<u8> {
    let signing = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, KEY.expose_signing());
    [body, aws_lc_rs::hmac::sign(&signing, body).as_ref()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn the_saved_corpus_passes() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/fuzz/fernet_token");
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            super::fernet_token(&std::fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0);
    }

    proptest! {
        #[test]
        fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            super::fernet_token(&bytes);
        }
    }
}
