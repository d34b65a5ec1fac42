//! Who is asking, and for whom.
//!
//! A [`Credential`] is what a caller presents: an [`ApiKey`] (`bw_…`) or a [`SessionToken`] (`bws_…`). The [`Authenticator`] turns it into
//! a [`Principal`]: bot, [`Rights`], and for session tokens the [`Session`] with its user and typed [`Claims`]. [`keys`] issues and
//! revokes. State lives behind two ports, [`KeyStore`] and [`SessionStore`].
//!
//! Promises: credentials are known only by their keyed hash; a key that may chat can never approve or export; a session token acts for
//! its one user, may chat and nothing else; a revoked key and the sessions it opened are refused from the moment
//! [`Authenticator::refresh_keys`] returns; what belongs to another bot does not exist. No clock of its own: callers pass `now`.
//! Left to others: storage (`store`), what a principal may ask of a model (`policy`), HTTP (`gateway`).

mod authenticator;
mod claims;
mod credential;
pub mod keys;
mod principal;
mod rights;
mod session;
mod store;
mod table;
mod turn;

pub use authenticator::{Authenticator, Bounds, IdentifyError, Wiring};
pub use claims::{
    CLAIM_NAME_BYTES_MAX, CLAIM_NUMBER_CHARS_MAX, CLAIM_TEXT_BYTES_MAX, CLAIM_TEXTS_MAX, CLAIMS_BYTES_MAX,
    CLAIMS_MAX, Claim, Claims, ClaimsError,
};
pub use credential::{ApiKey, Credential, CredentialError, SessionToken};
pub use principal::{MayNotAssert, Principal};
pub use rights::{Right, Rights, RightsError, UnknownRight};
pub use session::{
    EndError, Ended, OpenError, OpenSession, SESSION_TTL_DEFAULT, SESSION_TTL_MAX, Session, TtlError,
};
pub use store::{
    Appended, BoxFuture, EndOutcome, Inserted, Kept, KeptTurn, KeyRecord, KeySet, KeyStore, NewTurn,
    SessionStore, StoreError, StoredKey, StoredSession,
};
pub use turn::{
    IdempotencyKey, IdempotencyKeyError, PASTED_MAX, TURN_BYTES_MAX, Turn, TurnError, TurnInvalid,
    TurnReceipt,
};
