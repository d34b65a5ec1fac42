//! The tools that a caller is shown: those that were accepted, and that the desk shows to them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use botwarden_protocol::mcp::{self, Ask};

use super::listing::{Listing, Offered};
use super::reach::Reach;
use super::reply::ToolReply;
use super::serve::Paid;
use super::server::{ToolServer, Who};
use crate::desk::Patron;
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::record::Record;

/// Bytes of definitions after which the list of all servers goes on in another page.
const PAGE_BYTES: usize = 256 << 10;
/// How long one server may hold up the list of all.
const LIST_TIME_MAX: Duration = Duration::from_secs(15);

/// What one server shows.
type Shown = (Arc<ToolServer>, Arc<Listing>);

impl Worker {
    pub(super) async fn list_tools(&self, paid: Paid, record: &mut Record) -> Result<ToolReply, Refusal> {
        let Paid(heard) = paid;
        let (Ask::ListTools { cursor }, Some(id)) = (&heard.message.ask, &heard.message.id) else {
            return Err(Refusal::Internal);
        };
        record.decide(heard.user(), None)?;
        let (patron, who) = (heard.patron(), heard.who());
        let (shown, next) = match &heard.server {
            Some(_) if cursor.is_some() => return Err(no_such_page()),
            Some(server) => {
                let listing = self.listing(server, &who).await.map_err(super::Fault::into_refusal)?;
                (vec![(server.clone(), listing)], None)
            }
            None => self.page(&patron, &who, cursor.as_deref()).await?,
        };
        let alone = heard.server.is_some();
        let tools = shown.iter().flat_map(|(server, listing)| {
            let name = |tool: &Offered| match alone {
                true => Cow::Owned(tool.listed.name.clone()),
                false => Cow::Owned(format!("{}__{}", server.name(), tool.listed.name)),
            };
            self.shown(&patron, server, listing).map(move |tool| (name(tool), &tool.listed))
        });
        Ok(ToolReply::message(mcp::listed(id, tools, next.as_deref(), heard.is_stateless())))
    }

    /// Servers from the cursor on, until a page is full. One that cannot be asked hides its own tools, not those of others.
    async fn page(
        &self,
        patron: &Patron,
        who: &Who,
        cursor: Option<&str>,
    ) -> Result<(Vec<Shown>, Option<String>), Refusal> {
        let servers = &patron.bot.tool_servers;
        let first = match cursor {
            None => 0,
            Some(text) => text.parse().ok().filter(|at| *at < servers.len()).ok_or_else(no_such_page)?,
        };
        let (mut shown, mut bytes) = (Vec::new(), 0);
        for (at, server) in servers.iter().enumerate().skip(first).filter(|(_, server)| server.is_reachable())
        {
            if bytes > PAGE_BYTES {
                return Ok((shown, Some(at.to_string())));
            }
            match self.listing(server, who).await {
                Ok(listing) => {
                    bytes += listing.tools().iter().map(|tool| tool.listed.definition.len()).sum::<usize>();
                    shown.push((server.clone(), listing));
                }
                Err(fault) => {
                    let (bot, why) = (patron.bot.config.name.as_str(), fault.reason());
                    tracing::warn!(bot, tool_server = server.name(), why, "a tool server cannot be listed");
                }
            }
        }
        Ok((shown, None))
    }

    async fn listing(&self, server: &ToolServer, who: &Who) -> Result<Arc<Listing>, super::Fault> {
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        let reach = Reach::new(&self.pool, &bounds, &timeouts, server.config.timeout.min(LIST_TIME_MAX));
        let listing = server.listing(who, &reach, true).await?;
        server.tell_hidden(&listing);
        Ok(listing)
    }

    fn shown<'l>(
        &self,
        patron: &Patron,
        server: &ToolServer,
        listing: &'l Listing,
    ) -> impl Iterator<Item = &'l Offered> {
        let visible = |tool: &&Offered| {
            tool.hidden.is_none()
                && self.shared.desk.shows(&patron.bot, Some(server.name()), &tool.listed.name)
        };
        listing.tools().iter().filter(visible).collect::<Vec<_>>().into_iter()
    }
}

fn no_such_page() -> Refusal {
    let message = "`params.cursor` is none that this list gave; begin without one".to_owned();
    Refusal::Field { param: "params.cursor", message }
}
