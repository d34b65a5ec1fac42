//! Whether the bot may ask that. Denied unless granted.

use botwarden_types::Operation;

use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::inspect::Inspected;
use crate::stage::read::Read;

/// A request that may go to the upstream. INVARIANT: built only in [`Worker::permit`], after every grant was checked.
pub(crate) struct Permitted(pub(super) Read);

impl Worker {
    pub(crate) fn permit(&self, inspected: Inspected) -> Result<Permitted, Refusal> {
        let Inspected(read) = inspected;
        let exchange = &read.exchange;
        let lists_models = exchange.operation == Operation::Models && exchange.model.is_empty();
        let granted =
            |model: &String| read.identified.bot.config.models.iter().any(|models| models.matches(model));
        if lists_models || (granted(&exchange.model) && exchange.fallback_models.iter().all(granted)) {
            return self.offered(read).map(Permitted);
        }
        Err(Refusal::ModelNotGranted)
    }
}
