//! A call of a tool: decided, written down, and then made.

use std::sync::Arc;

use botwarden_identity::Principal;
use botwarden_policy::Place;
use botwarden_protocol as protocol;
use botwarden_protocol::ProposedCall;
use botwarden_protocol::mcp::{self, Ask, Id};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::Fault;
use super::flight::Flight;
use super::listing::Listing;
use super::reach::{Reach, STEPS_MAX, Steps};
use super::relay::{Begun, Done, Relay};
use super::reply::ToolReply;
use super::serve::{Heard, Paid, server_of};
use super::server::{ToolServer, Who};
use crate::bodies::Held;
use crate::desk::{Asked, Patron, Verdict};
use crate::outcome::Stage;
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::record::Record;
use crate::state::Shared;

/// A call that may be made. INVARIANT: built only in [`Worker::grant`], after the desk has allowed it and that is on disk.
struct Granted {
    server: Arc<ToolServer>,
    /// Where the tool stands that was allowed.
    listing: Arc<Listing>,
    asked: Asked,
    /// As they are to be sent.
    arguments: String,
}

/// Why a call is not made, for the agent to read.
struct Refused {
    reason: &'static str,
    text: String,
}

/// A granted call with all that it takes to make it.
struct Making {
    shared: Arc<Shared>,
    granted: Granted,
    patron: Arc<Patron>,
    caller: Principal,
    who: Who,
    reach: Reach,
    id: Id,
    is_stateless: bool,
    room: Held,
    flight: Flight,
}

impl Worker {
    pub(super) async fn call_tool(&self, paid: Paid, record: &mut Record) -> Result<ToolReply, Refusal> {
        let Paid(heard) = paid;
        let (Ask::CallTool { name, arguments }, Some(id)) = (&heard.message.ask, heard.message.id.clone())
        else {
            return Err(Refusal::Internal);
        };
        self.keep_call(&heard, record).await?;
        record.decide(heard.user(), None)?;
        let patron = Arc::new(heard.patron());
        let call = ProposedCall {
            id: Some(id.as_json().to_owned()),
            name: full_name(&heard, name),
            arguments: arguments.clone(),
        };
        let granted = match self.grant(&heard, &patron, &call, record).await? {
            Ok(granted) => granted,
            Err(Refused { reason, text }) => {
                // What is refused takes no effect, so nobody waits for it to be on disk; but it has to be written.
                let _receipt = record.tool(Place::Called, &call, Some(reason)).ok_or(Refusal::Unrecorded)?;
                return Ok(ToolReply::done(failure(&self.shared, &id, heard.is_stateless(), &text, reason)));
            }
        };
        record.end(Stage::Permit);
        Ok(self.make(heard, id, patron, granted).await)
    }

    /// Finds the tool, asks the desk, and sees to it that a leave is on disk before anybody uses it.
    async fn grant(
        &self,
        heard: &Heard,
        patron: &Arc<Patron>,
        call: &ProposedCall,
        record: &mut Record,
    ) -> Result<Result<Granted, Refused>, Refusal> {
        let refused = |reason, text: &str| Ok(Err(Refused { reason, text: text.to_owned() }));
        let Some((server, tool)) = find(heard, call) else {
            return refused("no-tool", "there is no such tool");
        };
        let reach = self.reach(&server);
        let listing = match server.listing(&heard.who(), &reach, false).await {
            Ok(listing) => listing,
            Err(fault) => return refused(fault.reason(), &fault.to_string()),
        };
        let Some(offered) = listing.tool(&tool) else { return refused("no-tool", "there is no such tool") };
        if let Some(hidden) = &offered.hidden {
            return refused(hidden.reason(), &hidden.to_string());
        }
        let asked = Asked {
            id: call.id.clone(),
            server: Some(server.name().to_owned()),
            tool,
            arguments: call.arguments.clone(),
        };
        let mut verdicts = self.shared.desk.decide(patron, Place::Called, vec![asked.clone()]).await;
        let arguments = match (verdicts.pop(), verdicts.is_empty()) {
            (Some(Verdict::Allowed { arguments }), true) => {
                arguments.unwrap_or_else(|| asked.arguments.clone())
            }
            (Some(Verdict::Refused { reason, text }), true) => return Ok(Err(Refused { reason, text })),
            _ => return Err(Refusal::Internal),
        };
        let receipt = record.tool(Place::Called, call, None).ok_or(Refusal::Unrecorded)?;
        record.durable().await?;
        if !receipt.await {
            return Err(Refusal::Unrecorded);
        }
        // To decide and to write may take their time.
        let now = self.shared.clock.wall();
        patron.caller.still_valid(now).map_err(|_| Refusal::BadCredential)?;
        Ok(Ok(Granted { server, listing, asked, arguments }))
    }

