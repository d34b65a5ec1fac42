//! What clients of tools ask: read, paid for, and passed to who answers it.

use std::sync::Arc;

use botwarden_protocol::mcp::{self, Ask, Message};
use botwarden_types::UserName;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::http::{METHOD, NAME, SESSION, VERSION};
use super::reach::Reach;
use super::reply::ToolReply;
use super::server::{ToolServer, Who};
use crate::bodies::Held;
use crate::desk::Patron;
use crate::headers::single;
use crate::outcome::Stage;
use crate::refusal::Refusal;
use crate::route::{Route, ToolRoute};
use crate::server::Worker;
use crate::stage::admit::{Admitted, over};
use crate::stage::identify::Identified;
use crate::stage::read::{check_head, collect, json_bounds};
use crate::stage::record::Record;

/// A message that was read. Made by [`Worker::tools`] alone.
pub(crate) struct Heard {
    pub(super) identified: Identified,
    /// The server of whose own endpoint it is asked; `None` at that of all.
    pub(super) server: Option<Arc<ToolServer>>,
    pub(super) message: Message,
    /// The body in its room.
    pub(super) body: Held,
    /// The session by which the client is known.
    pub(super) session: String,
    /// Whether an answer may come in events.
    pub(super) takes_events: bool,
}

/// A message that is paid for. Made by [`Worker::pay`] alone.
pub(crate) struct Paid(pub(super) Heard);

/// Bytes of a session id; ours are shorter.
const SESSION_BYTES_MAX: usize = 128;

impl Worker {
    /// Serves `/mcp` and `/mcp/{tool_server}`.
    pub(crate) async fn tools(
        &self,
        identified: Identified,
        record: &mut Record,
    ) -> Result<ToolReply, Refusal> {
        let admitted = self.admit(identified)?;
        record.end(Stage::Admit);
        let Route::Tools(route) = admitted.route().clone() else { return Err(Refusal::Internal) };
        if let ToolRoute::End(_) = route {
            return self.end_tool_session(&admitted, route.server()).await;
        }
        let heard = self.hear(admitted, &route, record).await?;
        record.end(Stage::Read);
        match &heard.message.ask {
            Ask::CallTool { .. } => self.call_tool(self.pay(heard, record)?, record).await,
            Ask::ListTools { .. } => self.list_tools(self.pay(heard, record)?, record).await,
            Ask::Initialize { .. }
            | Ask::Discover
            | Ask::Ping
            | Ask::Cancel { .. }
            | Ask::Noted
            | Ask::Unknown => {
                self.look(&heard)?;
                self.answer_for_ourselves(&heard, record)
            }
        }
    }

    async fn hear(
        &self,
        admitted: Admitted,
        route: &ToolRoute,
        record: &mut Record,
    ) -> Result<Heard, Refusal> {
        let mut identified = admitted.into_identified();
        let server = match route.server() {
            Some(name) => Some(server_of(&identified, name).ok_or(Refusal::NoToolServer)?),
            None => None,
        };
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        check_head(identified.headers(), &bounds)?;
        let session = session_of(identified.headers())?;
        let room = self.shared.metrics.bodies.room(bounds.bodies_bytes_max, &identified.bot().bodies);
        let incoming = identified.request_mut().body_mut();
        let body = collect(incoming, bounds.body_bytes_max, room, timeouts.body).await?;
        record.bytes_in(body.len());
        let message = mcp::read_message(&body, &json_bounds(&bounds)).map_err(|unread| {
            record.asks(unread.id);
            Refusal::Unreadable(unread.error)
        })?;
        record.asks(message.id.clone());
        record.operation(match message.ask {
            Ask::CallTool { .. } => "tools_call",
            Ask::ListTools { .. } => "tools_list",
            _ => "mcp",
        });
        check_era(identified.headers(), &message)?;
        let takes_events = takes_events(identified.headers());
        Ok(Heard { identified, server, message, body, session, takes_events })
    }

    /// Charges every limit at once, as for a request to a model.
    fn pay(&self, heard: Heard, record: &mut Record) -> Result<Paid, Refusal> {
        let known = &heard.identified;
        let now = self.shared.clock.now();
        known.caller().still_valid(now.wall).map_err(|_| Refusal::BadCredential)?;
        let admission =
            self.shared.limiter.admit(now, &known.bot().plan, &known.subject(), 0).map_err(over)?;
        record.charged(admission, 0, 0);
        record.end(Stage::Charge);
        Ok(Paid(heard))
    }

    /// What costs nothing is only served while there is room.
    fn look(&self, heard: &Heard) -> Result<(), Refusal> {
        let known = &heard.identified;
        let now = self.shared.clock.tick();
        self.shared.limiter.check(now, &known.bot().plan, &known.subject()).map_err(over)
    }

