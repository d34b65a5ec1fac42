//! Whether the bot may ask that. Denied unless granted.

use botwarden_types::{Exchange, Operation};

use crate::config::{BotConfig, ToolRule};
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::inspect::Inspected;
use crate::stage::proposed::shown;
use crate::stage::read::Read;

/// A request that may go to the upstream. INVARIANT: built only in [`Worker::permit`], after every grant was checked.
pub(crate) struct Permitted(pub(super) Read);

impl Worker {
    pub(crate) fn permit(&self, inspected: Inspected) -> Result<Permitted, Refusal> {
        let Inspected(read) = inspected;
        let exchange = &read.exchange;
        vendor_tools(&read.identified.bot.config, exchange)?;
        let lists_models = exchange.operation == Operation::Models && exchange.model.is_empty();
        let granted =
            |model: &String| read.identified.bot.config.models.iter().any(|models| models.matches(model));
        if lists_models || (granted(&exchange.model) && exchange.fallback_models.iter().all(granted)) {
            return Ok(Permitted(read));
        }
        Err(Refusal::ModelNotGranted)
    }
}

/// A tool that the vendor runs itself is called past the gateway: nobody decides its calls, so it is granted as a whole or not offered.
fn vendor_tools(bot: &BotConfig, exchange: &Exchange) -> Result<(), Refusal> {
    if bot.tool_rule == ToolRule::Open {
        return Ok(());
    }
    let is_granted = |kind: &str| bot.vendor_tools.iter().any(|granted| granted.matches(kind));
    let is_applications = |kind: &str| matches!(kind, "function" | "custom");
    let other = exchange.tools.iter().find(|tool| !is_applications(&tool.kind) && !is_granted(&tool.kind));
    other.map_or(Ok(()), |tool| Err(Refusal::VendorTool { kind: shown(&tool.kind) }))
}