    async fn make(&self, heard: Heard, id: Id, patron: Arc<Patron>, granted: Granted) -> ToolReply {
        let who = heard.who();
        let making = Making {
            shared: self.shared.clone(),
            reach: self.reach(&granted.server),
            flight: self.shared.flights.begin(&who, &heard.session, &id),
            is_stateless: heard.is_stateless(),
            caller: patron.caller.clone(),
            room: heard.body,
            granted,
            patron,
            who,
            id,
        };
        let Some(token) = heard.message.progress.filter(|_| heard.takes_events) else {
            return ToolReply::done(making.run(None).await);
        };
        let (steps, receiver) = mpsc::channel(STEPS_MAX);
        match Relay::begin(Box::pin(making.run(Some(steps))), receiver, token).await {
            Begun::Done(done) => ToolReply::done(done),
            Begun::Underway(relay) => ToolReply::steps(relay),
        }
    }

    fn reach(&self, server: &ToolServer) -> Reach {
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        Reach::new(&self.pool, &bounds, &timeouts, server.config.timeout)
    }
}

impl Making {
    async fn run(self, steps: Option<Steps>) -> Done {
        let Self { shared, granted, patron, caller, who, reach, id, is_stateless, room, flight } = self;
        let Granted { server, listing, asked, arguments } = granted;
        let calling = async {
            let offered = listing.tool(&asked.tool).ok_or(Fault::Unreachable)?;
            server.call(&who, &reach, offered, &arguments, room, steps.as_ref()).await
        };
        let told = tokio::select! {
            told = calling => told,
            () = flight.cancelled() => Err(Fault::Cancelled),
            _why = caller.taken_back() => Err(Fault::Cancelled),
        };
        let (result, verdict) = match told {
            Ok(result) => (Bytes::from(result), "allowed"),
            // Its words are a result as well: they may hold what only results may.
            Err(Fault::Failed { code, message }) => {
                let fault = Fault::Failed { code, message };
                (Bytes::from(mcp::call_text(&fault.to_string())), fault.reason())
            }
            Err(fault) => return failure(&shared, &id, is_stateless, &fault.to_string(), fault.reason()),
        };
        match shared.desk.returned(&patron, asked, result).await {
            Ok(passed) => Done { body: mcp::call_result(&id, &passed, is_stateless, &json(&reach)), verdict },
            Err(reason) => {
                let text = "the tool was run, but its result is withheld";
                failure(&shared, &id, is_stateless, text, reason)
            }
        }
    }
}

fn json(reach: &Reach) -> protocol::Bounds {
    reach.json
}

/// A result that says no, for the agent to read.
fn failure(shared: &Shared, id: &Id, is_stateless: bool, text: &str, verdict: &'static str) -> Done {
    let (bounds, _) = shared.bounds_and_timeouts();
    let json = crate::stage::read::json_bounds(&bounds);
    Done { body: mcp::call_result(id, &mcp::call_text(text), is_stateless, &json), verdict }
}

/// The tool's name with its server's, as the log has it.
fn full_name(heard: &Heard, name: &str) -> String {
    match &heard.server {
        Some(server) => format!("{}__{name}", server.name()),
        None => name.to_owned(),
    }
}

/// The server, and the tool's own name there. Servers' names hold no `__`, so that the first one ends them.
fn find(heard: &Heard, call: &ProposedCall) -> Option<(Arc<ToolServer>, String)> {
    let (server, tool) = call.name.split_once("__")?;
    let server = server_of(&heard.identified, server)?;
    Some((server, tool.to_owned()))
}
