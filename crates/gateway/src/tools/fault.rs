//! Why a tool server gave no result.

use crate::refusal::Refusal;
use crate::upstream::Failure;

/// Why a tool server gave no result. What is certain about the call is part of it: whoever reads it may try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// No connection, or a program that does not run: nothing was sent.
    #[error("the tool server could not be reached; nothing was done")]
    Unreachable,
    /// No connection in time: nothing was sent.
    #[error("the tool server did not take a connection in time; nothing was done")]
    Unconnected,
    /// It may have worked, and may still.
    #[error("the tool server did not answer in time; whether the call was carried out is not known")]
    TimedOut,
    /// It may have worked.
    #[error("the tool server broke off; whether the call was carried out is not known")]
    Broken,
    /// It does not take our credential.
    #[error("the tool server refused the gateway's own credential; its operator has to renew it")]
    RefusedKey,
    /// Its session is over, which it said before it did anything. The next call opens another.
    #[error("the tool server has ended its session and did nothing; call again")]
    SessionOver,
    /// It answered what cannot be read or used.
    #[error("the tool server's answer cannot be used: {0}")]
    Unusable(&'static str),
    /// It said that it failed.
    #[error("the tool server failed with code {code}: {message}")]
    Failed {
        /// The code of JSON-RPC.
        code: i64,
        /// What it says.
        message: String,
    },
    /// The client did not want it any more.
    #[error("the call was cancelled; whether it was carried out is not known")]
    Cancelled,
}

impl Fault {
    /// A stable word for headers, logs and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable => "upstream-unreachable",
            Self::Unconnected | Self::TimedOut => "upstream-timeout",
            Self::Broken => "upstream-broken",
            Self::RefusedKey => "upstream-key",
            Self::SessionOver => "upstream-session",
            Self::Unusable(_) => "upstream-answer",
            Self::Failed { .. } => "upstream-error",
            Self::Cancelled => "cancelled",
        }
    }

    /// The same where there is no tool call whose result could say so.
    pub(crate) fn into_refusal(self) -> Refusal {
        match self {
            Self::Unreachable => Refusal::UpstreamUnreachable,
            Self::Unconnected => Refusal::UpstreamUnconnected,
            Self::TimedOut | Self::Cancelled => Refusal::UpstreamTimeout,
            Self::Broken => Refusal::UpstreamBroken,
            Self::RefusedKey => Refusal::UpstreamRefusedKey,
            Self::SessionOver => Refusal::UpstreamAnswer("its session is over; ask again"),
            Self::Unusable(why) => Refusal::UpstreamAnswer(why),
            Self::Failed { .. } => Refusal::UpstreamAnswer("it said that it failed"),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreachable => Self::Unreachable,
            Failure::Unconnected => Self::Unconnected,
            Failure::Broken => Self::Broken,
            Failure::TimedOut => Self::TimedOut,
        }
    }
}
