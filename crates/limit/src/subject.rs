//! Who stands before the limits.

use std::net::IpAddr;

use crate::hash::HashKey;
use crate::rule::Per;

/// Who makes a request, as far as is known yet. The bot is the plan's scope.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The credential's id.
    pub key: Option<&'a str>,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// The person served.
    pub user: Option<&'a str>,
}

/// One hash key for each kind of subject, so that a user and a key of the same name do not meet.
#[derive(Clone, Copy)]
pub(crate) struct SubjectKeys {
    user: HashKey,
    key: HashKey,
    address: HashKey,
}

impl SubjectKeys {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        let root = HashKey::of_secret(secret, 0);
        Self { user: root.derive(b"user"), key: root.derive(b"key"), address: root.derive(b"address") }
    }

    /// Hashes a subject as far as it is asked for, each part once, however many rules count it.
    pub(crate) fn hashes<'a>(&'a self, subject: &'a Subject<'a>) -> SubjectHashes<'a> {
        SubjectHashes { keys: self, subject, user: None, key: None, address: None }
    }
}

/// The hashes of a subject, made when they are first asked for.
pub(crate) struct SubjectHashes<'a> {
    keys: &'a SubjectKeys,
    subject: &'a Subject<'a>,
    user: Option<u64>,
    key: Option<u64>,
    address: Option<u64>,
}

/// What to do with a `User` rule when no user is named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// The user may be named later in the body: leave the rule out.
    Wait,
    /// The body has been read and names nobody: count by key.
    CountByKey,
}

impl SubjectHashes<'_> {
    /// The one counted by `per`, or none if the rule does not apply.
    pub(crate) fn of(&mut self, per: Per, unnamed: Unnamed) -> Option<u64> {
        match per {
            Per::User => match self.subject.user {
                Some(name) => Some(*self.user.get_or_insert_with(|| self.keys.user.hash(name.as_bytes()))),
                None if unnamed == Unnamed::CountByKey => self.of(Per::Key, unnamed),
                None => None,
            },
            Per::Key => {
                let id = self.subject.key?;
                Some(*self.key.get_or_insert_with(|| self.keys.key.hash(id.as_bytes())))
            }
            Per::Address => {
                let address = address_number(self.subject.address?);
                Some(*self.address.get_or_insert_with(|| self.keys.address.hash_number(address)))
            }
            Per::Bot => Some(0),
        }
    }
}

/// An IPv4 address, also when it comes mapped into IPv6, or the first half of an IPv6 address. The two never meet:
/// no network part of a routed IPv6 address is below 2^32.
fn address_number(ip: IpAddr) -> u64 {
    match ip.to_canonical() {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => match u64::try_from(u128::from(v6) >> 64) {
            // `::1` and its neighbours have an empty network part: keep them apart from 0.0.0.0.
            Ok(0) | Err(_) => u64::MAX,
            Ok(network) => network,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_count_as_one() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("0.0.0.0", "::1", false),
        ] {
            let number = |text: &str| address_number(text.parse().unwrap());
            assert_eq!(number(one) == number(other), same, "{one} and {other}");
        }
    }

    #[test]
    fn who_is_counted() {
        let keys = SubjectKeys::new(&[1; 32]);
        let named = Subject { user: Some("x"), key: Some("x"), address: None };
        let unnamed = Subject { user: None, key: Some("x"), address: None };
        let (mut named, mut unnamed) = (keys.hashes(&named), keys.hashes(&unnamed));
        assert_ne!(named.of(Per::User, Unnamed::Wait), named.of(Per::Key, Unnamed::Wait));
        assert_eq!(unnamed.of(Per::User, Unnamed::Wait), None);
        assert_eq!(unnamed.of(Per::User, Unnamed::CountByKey), unnamed.of(Per::Key, Unnamed::Wait));
        assert_eq!(unnamed.of(Per::Address, Unnamed::CountByKey), None);
    }
}
