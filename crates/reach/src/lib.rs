//! The outside world for domain crates.
//!
//! Services that keep the root key and never give it away: [`VaultTransit`] (HashiCorp Vault, OpenBao) and [`AwsKms`]. Both
//! are [`RootProvider`](botwarden_crypto::RootProvider)s: they wrap and unwrap tenants' keys, a few calls at the start and when keys are
//! rotated. And whoever keeps watch over the audit log: [`Witness`]es cosign its checkpoints, [`Sender`]s bring them elsewhere.
//!
//! Promises: TLS is verified, and plain HTTP is for this machine alone; every call has a deadline and its answer a bound; only what may pass by
//! itself is tried again, and not often ([`Patience`]); a key that was wrapped under one name unwraps under no other, whatever the service
//! binds; no error holds a secret, and each says what to mend. Left to others: where secrets lie ([`Secrets`] is asked before each
//! call, so that a renewed token is taken up), and what is kept of the wrapped keys (`store`).

mod aws;
mod call;
mod kms;
mod patience;
mod secret;
mod send;
mod tls;
mod url;
mod vault;
mod witness;
mod wrapped;

pub use aws::{Credentials, CredentialsError, CredentialsNow};
pub use call::{CallError, ClientError};
pub use kms::{AwsKms, KmsConfig, KmsError, RawKms};
pub use patience::Patience;
pub use secret::{RawSecret, SecretPlace, Secrets};
pub use send::{Keys, RawSend, SendConfig, SendError, Sender, To};
pub use url::ServiceUrl;
pub use vault::{RawVault, VaultConfig, VaultError, VaultTransit};
pub use witness::{Published, RawWitness, Witness, WitnessConfig, WitnessError};
