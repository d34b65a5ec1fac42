//! What a caller presents to be recognised.

use std::fmt;

use botwarden_crypto::{Digest, Pepper, RandomnessError, Token};
use zeroize::Zeroizing;

/// Why a text is no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Begins with neither `bw_` nor `bws_`.
    #[error("expected `bw_` or `bws_` in front")]
    Prefix,
    /// The rest is not 43 base64url characters.
    #[error("expected {} base64url characters after the prefix", Token::CHARS)]
    Shape,
}

/// A secret of one kind: a prefix that tells the kind, and 32 random bytes.
macro_rules! credential {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &str = $prefix;

            #[doc = concat!("Accepts `", $prefix, "` followed by 43 base64url characters (32 random bytes). Shape only.")]
            pub fn parse(text: &str) -> Result<Self, CredentialError> {
                let token = text.strip_prefix(Self::PREFIX).ok_or(CredentialError::Prefix)?;
                Token::check(token).map_err(|_| CredentialError::Shape)?;
                Ok(Self(Zeroizing::new(text.to_owned())))
            }

            /// A new one from the system's random source.
            pub fn random() -> Result<Self, RandomnessError> {
                let token = Token::random()?;
                let mut text = Zeroizing::new(String::with_capacity(Self::PREFIX.len() + Token::CHARS));
                text.push_str(Self::PREFIX);
                text.push_str(token.expose());
                Ok(Self(text))
            }

            /// The secret itself. Reviewers grep for `expose`.
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// The keyed hash by which it is stored and found. The prefix is part of what is hashed, so a key can never be found
            /// among sessions nor the other way round.
            pub fn hash(&self, pepper: &Pepper) -> Digest {
                pepper.hash(self.0.as_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

credential!(
    /// An API key as presented. Never printed, wiped on drop.
    ApiKey, "bw_"
);
credential!(
    /// A session's token as presented. Never printed, wiped on drop.
    SessionToken, "bws_"
);

/// What a caller presents. Never printed, wiped on drop.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Of an application.
    Key(ApiKey),
    /// Of one user's conversation.
    Session(SessionToken),
}

impl Credential {
    /// Reads a credential of either kind. Shape only; looking it up is for [`crate::Authenticator::identify`].
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        if text.starts_with(SessionToken::PREFIX) {
            return SessionToken::parse(text).map(Self::Session);
        }
        ApiKey::parse(text).map(Self::Key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shapes() {
        let tail = "A".repeat(43);
        for (name, text, want) in [
            ("empty", String::new(), Err(CredentialError::Prefix)),
            ("foreign prefix", format!("sk-{tail}"), Err(CredentialError::Prefix)),
            ("prefix in capitals", format!("BW_{tail}"), Err(CredentialError::Prefix)),
            ("space in front", format!(" bw_{tail}"), Err(CredentialError::Prefix)),
            ("a data token", format!("bwd_{tail}"), Err(CredentialError::Prefix)),
            ("prefix alone", "bw_".into(), Err(CredentialError::Shape)),
            ("session prefix alone", "bws_".into(), Err(CredentialError::Shape)),
            ("too short", "bw_abc".into(), Err(CredentialError::Shape)),
            ("too long", format!("bw_{tail}A"), Err(CredentialError::Shape)),
            ("space behind", format!("bw_{tail} "), Err(CredentialError::Shape)),
            ("padding", format!("bw_{tail}="), Err(CredentialError::Shape)),
            ("unused bits set", format!("bw_{}B", "A".repeat(42)), Err(CredentialError::Shape)),
            ("a key", format!("bw_{tail}"), Ok("key")),
            ("a session token", format!("bws_{tail}"), Ok("session")),
        ] {
            let got = Credential::parse(&text).map(|credential| match credential {
                Credential::Key(_) => "key",
                Credential::Session(_) => "session",
            });
            assert_eq!(got, want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_text(tail in "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", session: bool) {
            let text = format!("{}{tail}", if session { "bws_" } else { "bw_" });
            let exposed = match Credential::parse(&text).unwrap() {
                Credential::Key(key) => key.expose().to_owned(),
                Credential::Session(token) => token.expose().to_owned(),
            };
            prop_assert_eq!(exposed, text);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Credential::parse(&text);
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let key = Credential::Key(ApiKey::random().unwrap());
        let session = Credential::Session(SessionToken::random().unwrap());
        assert_eq!(format!("{key:?} {session:?}"), "Key(ApiKey(…)) Session(SessionToken(…))");
    }
}
