//! Calls under way, so that a client can say that it does not want one any more.

use std::collections::HashMap;
use std::sync::Arc;

use botwarden_protocol::mcp::Id;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::server::Who;

/// Whose call: two clients count alike, so that the session by which a client is known belongs to it.
type Name = (Who, String, Id);

/// Calls under way. As many as there are open requests, which are bounded.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<Name, Arc<Notify>>>);

/// A call under way; it is no more when this is dropped.
pub(crate) struct Flight {
    flights: Arc<Flights>,
    name: Name,
    cancelled: Arc<Notify>,
}

impl Flights {
    /// Enters a call. One that comes under the id of another takes its place in the table.
    pub(crate) fn begin(self: &Arc<Self>, who: &Who, session: &str, id: &Id) -> Flight {
        let name = (who.clone(), session.to_owned(), id.clone());
        let cancelled = Arc::new(Notify::new());
        self.0.lock().insert(name.clone(), cancelled.clone());
        Flight { flights: self.clone(), name, cancelled }
    }

    /// Ends a call, if it is under way and the same client's.
    pub(crate) fn cancel(&self, who: &Who, session: &str, id: &Id) {
        let name = (who.clone(), session.to_owned(), id.clone());
        if let Some(cancelled) = self.0.lock().get(&name) {
            cancelled.notify_one();
        }
    }
}

impl Flight {
    /// Returns when it is not wanted any more.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        if flights.get(&self.name).is_some_and(|there| Arc::ptr_eq(there, &self.cancelled)) {
            flights.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_same_client_ends_a_call() {
        let flights = Arc::new(Flights::default());
        let (alice, bob) = (Who("k\0\0alice".into()), Who("k\0\0bob".into()));
        let id = Id::number(1);
        let flight = flights.begin(&alice, "s", &id);
        for (who, session, id) in
            [(&bob, "s", Id::number(1)), (&alice, "t", Id::number(1)), (&alice, "s", Id::number(2))]
        {
            flights.cancel(who, session, &id);
        }
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, flight.cancelled()).await.is_err());
        flights.cancel(&alice, "s", &id);
        flight.cancelled().await;
        let again = flights.begin(&alice, "s", &id);
        drop(flight);
        flights.cancel(&alice, "s", &id);
        again.cancelled().await;
        drop(again);
        assert!(flights.0.lock().is_empty());
    }
}
