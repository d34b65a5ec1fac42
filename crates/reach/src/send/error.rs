//! Why a checkpoint was not sent, and what to do about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::call::CallError;

/// Why a checkpoint did not get there.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The file could not be written.
    #[error("writing `{}`; the folder has to be there, and writable", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of that name holds something else. Files are not written over.
    #[error("`{}` is there and holds something else; move it away, and find out who wrote it", .path.display())]
    Taken {
        /// Which.
        path: PathBuf,
    },
    /// The syslog daemon could not be reached.
    #[error("sending to syslog at `{to}`; is the address right, and does the daemon run?")]
    Syslog {
        /// Where.
        to: String,
        /// Why not.
        source: io::Error,
    },
    /// It took too long.
    #[error("`{to}` took nothing within {} s", .after.as_secs_f32())]
    Late {
        /// Where.
        to: String,
        /// How long was waited.
        after: Duration,
    },
    /// It was not reached, or did not answer.
    #[error("asking `{url}`")]
    Call {
        /// Its address.
        url: String,
        /// Why.
        source: CallError,
    },
    /// A token, key or credentials that cannot be had.
    #[error("the {what} for it")]
    Secret {
        /// Which.
        what: &'static str,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The webhook did not take it.
    #[error("`{url}` answered {status}; it has to answer 2xx once it has put the checkpoint away")]
    Webhook {
        /// Its address.
        url: String,
        /// Its answer.
        status: StatusCode,
    },
    /// The store did not take it.
    #[error("the bucket `{bucket}` did not take it: {status} ({said}){mend}")]
    Bucket {
        /// Which.
        bucket: String,
        /// The answer.
        status: StatusCode,
        /// Its words.
        said: String,
        /// What to do about it, if that is known.
        mend: &'static str,
    },
}
