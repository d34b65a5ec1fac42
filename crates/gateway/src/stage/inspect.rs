//! What is in a request. The detectors join here; what they see goes along with the request to `permit`.

use crate::server::Worker;
use crate::stage::charge::Charged;
use crate::stage::read::Read;

/// A request whose content was looked at. Made by [`Worker::inspect`] alone.
pub(crate) struct Inspected(pub(super) Read);

impl Worker {
    /// Content detectors are not part of this version, so this looks at nothing and says so here; the type is what later
    /// ones fill, and `permit` already cannot be reached without it.
    pub(crate) fn inspect(&self, charged: Charged) -> Inspected {
        let Charged(read) = charged;
        Inspected(read)
    }
}
