//! Published vectors, the two ways side by side, and noise.

use proptest::prelude::*;

use super::*;
use crate::engine::{Engine, Sealing};

/// The key, the token and the time of the published vectors. Source: fernet/spec, `generate.json` and `verify.json`.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const TOKEN: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
const STAMP_S: u64 = 499_162_800;

fn key() -> Key {
    Key::parse(KEY, Decoding::Strict).unwrap()
}

/// Both ways, where there are two.
fn ways(key: &Key) -> Vec<Fernet> {
    let fused = Engine::fused(key).map(|engine| Fernet { engine });
    std::iter::once(Fernet::portable(key)).chain(fused).collect()
}

#[test]
fn the_published_token_is_made_and_read() {
    for fernet in ways(&key()) {
        let iv = std::array::from_fn(|at| at as u8);
        assert_eq!(fernet.encrypt_with_iv(b"hello", STAMP_S, iv).unwrap(), TOKEN);
        for decoding in [Decoding::Strict, Decoding::PyCompat] {
            let age = Age::AtMost { ttl_s: 60, now_s: STAMP_S + 1 };
            assert_eq!(fernet.decrypt(TOKEN, decoding, age).unwrap(), b"hello");
            assert_eq!(fernet.extract_timestamp(TOKEN, decoding), Ok(STAMP_S));
        }
    }
}

/// Source: fernet/spec, `invalid.json`: all at one second past the stamp, with a ttl of a minute, unless said.
#[test]
fn the_published_invalid_tokens_are_refused() {
    for (name, token) in [
        (
            "incorrect mac",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
        ),
        ("too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="),
        (
            "invalid base64",
            "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        ),
        (
            "payload size not multiple of block size",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
        ),
        (
            "payload padding error",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
        ),
        (
            "far-future stamp",
            "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
        ),
        (
            "expired",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
        ),
        (
            "incorrect iv",
            "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
        ),
    ] {
        let now_s = if name == "expired" { STAMP_S + 100 } else { STAMP_S + 1 };
        for fernet in ways(&key()) {
            for decoding in [Decoding::Strict, Decoding::PyCompat] {
                let verdict = fernet.decrypt(token, decoding, Age::AtMost { ttl_s: 60, now_s });
                assert_eq!(verdict, Err(InvalidToken), "{name}");
            }
        }
    }
}

#[test]
fn this_processor_takes_the_fast_way_or_lacks_it() {
    let wanted = match Engine::fused(&key()) {
        Some(_) => Backend::Fused,
        None => Backend::Portable { alarm: false },
    };
    assert_eq!(backend(), wanted);
}

/// A correctly signed body, whatever it holds.
fn signed(body: &[u8]) -> String {
    let halves = Key::parse(KEY, Decoding::Strict).unwrap();
    let signing = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, halves.expose_signing());
    let tag = aws_lc_rs::hmac::sign(&signing, body);
    crate::engine::text(&[body, tag.as_ref()].concat())
}

/// What Python says of authentic bodies that hold no message.
#[test]
fn authentic_bodies_without_a_message() {
    let whole = base64url::decode(TOKEN.as_bytes(), Decoding::Strict).unwrap();
    for (name, body, stamp, message) in [
        ("the published one", &whole[..57 - 16], Ok(STAMP_S), Some(&b"hello"[..])),
        ("no ciphertext", &whole[..25], Ok(STAMP_S), None),
        ("no IV", &whole[..9], Ok(STAMP_S), None),
        ("half an IV", &whole[..17], Ok(STAMP_S), None),
        ("half a block", &whole[..33], Ok(STAMP_S), None),
        ("another version", &[&[0x81], &whole[1..41]].concat()[..], Err(InvalidToken), None),
        (
            "another IV, so another message",
            &[&whole[..9], &[0xff; 16], &whole[25..41]].concat()[..],
            Ok(STAMP_S),
            None,
        ),
    ] {
        let token = signed(body);
        for fernet in ways(&key()) {
            assert_eq!(fernet.extract_timestamp(&token, Decoding::Strict), stamp, "{name}");
            let opened = fernet.decrypt(&token, Decoding::Strict, Age::Any).ok();
            assert_eq!(opened.as_deref(), message, "{name}");
        }
    }
}

