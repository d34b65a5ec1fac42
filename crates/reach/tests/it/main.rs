//! Services that keep the root key, and whoever keeps watch over the audit log, as they answer and as they fail.

#[cfg(test)]
mod kms;
#[cfg(test)]
mod send;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod vault;
#[cfg(test)]
mod witness;

use std::time::Duration;

use botwarden_crypto::{KeyName, KeyNumber, Purpose};
use botwarden_reach::Patience;

/// Short, so that tests of what is slow are not.
#[cfg(test)]
fn patience() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(500),
        between: Duration::from_millis(1),
    }
}

#[cfg(test)]
fn name(number: u8) -> KeyName<'static> {
    let number = KeyNumber::from_stored(&[number; 8]).unwrap();
    KeyName { tenant: "default", purpose: Purpose::Tenant, number }
}

/// An error with all its causes, as people see it.
#[cfg(test)]
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
