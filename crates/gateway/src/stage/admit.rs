//! Whether the limits that the head is enough for leave room: a look, so that a flood costs no body.

use botwarden_limit::Denied;
use botwarden_types::Operation;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

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

    pub(crate) fn identified(&self) -> &Identified {
        &self.0
    }

    pub(crate) fn into_identified(self) -> Identified {
        self.0
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
        if has_no_body(identified.route()) || has_small_body(identified.request.headers()) {
            return Ok(Admitted(identified)); // reading it costs less than looking twice; `charge` decides
        }
        let now = self.shared.clock.tick();
        match self.shared.limiter.check(now, &identified.bot.plan, &identified.subject()) {
            Ok(()) => Ok(Admitted(identified)),
            Err(denied) => Err(over(denied)),
        }
    }
}

/// Bodies up to this size are read before any limit is asked.
const SMALL_BODY_BYTES: usize = 16 << 10;

fn has_small_body(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    length.is_some_and(|length| length <= SMALL_BODY_BYTES)
}

/// Whether nothing is read before `charge`. The root is never charged, so that here is where it is looked at.
fn has_no_body(route: &Route) -> bool {
    match route {
        Route::Model(operation) => *operation == Operation::Models,
        Route::OneModel(_) => true,
        Route::Root | Route::Tools(_) | Route::Backend(_) => false,
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