#[test]
fn keys() {
    for (name, text, strict, python) in [
        ("a key", KEY, true, true),
        ("a line break", &format!("{KEY}\n"), false, true),
        ("the other alphabet", &KEY.replace('_', "/").replace('-', "+"), false, true),
        ("too short", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4Q==", false, false),
        ("too long", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4A", false, false),
        ("empty", "", false, false),
    ] {
        assert_eq!(Key::parse(text, Decoding::Strict).is_ok(), strict, "{name}");
        assert_eq!(Key::parse(text, Decoding::PyCompat).is_ok(), python, "{name}");
    }
    assert_eq!(key().expose_text().as_str(), KEY);
    assert_eq!(format!("{:?} {:?}", key(), Fernet::new(&key())), "Key(…) Fernet(…)");
    let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
    assert_ne!(one.expose_text(), two.expose_text());
}

#[test]
fn several_keys() {
    let (new, old, third) = (Key::generate().unwrap(), key(), Key::generate().unwrap());
    let keys = MultiFernet::new([&new, &old]).unwrap();
    assert_eq!(keys.decrypt(TOKEN, Decoding::Strict, Age::Any).unwrap(), b"hello");
    assert_eq!(keys.extract_timestamp(TOKEN, Decoding::Strict), Ok(STAMP_S));
    let token = keys.encrypt(b"new", 7).unwrap();
    assert_eq!(Fernet::new(&new).decrypt(&token, Decoding::Strict, Age::Any).unwrap(), b"new");
    let foreign = Fernet::new(&third).encrypt(b"x", 7).unwrap();
    assert_eq!(keys.decrypt(&foreign, Decoding::Strict, Age::Any), Err(InvalidToken));
    assert_eq!(keys.rotate(&foreign, Decoding::Strict), Err(RotateError::Invalid(InvalidToken)));
    assert_eq!(keys.extract_timestamp(&foreign, Decoding::Strict), Err(InvalidToken));
    assert_eq!(MultiFernet::new([]).map(drop), Err(NoKey));
}

#[test]
fn rotating_keeps_the_stamp_and_takes_a_new_iv() {
    let new = Key::generate().unwrap();
    let keys = MultiFernet::new([&new, &key()]).unwrap();
    let rotated = keys.rotate(TOKEN, Decoding::Strict).unwrap();
    let again = keys.rotate(TOKEN, Decoding::Strict).unwrap();
    let body = |token: &str| base64url::decode(token.as_bytes(), Decoding::Strict).unwrap();
    assert_eq!(body(&rotated)[..9], body(TOKEN)[..9]);
    assert!(body(&rotated)[9..25] != body(TOKEN)[9..25] && body(&rotated)[9..25] != body(&again)[9..25]);
    assert_eq!(Fernet::new(&new).decrypt(&rotated, Decoding::Strict, Age::Any).unwrap(), b"hello");
}

/// The first key's signature fits and its cipher does not: the search goes on, as in Python.
#[test]
fn keys_that_sign_alike() {
    let mut bytes = base64url::decode(KEY.as_bytes(), Decoding::Strict).unwrap();
    bytes[31] ^= 1;
    let twin = Key::from_bytes(bytes.as_array().unwrap());
    let keys = MultiFernet::new([&twin, &key()]).unwrap();
    assert_eq!(keys.decrypt(TOKEN, Decoding::Strict, Age::Any).unwrap(), b"hello");
}

#[test]
fn a_length_of_every_kind() {
    let message: Vec<u8> = (0..70_000u32).map(|at| (at * 7) as u8).collect();
    let lengths = (0..300).chain([12_000, 12_287, 12_288, 12_289, 24_576, 25_000, 40_000, 70_000]);
    let all = ways(&Key::generate().unwrap());
    for len in lengths {
        let message = &message[..len];
        let tokens: Vec<String> =
            all.iter().map(|it| it.encrypt_with_iv(message, 1, [7; 16]).unwrap()).collect();
        for fernet in &all {
            for token in &tokens {
                assert_eq!(*token, tokens[0], "{len}");
                assert_eq!(fernet.decrypt(token, Decoding::Strict, Age::Any).unwrap(), message, "{len}");
            }
        }
    }
}

fn mixed_messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..40)
}

