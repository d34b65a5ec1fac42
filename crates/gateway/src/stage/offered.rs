//! Which tools a request may offer to the model: the first of the places where a tool is decided.

use botwarden_types::ToolOffer;

use crate::config::{BotConfig, ToolRule, ToolsOffered};
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::read::{Read, json_bounds};

/// Bytes of a tool's name that are repeated to whoever wrote it.
const NAME_BYTES_MAX: usize = 128;
/// Offers of servers whose tools the vendor calls: what those are called is not known beforehand.
const OF_SERVERS: [&str; 2] = ["mcp_server", "mcp_toolset"];

/// Why an answer ends in which the vendor ran a tool that is not granted.
pub(super) const VENDORS: &str = "vendor-tool-not-granted";

impl Worker {
    /// The request as the model may see it: without the tools that no contract grants, or refused for one of them.
    ///
    /// Tools of the vendor are never taken out without a word: it runs them by itself, so that the answer depends on them.
    pub(super) fn offered(&self, mut read: Read) -> Result<Read, Refusal> {
        let bot = &read.identified.bot;
        let exchange = &*read.exchange;
        if bot.config.tool_rule == ToolRule::Open {
            return Ok(read);
        }
        let is_denied = |offer: &&ToolOffer| offer.is_vendors() && !is_granted(&bot.config, &offer.name);
        if let Some(offer) = exchange.tools.iter().find(is_denied) {
            return Err(Refusal::VendorToolNotGranted { tool: shown(&offer.name) });
        }
        let keeps = |offer: &ToolOffer| offer.is_vendors() || self.shared.desk.shows(bot, None, &offer.name);
        let Some(removed) = exchange.tools.iter().find(|offer| !keeps(offer)) else { return Ok(read) };
        if bot.config.tools_offered == ToolsOffered::Refuse {
            return Err(Refusal::ToolNotGranted { param: "tools", tool: shown(&removed.name) });
        }
        let is_removed =
            |name: &&String| exchange.tools.iter().any(|offer| offer.name == **name && !keeps(offer));
        if let Some(name) = exchange.tools_chosen.iter().find(is_removed) {
            return Err(Refusal::ToolNotGranted { param: "tool_choice", tool: shown(name) });
        }
        let (bounds, _) = self.shared.bounds_and_timeouts();
        let (body, left) =
            botwarden_protocol::retain_offers(exchange, &read.body, &json_bounds(&bounds), keeps)
                .ok_or(Refusal::Internal)?;
        let (before, after) = (exchange.tools.len(), left.tools.len());
        tracing::debug!(bot = %bot.config.name, before, after, "offered tools that no contract grants were taken out");
        read.body = read.body.replaced(body.into());
        *read.exchange = left;
        Ok(read)
    }
}

/// Whether a tool of the vendor, by its type, is granted.
fn is_granted(bot: &BotConfig, name: &str) -> bool {
    bot.vendor_tools.iter().any(|tools| tools.matches(name))
}

/// Whether the vendor may have run a tool of that name: one that was granted and offered, or one that is granted by the name it has in
/// answers, which is not that of its type.
pub(super) fn may_have_run(bot: &BotConfig, offers: &[ToolOffer], name: &str) -> bool {
    bot.tool_rule == ToolRule::Open
        || is_granted(bot, name)
        || offers.iter().any(|offer| offer.is_vendors() && is_of(offer, name))
}

/// Whether a call by that name is of this offer: of `web_search_20250305` it is `web_search`, of `code_execution_20250825` it is
/// `bash_code_execution` among others. Source: Anthropic API reference, "Server tools".
fn is_of(offer: &ToolOffer, name: &str) -> bool {
    if OF_SERVERS.contains(&offer.kind.as_str()) {
        return true;
    }
    let family = match offer.name.rsplit_once('_') {
        Some((family, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => family,
        _ => &offer.name,
    };
    name == family || name.strip_suffix(family).is_some_and(|before| before.ends_with('_'))
}

/// A name as it may be repeated: it is somebody else's word.
pub(super) fn shown(name: &str) -> String {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
    if is_plain && (1..=NAME_BYTES_MAX).contains(&name.len()) {
        format!("`{name}`")
    } else {
        "a tool".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_vendor_belong_to_what_was_offered() {
        for (kind, name, want) in [
            ("web_search_20250305", "web_search", true),
            ("web_search_20250305", "web_fetch", false),
            ("web_search_20250305", "search", false),
            ("web_search_20250305", "notweb_search", false),
            ("code_execution_20250825", "bash_code_execution", true),
            ("code_execution_20250825", "text_editor_code_execution", true),
            ("code_execution_2025", "code_execution", false),
            ("mcp_toolset", "anything", true),
            ("web_search", "web_search", true),
        ] {
            let offer = ToolOffer { name: kind.to_owned(), kind: kind.to_owned(), span: Default::default() };
            assert_eq!(is_of(&offer, name), want, "{kind} {name}");
        }
    }
}
