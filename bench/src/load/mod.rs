//! Traffic: light enough that the contestant, not the generator, is what gets measured.
//!
//! [`closed`] keeps a number of connections busy for a count of requests, [`open`] asks at a fixed rate whatever the
//! answers do, [`streams`] holds many event streams at once. Requests are written as prepared bytes; answers are read
//! by [`crate::reply`]. Everything stops by itself: after its count, or with an error when [`Target::patience`] is over.

pub mod closed;
pub mod open;
pub mod streams;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use crate::wire::{self, Delivery};

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    pub key: String,
    /// How long a whole run may take.
    pub patience: Duration,
}

impl Target {
    /// An error unless `address` is of this machine: load is for our own servers alone.
    pub fn new(address: SocketAddr, key: &str, patience: Duration) -> anyhow::Result<Self> {
        ensure!(address.ip().is_loopback(), "`{address}` is not a loopback address");
        Ok(Self { address, key: key.to_owned(), patience })
    }

    /// The requests to send in turn, one a user.
    fn requests(&self, delivery: Delivery) -> Arc<[Vec<u8>]> {
        let authority = self.address.to_string();
        (0..wire::USERS).map(|user| wire::request(&authority, &self.key, user, delivery)).collect()
    }
}

/// An error unless an answer is the whole of what was asked for: a contestant that refuses or cuts short is not fast.
fn check(reply: &crate::reply::Reply, delivery: Delivery) -> anyhow::Result<()> {
    ensure!(reply.status() == 200, "an answer has status {}", reply.status());
    match delivery {
        Delivery::Whole => ensure!(reply.body_bytes() >= 300, "an answer has {} bytes", reply.body_bytes()),
        Delivery::Stream => ensure!(reply.events() == wire::EVENTS, "a stream has {} events", reply.events()),
    }
    Ok(())
}
