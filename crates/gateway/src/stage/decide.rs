//! Writes down what was decided, before it takes effect.

use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::permit::Permitted;
use crate::stage::record::Record;

impl Worker {
    /// Refuses what cannot be written down. It is on disk before the first byte of the answer leaves, see [`Record::durable`].
    pub(crate) fn decide(&self, permitted: &Permitted, record: &mut Record) -> Result<(), Refusal> {
        let read = &permitted.0;
        let model = Some(read.exchange.model.as_str()).filter(|model| !model.is_empty());
        record.decide(read.identified.user.as_ref(), model)
    }
}