    fn answer_for_ourselves(&self, heard: &Heard, record: &Record) -> Result<ToolReply, Refusal> {
        let stateless = heard.is_stateless();
        let Some(id) = &heard.message.id else {
            if let Ask::Cancel { request } = &heard.message.ask {
                self.shared.flights.cancel(&heard.who(), &heard.session, request);
            }
            return Ok(ToolReply::nothing(StatusCode::ACCEPTED));
        };
        let instructions = heard.server.as_ref().and_then(|server| server.instructions());
        match &heard.message.ask {
            Ask::Initialize { version } => {
                // A name by which its calls are told from those of the caller's other clients; it opens nothing.
                let session = HeaderValue::from_str(record.request_id()).ok();
                let body = mcp::initialized(id, version, instructions.as_deref());
                Ok(ToolReply { session, ..ToolReply::message(body) })
            }
            Ask::Discover if stateless => {
                Ok(ToolReply::message(mcp::discovered(id, instructions.as_deref())))
            }
            Ask::Ping if stateless => {
                Ok(ToolReply::message(mcp::result_body(id, br#"{"resultType":"complete"}"#)))
            }
            Ask::Ping => Ok(ToolReply::message(mcp::result_body(id, b"{}"))),
            // Of a status of 404 clients of the first era believe that their session has ended.
            _ if !stateless => {
                let body =
                    mcp::error_body(Some(id), mcp::code::NO_METHOD, &Refusal::NoMethod.to_string(), None);
                Ok(ToolReply::refused(body, "no-method"))
            }
            _ => Err(Refusal::NoMethod),
        }
    }

    /// `DELETE`: what servers keep for this caller is left.
    async fn end_tool_session(&self, admitted: &Admitted, only: Option<&str>) -> Result<ToolReply, Refusal> {
        let known = admitted.identified();
        let who = who_of(known);
        let (bounds, timeouts) = self.shared.bounds_and_timeouts();
        let reach = Reach::new(&self.pool, &bounds, &timeouts, timeouts.upstream_connect);
        for server in &known.bot().tool_servers {
            if only.is_none_or(|only| only == server.name()) && Instant::now() < reach.deadline {
                server.leave(&who, &reach).await;
            }
        }
        Ok(ToolReply::nothing(StatusCode::NO_CONTENT))
    }
}

impl Heard {
    pub(super) fn is_stateless(&self) -> bool {
        self.message.version.is_some()
    }

    pub(crate) fn identified(&self) -> &Identified {
        &self.identified
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn who(&self) -> Who {
        who_of(&self.identified)
    }

    pub(super) fn user(&self) -> Option<&UserName> {
        self.identified.user()
    }

    pub(super) fn patron(&self) -> Patron {
        let known = &self.identified;
        let (bot, caller, user) = (known.bot().clone(), known.caller().clone(), self.user().cloned());
        Patron { bot, caller, user, exchange: None }
    }
}

fn who_of(known: &Identified) -> Who {
    let caller = known.caller();
    let session = caller.session.as_ref().map_or("", |session| session.id.as_str());
    let user = known.user().map_or("", UserName::as_str);
    Who(format!("{}\0{session}\0{user}", caller.key.as_str()))
}

pub(super) fn server_of(known: &Identified, name: &str) -> Option<Arc<ToolServer>> {
    let mut servers = known.bot().tool_servers.iter();
    servers.find(|server| server.name() == name && server.is_reachable()).cloned()
}

fn session_of(headers: &HeaderMap) -> Result<String, Refusal> {
    let Some(session) = single(headers, &SESSION)? else { return Ok(String::new()) };
    let text = session.to_str().ok().filter(|text| text.len() <= SESSION_BYTES_MAX);
    let expected = "the value that the answer to `initialize` gave";
    text.map(str::to_owned).ok_or(Refusal::Header { name: "mcp-session-id", expected })
}

/// Headers of the stateless era say what the body says, or somebody on the way would believe something else than we do.
fn check_era(headers: &HeaderMap, message: &Message) -> Result<(), Refusal> {
    let [version, method, name] = [&VERSION, &METHOD, &NAME].map(|name| single(headers, name));
    let text = |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (version, method, name) = (text(version?), text(method?), text(name?));
    let is_handshake = |version: &str| version == "2024-11-05" || mcp::HANDSHAKE_VERSIONS.contains(&version);
    match (&version, &message.version) {
        // The handshake says itself what it wants.
        (_, None) if matches!(message.ask, Ask::Initialize { .. }) => return Ok(()),
        (None, None) => return Ok(()),
        (Some(header), None) if is_handshake(header) => return Ok(()),
        (Some(header), None) if message.id.is_none() && header == mcp::STATELESS_VERSION => return Ok(()),
        (Some(header), None) if header == mcp::STATELESS_VERSION => {
            let message = format!(
                "`params._meta` has to hold `{}` and `{}`",
                mcp::VERSION_META,
                mcp::CAPABILITIES_META
            );
            return Err(Refusal::Field { param: "params._meta", message });
        }
        (Some(header), None) => return Err(Refusal::ProtocolVersion { asked: header.clone() }),
        (header, Some(body)) if header.as_ref() != Some(body) => {
            return Err(Refusal::HeaderMismatch { header: "mcp-protocol-version" });
        }
        (_, Some(_)) => {}
    }
    if message.id.is_some() && method.as_ref() != Some(&message.method) {
        return Err(Refusal::HeaderMismatch { header: "mcp-method" });
    }
    if let Ask::CallTool { name: tool, .. } = &message.ask
        && name.and_then(|name| mcp::plain_value(&name)).as_ref() != Some(tool)
    {
        return Err(Refusal::HeaderMismatch { header: "mcp-name" });
    }
    let asked = message.version.clone().unwrap_or_default();
    if asked != mcp::STATELESS_VERSION {
        return Err(Refusal::ProtocolVersion { asked });
    }
    if !message.has_capabilities {
        let message = format!("`params._meta` has to hold `{}`", mcp::CAPABILITIES_META);
        return Err(Refusal::Field { param: "params._meta", message });
    }
    Ok(())
}

fn takes_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        matches!(
            kind.split(';').next().map(|kind| kind.trim().to_ascii_lowercase()).as_deref(),
            Some("text/event-stream")
        )
    })
}
