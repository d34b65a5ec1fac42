//! Request bodies in memory: how much the whole process holds of them, and that there is an end to it.
//!
//! One body has a bound, and so have the connections; but a hundred requests on each of ten thousand connections would
//! still be more than any machine has. So each body pays for its room before it is read and gives it back when the last
//! of its bytes was handed to the upstream's socket, or when it is dropped.

use std::convert::Infallible;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::gauge::Gauge;

/// Bytes of request bodies that are held now: the count that decides is the one that the metrics show.
#[derive(Clone, Default)]
pub(crate) struct Bodies(Gauge);

/// What one bot's bodies take, and may: a hijacked bot must not take the room of the others.
#[derive(Clone)]
pub(crate) struct Share {
    held: Arc<AtomicI64>,
    max: i64,
}

/// Room for one body; given back when dropped.
pub(crate) struct Room {
    bodies: Bodies,
    share: Share,
    taken: i64,
    /// What all bodies together may take.
    max: i64,
}

/// All the room is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Bodies {
    pub(crate) fn gauge(&self) -> Gauge {
        self.0.clone()
    }

    /// Room for a body among those that take `max` bytes together, and among those of one bot. It has none yet.
    pub(crate) fn room(&self, max: usize, share: &Share) -> Room {
        Room { bodies: self.clone(), share: share.clone(), taken: 0, max: signed(max) }
    }
}

impl Share {
    pub(crate) fn new(max: usize) -> Self {
        Self { held: Arc::default(), max: signed(max) }
    }

    /// Goes on with what `before` holds, under a maximum of its own.
    pub(crate) fn carry_on(&mut self, before: &Self) {
        self.held = before.held.clone();
    }
}

impl Room {
    /// Takes what is missing until there is room for `bytes`.
    pub(crate) fn reach(&mut self, bytes: usize) -> Result<(), Full> {
        let missing = signed(bytes).saturating_sub(self.taken);
        if missing <= 0 {
            return Ok(());
        }
        take(&self.share.held, missing, self.share.max)?;
        if let Err(full) = take(self.bodies.0.inner(), missing, self.max) {
            self.share.held.fetch_sub(missing, Ordering::Relaxed);
            return Err(full);
        }
        self.taken = self.taken.saturating_add(missing);
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.taken > 0 {
            self.share.held.fetch_sub(self.taken, Ordering::Relaxed);
            self.bodies.0.dec_by(self.taken);
        }
    }
}

/// Adds `bytes` to what is held, if that stays within `max`. Nothing else is published through a count, so no order is needed.
fn take(held: &AtomicI64, bytes: i64, max: i64) -> Result<(), Full> {
    let fits = |held: i64| held.checked_add(bytes).filter(|held| *held <= max);
    held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(drop).map_err(|_| Full)
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The bytes of a request's body together with their room.
#[derive(Default)]
pub(crate) struct Held {
    bytes: Bytes,
    /// `None` for no bytes.
    room: Option<Arc<Room>>,
    unsent: Option<Unsent>,
}

/// Lasts as long as the bytes it is attached to. Made once a connection: to see whether they are there costs no message.
#[derive(Clone, Default)]
pub(crate) struct Unsent(Arc<()>);

impl Unsent {
    /// Whether a body that it was attached to is not written to its end.
    pub(crate) fn is_attached(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Held {
    pub(crate) fn new(bytes: Bytes, room: Room) -> Self {
        Self { bytes, room: Some(Arc::new(room)), unsent: None }
    }

    /// The room it takes, for whoever keeps what was read from it.
    pub(crate) fn room(&self) -> Option<Arc<Room>> {
        self.room.clone()
    }

    /// Bytes of our own, few enough to count for nothing.
    pub(crate) fn free(bytes: Bytes) -> Self {
        Self { bytes, room: None, unsent: None }
    }

    /// Other bytes in the same room: what is sent on instead of what came.
    pub(crate) fn replaced(mut self, bytes: Bytes) -> Self {
        self.bytes = bytes;
        self
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the HTTP layer writes from, and drops when it has written all of it.
impl Buf for Held {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

/// The body of a request towards an upstream: the caller's own bytes, in one piece.
pub(crate) struct Payload(Option<Held>);

impl Payload {
    pub(crate) fn new(held: Held) -> Self {
        Self(Some(held).filter(|held| !held.is_empty()))
    }

    pub(crate) fn attach(&mut self, unsent: &Unsent) {
        if let Some(held) = &mut self.0 {
            held.unsent = Some(unsent.clone());
        }
    }
}

impl Body for Payload {
    type Data = Held;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Held>, Infallible>>> {
        Poll::Ready(self.0.take().map(|held| Ok(Frame::data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.0.as_ref().map_or(0, |held| held.len());
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_room_there_is() {
        let (bodies, share) = (Bodies::default(), Share::new(100));
        let (mut one, mut two) = (bodies.room(100, &share), bodies.room(100, &share));
        assert_eq!(one.reach(60), Ok(()));
        assert_eq!(one.reach(10), Ok(()), "it has that already");
        assert_eq!(two.reach(41), Err(Full));
        assert_eq!(two.reach(40), Ok(()));
        assert_eq!(one.reach(61), Err(Full), "nor may it grow");
        assert_eq!(bodies.gauge().get(), 100);
        drop(one);
        assert_eq!(two.reach(100), Ok(()));
        let held = Held::new(Bytes::from_static(b"body"), two);
        assert_eq!((&*held, bodies.gauge().get()), (&b"body"[..], 100));
        drop(held);
        assert_eq!(bodies.gauge().get(), 0);
        assert_eq!(bodies.room(100, &share).reach(usize::MAX), Err(Full));
    }

    #[test]
    fn a_bot_takes_its_share_and_no_more() {
        let (bodies, shop, desk) = (Bodies::default(), Share::new(50), Share::new(80));
        let (mut shops, mut desks) = (bodies.room(100, &shop), bodies.room(100, &desk));
        assert_eq!(shops.reach(51), Err(Full));
        assert_eq!(shops.reach(50), Ok(()));
        assert_eq!(desks.reach(51), Err(Full), "all of it is taken");
        assert_eq!(desks.reach(50), Ok(()));
        assert_eq!(bodies.gauge().get(), 100);
        drop((shops, desks));
        assert_eq!(bodies.gauge().get(), 0);
        assert_eq!(bodies.room(100, &desk).reach(80), Ok(()), "what was refused took nothing of the share");
    }
}
