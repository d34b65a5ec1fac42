//! What a stream stands on while it passes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use botwarden_policy::quarantine::Quarantine;
use botwarden_types::UnixMs;

use crate::desk::Patron;
use crate::stage::identify::who;

/// What a stream stands on: it is cut when that is taken back, or when an operator stops it.
pub(super) struct Credential {
    patron: Arc<Patron>,
    quarantine: Arc<Quarantine>,
    /// When the stream began. A credential that runs out afterwards lets it end; one that is taken back does not.
    begun: UnixMs,
    taken_back: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Credential {
    pub(super) fn new(patron: Arc<Patron>, quarantine: Arc<Quarantine>, begun: UnixMs) -> Self {
        Self { patron, quarantine, begun, taken_back: None }
    }

    /// Asked for each piece, since a reader slower than the model never leaves anything to wait for: some atomic reads.
    pub(super) fn is_over(&self) -> bool {
        self.patron.caller.still_valid(self.begun).is_err() || self.is_stopped()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.quarantine.stops(who(&self.patron.caller, self.patron.user.as_ref())).is_some()
    }

    /// Ready when it is revoked or the session ends: wakes a stream that waits.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { patron, quarantine, taken_back, .. } = self;
        let taken_back = taken_back.get_or_insert_with(|| {
            let (patron, quarantine) = (patron.clone(), quarantine.clone());
            Box::pin(async move {
                tokio::select! {
                    _why = patron.caller.taken_back() => {}
                    _kind = quarantine.stopped(who(&patron.caller, patron.user.as_ref())) => {}
                }
            })
        });
        taken_back.as_mut().poll(cx)
    }
}