proptest! {
    #[test]
    fn the_ways_agree(message in prop::collection::vec(any::<u8>(), 0..3000), stamp_s: u64, iv: [u8; 16], key: [u8; 32]) {
        let key = Key::from_bytes(&key);
        let tokens: Vec<String> =
            ways(&key).iter().map(|it| it.encrypt_with_iv(&message, stamp_s, iv).unwrap()).collect();
        for fernet in ways(&key) {
            for token in &tokens {
                prop_assert_eq!(token, &tokens[0]);
                prop_assert_eq!(&fernet.decrypt(token, Decoding::Strict, Age::Any).unwrap(), &message);
                prop_assert_eq!(fernet.extract_timestamp(token, Decoding::Strict), Ok(stamp_s));
            }
        }
    }

    #[test]
    fn one_flipped_bit_is_refused(len in 0usize..300, at: prop::sample::Index, bit in 0u32..8) {
        for fernet in ways(&key()) {
            let sealing = Sealing { stamp_s: 1, iv: [1; 16], message: &vec![5; len] };
            let mut body = fernet.engine.seal_body(&sealing).unwrap();
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
            let token = crate::engine::text(&body);
            prop_assert_eq!(fernet.decrypt(&token, Decoding::PyCompat, Age::Any), Err(InvalidToken));
            prop_assert_eq!(fernet.extract_timestamp(&token, Decoding::PyCompat), Err(InvalidToken));
            let many = fernet.decrypt_many(&[&token, &token], Decoding::PyCompat, Age::Any);
            prop_assert_eq!(many, [Err(InvalidToken), Err(InvalidToken)]);
        }
    }

    /// Authentic bodies with any ciphertext: the padding decides, and both ways decide alike.
    #[test]
    fn any_ciphertext_gets_one_verdict(ciphertext in prop::collection::vec(any::<u8>(), 0..200), blocks in 0usize..12, whole: bool) {
        let len = if whole { blocks * 16 } else { ciphertext.len() };
        let body = [&body::head(9, &[3; 16])[..], &ciphertext.iter().copied().cycle().take(if ciphertext.is_empty() { 0 } else { len }).collect::<Vec<_>>()].concat();
        let token = signed(&body);
        let verdicts: Vec<_> = ways(&key()).iter().map(|it| {
            let one = it.decrypt(&token, Decoding::Strict, Age::Any);
            let many = it.decrypt_many(&[&token], Decoding::Strict, Age::Any);
            assert_eq!(many, std::slice::from_ref(&one));
            one
        }).collect();
        prop_assert!(verdicts.iter().all(|it| *it == verdicts[0]));
    }

    #[test]
    fn many_are_as_one_by_one(messages in mixed_messages(), now_s: u64) {
        for fernet in ways(&key()) {
            let tokens = fernet.encrypt_many(&messages, now_s).unwrap();
            prop_assert_eq!(tokens.len(), messages.len());
            for (token, message) in tokens.iter().zip(&messages) {
                prop_assert_eq!(&fernet.decrypt(token, Decoding::Strict, Age::Any).unwrap(), message);
                prop_assert_eq!(fernet.extract_timestamp(token, Decoding::Strict), Ok(now_s));
            }
            let opened = fernet.decrypt_many(&tokens, Decoding::Strict, Age::Any);
            let opened: Vec<Vec<u8>> = opened.into_iter().map(|it| it.unwrap()).collect();
            prop_assert_eq!(&opened, &messages);
        }
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..300), text in "[A-Za-z0-9_=+/ -]{0,300}", ttl_s: u64, now_s: u64) {
        for fernet in ways(&key()) {
            for token in [&noise[..], text.as_bytes()] {
                for decoding in [Decoding::Strict, Decoding::PyCompat] {
                    prop_assert!(fernet.decrypt(token, decoding, Age::Any).is_err());
                    let young = Age::AtMost { ttl_s, now_s };
                    prop_assert!(fernet.decrypt(token, decoding, young).is_err());
                    prop_assert!(fernet.extract_timestamp(token, decoding).is_err());
                    prop_assert!(Key::parse(token, decoding).is_err() || token.len() >= 43);
                }
            }
        }
    }
}
