//! Answers one question a line, for tests in other languages (`testdata/clients/test_fernet.py`).
//!
//! ```text
//! encrypt KEYS HEX NOW            seals the message under the first key
//! decrypt KEYS HEX - -            opens the token as Python does, whatever its age
//! decrypt KEYS HEX TTL NOW        and at most TTL seconds old
//! strict  KEYS HEX TTL NOW        the same, the canonical spelling only
//! stamp   KEYS HEX                the time stamp of an authentic token
//! rotate  KEYS HEX                seals anew under the first key
//! key     HEX                     the key, canonically spelled
//! ```
//!
//! KEYS are keys joined by commas, HEX the message or the token in hexadecimal. The answer is `= ` and a message in hexadecimal, a
//! token, a stamp or a key; `!` if it is refused; `?` if the question makes no sense.

use std::io::{BufRead as _, Write as _};

use botwarden_fernet::{Age, Decoding, Key, MultiFernet};

/// `None` for what makes no sense, `Some(None)` for what is refused.
type Answer = Option<Option<String>>;

fn main() -> std::io::Result<()> {
    let (input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    for line in input.lines() {
        match answer(&line?) {
            Some(Some(text)) => writeln!(output, "= {text}")?,
            Some(None) => writeln!(output, "!")?,
            None => writeln!(output, "?")?,
        }
        output.flush()?;
    }
    Ok(())
}

fn answer(line: &str) -> Answer {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    Some(match words[..] {
        ["encrypt", fernets, message, now_s] => {
            keys(fernets)?.encrypt(&bytes(message)?, now_s.parse().ok()?).ok()
        }
        ["decrypt", fernets, token, ttl_s, now_s] => {
            decrypt(fernets, token, Decoding::PyCompat, age(ttl_s, now_s)?)?
        }
        ["strict", fernets, token, ttl_s, now_s] => {
            decrypt(fernets, token, Decoding::Strict, age(ttl_s, now_s)?)?
        }
        ["stamp", fernets, token] => {
            let stamp_s = keys(fernets)?.extract_timestamp(bytes(token)?, Decoding::PyCompat);
            stamp_s.ok().map(|it| it.to_string())
        }
        ["rotate", fernets, token] => keys(fernets)?.rotate(bytes(token)?, Decoding::PyCompat).ok(),
        ["key", text] => {
            Key::parse(bytes(text)?, Decoding::PyCompat).ok().map(|key| key.expose_text().to_string())
        }
        _ => return None,
    })
}

fn decrypt(fernets: &str, token: &str, decoding: Decoding, age: Age) -> Answer {
    let opened = keys(fernets)?.decrypt(bytes(token)?, decoding, age);
    Some(opened.ok().map(|message| hex(&message)))
}

fn keys(text: &str) -> Option<MultiFernet> {
    let keys: Result<Vec<Key>, _> = text.split(',').map(|key| Key::parse(key, Decoding::Strict)).collect();
    MultiFernet::new(&keys.ok()?).ok()
}

fn age(ttl_s: &str, now_s: &str) -> Option<Age> {
    match (ttl_s, now_s) {
        ("-", "-") => Some(Age::Any),
        _ => Some(Age::AtMost { ttl_s: ttl_s.parse().ok()?, now_s: now_s.parse().ok()? }),
    }
}

/// Hexadecimal with a leading `x`, so that nothing has a text too.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.strip_prefix('x')?.chars().map(|it| it.to_digit(16)).collect();
    let pairs = digits?;
    Some(pairs.as_chunks::<2>().0.iter().map(|[high, low]| (high << 4 | low) as u8).collect())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("x");
    bytes.iter().for_each(|byte| text += &format!("{byte:02x}"));
    text
}
