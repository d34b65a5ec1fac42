//! `botwarden encrypt` and `botwarden decrypt`: Fernet tokens for files and pipes.

mod chunks;
mod decrypt;
mod encrypt;
mod input;
mod keys;
mod output;
mod progress;

use botwarden_types::{Clock as _, SystemClock};

pub(crate) use self::decrypt::Decrypt;
pub(crate) use self::encrypt::Encrypt;
use crate::exit::Advice;

/// What one token may hold unless `--max` says otherwise.
const MAX_DEFAULT: &str = "1GiB";

/// Seconds since 1970.
fn now_s() -> u64 {
    SystemClock.now().wall.secs()
}

/// A size on the command line.
fn size(text: &str) -> Result<usize, String> {
    botwarden_types::parse_bytes(text).ok_or_else(|| "expected a size such as `64MiB` or `2GiB`".to_owned())
}

/// A token was refused: a check that failed, not something that could not be done.
fn refused(what: impl Into<String>) -> anyhow::Error {
    Advice::failed_check(what, "give every key it may be sealed with (--key-file), and --chunked if it was made so; was it changed, or is it too old?").into()
}
