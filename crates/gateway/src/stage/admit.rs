//! Whether the limits that the head is enough for leave room: a look, so that a flood costs no body.

use botwarden_limit::Denied;

use crate::refusal::Refusal;
use crate::route::Route;
use crate::server::Worker;
use crate::stage::identify::Identified;

/// A request whose body is worth reading. Made by [`Worker::admit`] alone.
pub(crate) struct Admitted(pub(super) Identified);

impl Admitted {
    pub(crate) fn route(&self) -> &Route {
        self.0.route()
    }

    pub(crate) fn bot_name(&self) -> &str {
        self.0.bot.config.name.as_str()
    }
}

impl Worker {
    pub(crate) fn admit(&self, identified: Identified) -> Result<Admitted, Refusal> {
        if self.shared.is_draining() {
            return Err(Refusal::Draining);
        }
        let now = self.shared.clock.tick();
        match self.shared.limiter.check(now, &identified.bot.plan, &identified.subject()) {
            Ok(()) => Ok(Admitted(identified)),
            Err(denied) => Err(over(denied)),
        }
    }
}

/// A limiter's no in the gateway's words.
pub(crate) fn over(denied: Denied) -> Refusal {
    let message = denied.to_string();
    match denied {
        Denied::Over { violated, retry_ms, standings } => {
            Refusal::Over { message, unit: violated.unit, retry_ms, standings }
        }
        Denied::Journal(error) => {
            tracing::error!(%error, "the limit journal cannot be written");
            Refusal::Unrecorded
        }
    }
}
