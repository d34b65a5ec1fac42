//! One tool server of a bot: how it is spoken to, for whom, and what of it exists.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use botwarden_policy::pin::PinnedServer;
use botwarden_protocol as protocol;
use botwarden_protocol::mcp::{self, Listed};
use botwarden_types::Secret;
use bytes::Bytes;
use parking_lot::Mutex;

use super::Fault;
use super::agreed::{Agreed, Era};
use super::http::{HttpServer, Told};
use super::listing::{Against, LISTING_BYTES_MAX, Listing, Offered, PAGES_MAX, TOOLS_MAX};
use super::program::Program;
use super::reach::{Reach, Request, Steps};
use crate::bodies::Held;
use crate::config::{PinMode, ToolPlace, ToolServerConfig};
use crate::upstream::{TlsRoots, UpstreamError};

/// Sessions at one server. Above it the one that was used longest ago is left.
const SESSIONS_MAX: usize = 1024;
/// One that nobody used for so long is left.
const SESSION_IDLE: Duration = Duration::from_secs(1800);

/// One that all share lasts so long: then its server is asked again who it is.
const SHARED_FOR: Duration = Duration::from_secs(300);

/// For whom a server keeps a session: nobody may meet what was said in another's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Who(pub(crate) String);

/// A tool server, ready for use.
pub(crate) struct ToolServer {
    pub(crate) config: ToolServerConfig,
    /// `None` where the application runs the tools itself.
    carrier: Option<Carrier>,
    /// What was accepted of it.
    pinned: Option<PinnedServer>,
    /// Which of all that were made in this process.
    number: u64,
    /// Of which hidden tools the log has spoken.
    told: AtomicU64,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// How a server is spoken to.
#[derive(Clone)]
enum Carrier {
    Http(Arc<Remote>),
    Program(Arc<Program>),
}

/// A server over HTTP, with what was agreed with it.
struct Remote {
    http: HttpServer,
    ids: AtomicU64,
    /// What it was found to speak: 0 for not known yet.
    era: AtomicU8,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    /// With a server that keeps none: one for all, and when it was agreed.
    shared: Option<(Arc<Agreed>, Instant)>,
    each: HashMap<Who, (Arc<Agreed>, Instant)>,
}

/// Until a server has said whether it speaks the second era; one of the first may not answer what it does not know.
const DISCOVER_TIME: Duration = Duration::from_secs(5);
const HANDSHAKE: u8 = 1;
const STATELESS: u8 = 2;

impl ToolServer {
    pub(crate) fn new(
        config: &ToolServerConfig,
        token: Option<&Secret>,
        pinned: Option<PinnedServer>,
        roots: &mut TlsRoots,
    ) -> Result<Self, UpstreamError> {
        let carrier = match &config.place {
            ToolPlace::Http { url, ca_file } => {
                let http = HttpServer::new(url, ca_file.as_deref(), token, roots)?;
                let (ids, era) = (AtomicU64::new(1), AtomicU8::new(0));
                Some(Carrier::Http(Arc::new(Remote { http, ids, era, sessions: Mutex::default() })))
            }
            ToolPlace::Program { command, env } => {
                Some(Carrier::Program(Arc::new(Program::new(command.clone(), env.clone()))))
            }
            ToolPlace::Application => None,
        };
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { config: config.clone(), carrier, pinned, number, told: AtomicU64::new(0) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether its tools can be called through us.
    pub(crate) fn is_reachable(&self) -> bool {
        self.carrier.is_some()
    }

    /// What it tells models to do, as accepted.
    pub(crate) fn instructions(&self) -> Option<String> {
        let pinned = self.pinned.as_ref().filter(|_| self.config.pin == PinMode::Lock)?;
        let identity: serde_json::Value = serde_json::from_str(&pinned.identity.text).ok()?;
        identity.get("instructions")?.as_str().map(str::to_owned)
    }

    /// Starts its program, if it is one, on the runtime this is called on.
    pub(crate) fn start(&self, bytes_max: usize, json: protocol::Bounds) {
        if let Some(Carrier::Program(program)) = &self.carrier {
            program.start(self.name(), bytes_max, json);
        }
    }

    /// Goes on with the program of `before` where it is the same: it outlives a reload. What it offers is looked at again.
    pub(crate) fn carry_on(&mut self, before: &Self) {
        if let (Some(Carrier::Program(program)), ToolPlace::Program { command, env }) =
            (&before.carrier, &self.config.place)
            && program.is(command, env)
        {
            self.carrier = Some(Carrier::Program(program.clone()));
        }
    }

    /// What it offers: for calls as it was lately, for lists as it is now.
    pub(crate) async fn listing(&self, who: &Who, reach: &Reach, now: bool) -> Result<Arc<Listing>, Fault> {
        let agreed = self.agreed(who, reach).await?;
        let known = agreed.listing.lock().clone();
        if let Some(known) = known.filter(|known| !now && known.is_fresh(self.number)) {
            return Ok(known);
        }
        let listed = self.list(who, &agreed, reach).await?;
        let listing =
            Arc::new(Listing::new(self.number, listed, &agreed.identity, &self.against(), &reach.json));
        *agreed.listing.lock() = Some(listing.clone());
        Ok(listing)
    }

    fn against(&self) -> Against<'_> {
        match self.config.pin {
            PinMode::Lock => Against::Lock(self.pinned.as_ref()),
            PinMode::Off => Against::Nothing,
        }
    }

    /// All pages of its list.
    pub(crate) async fn list(&self, who: &Who, agreed: &Agreed, reach: &Reach) -> Result<Vec<Listed>, Fault> {
        let mut tools: Vec<Listed> = Vec::new();
        let (mut cursor, mut bytes) = (None::<String>, 0);
        for _ in 0..PAGES_MAX {
            let id = self.next_id();
            let body = mcp::request_to_server(id, "tools/list", &agreed.page(cursor.as_deref()));
            let request = Request::new(id, "tools/list");
            let told = self.ask(who, agreed, reach, &request, Held::free(body.into())).await?;
            let page = mcp::read_page(told.result.as_bytes(), &reach.json);
            let page = page.map_err(|_| Fault::Unusable("it is not a list of tools"))?;
            bytes += page.tools.iter().map(|tool| tool.definition.len()).sum::<usize>();
            tools.extend(page.tools);
            if tools.len() > TOOLS_MAX || bytes > LISTING_BYTES_MAX {
                return Err(Fault::Unusable("it lists more tools than 1000 or 4 MiB of them"));
            }
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(tools),
            }
        }
        Err(Fault::Unusable("its list of tools has more than 100 pages"))
    }

    /// Calls a tool. `room` is what the caller's body holds; it is sent from there.
    pub(crate) async fn call(
        &self,
        who: &Who,
        reach: &Reach,
        tool: &Offered,
        arguments: &str,
        room: Held,
        steps: Option<&Steps>,
    ) -> Result<String, Fault> {
        let agreed = self.agreed(who, reach).await?;
        let id = self.next_id();
        let name = &tool.listed.name;
        let stateless = agreed.era == Era::Stateless;
        let body = mcp::call_to_server(id, name, arguments, steps.is_some(), stateless);
        let mut request = Request::new(id, "tools/call");
        request.tool = Some(name);
        request.steps = steps;
        if stateless {
            request.params = mcp::param_headers(&tool.listed.definition, arguments, &reach.json);
        }
        let told = self.ask(who, &agreed, reach, &request, room.replaced(body.into())).await?;
        if told.is_complete {
            return Ok(told.result);
        }
        Err(Fault::Unusable("it asks the client for more input, which is not passed on"))
    }

    fn next_id(&self) -> u64 {
        match &self.carrier {
            Some(Carrier::Http(remote)) => remote.ids.fetch_add(1, Ordering::Relaxed),
            Some(Carrier::Program(program)) => program.next_id(),
            None => 0,
        }
    }

    async fn ask(
        &self,
        who: &Who,
        agreed: &Agreed,
        reach: &Reach,
        request: &Request<'_>,
        body: Held,
    ) -> Result<Told, Fault> {
        match &self.carrier {
            None => Err(Fault::Unreachable),
            Some(Carrier::Program(program)) => {
                let line = Bytes::copy_from_slice(&body);
                let (result, is_complete) = program.ask(reach, request, line).await?;
                Ok(Told { result, is_complete, session: None })
            }
            Some(Carrier::Http(remote)) => {
                let guard = Cancelling::new(remote, agreed, reach, request);
                let told = remote.http.ask(reach, Some(agreed), request, body).await;
                match &told {
                    // It may still work on it.
                    Err(Fault::TimedOut) => drop(guard),
                    Err(Fault::SessionOver) => {
                        remote.forget(who);
                        guard.over();
                    }
                    Ok(_) | Err(_) => guard.over(),
                }
                told
            }
        }
    }

    /// What is agreed with it for `who`; agrees if nothing is.
    pub(crate) async fn agreed(&self, who: &Who, reach: &Reach) -> Result<Arc<Agreed>, Fault> {
        match &self.carrier {
            None => Err(Fault::Unreachable),
            Some(Carrier::Program(program)) => program.agreed(reach).await,
            Some(Carrier::Http(remote)) => match remote.known(who) {
                Some(agreed) => Ok(agreed),
                None => remote.agree(who, reach).await,
            },
        }
    }

    /// Says once what bots are not shown, so that an operator learns that there is something to look at.
    pub(crate) fn tell_hidden(&self, listing: &Listing) {
        let mut hasher = std::hash::DefaultHasher::new();
        let mut reasons = Vec::new();
        for tool in listing.tools() {
            if let Some(hidden) = &tool.hidden {
                (&tool.listed.name, hidden.reason()).hash(&mut hasher);
                reasons.push(hidden.to_string());
            }
        }
        let state = if reasons.is_empty() { 0 } else { hasher.finish() | 1 };
        if self.told.swap(state, Ordering::Relaxed) == state || reasons.is_empty() {
            return;
        }
        let why = reasons.first().map(String::as_str).unwrap_or_default();
        tracing::warn!(tool_server = self.name(), tools = reasons.len(), why, "tools are hidden from bots");
    }

    /// Leaves the session of `who`, if the server keeps one.
    pub(crate) async fn leave(&self, who: &Who, reach: &Reach) {
        if let Some(Carrier::Http(remote)) = &self.carrier
            && let Some(agreed) = remote.forget(who)
        {
            remote.http.end(reach, &agreed).await;
        }
    }
}

impl Remote {
    fn known(&self, who: &Who) -> Option<Arc<Agreed>> {
        let mut sessions = self.sessions.lock();
        if let Some((shared, since)) = &sessions.shared {
            return (since.elapsed() < SHARED_FOR).then(|| shared.clone());
        }
        let (agreed, used) = sessions.each.get_mut(who)?;
        *used = Instant::now();
        Some(agreed.clone())
    }

    fn forget(&self, who: &Who) -> Option<Arc<Agreed>> {
        self.sessions.lock().each.remove(who).map(|(agreed, _)| agreed)
    }

    fn keep(&self, who: &Who, agreed: &Arc<Agreed>) {
        let mut sessions = self.sessions.lock();
        if agreed.session.is_none() {
            sessions.shared = Some((agreed.clone(), Instant::now()));
            return;
        }
        let each = &mut sessions.each;
        if each.len() >= SESSIONS_MAX {
            each.retain(|_, (_, used)| used.elapsed() < SESSION_IDLE);
        }
        if each.len() >= SESSIONS_MAX
            && let Some(oldest) = each.iter().min_by_key(|(_, (_, used))| *used).map(|(who, _)| who.clone())
        {
            each.remove(&oldest);
        }
        each.insert(who.clone(), (agreed.clone(), Instant::now()));
    }

    /// Finds out what it speaks, once, and agrees. Servers of the first era answer the question of the second with some error.
    async fn agree(&self, who: &Who, reach: &Reach) -> Result<Arc<Agreed>, Fault> {
        let discovered = match self.era.load(Ordering::Relaxed) {
            HANDSHAKE => None,
            _ => self.discover(reach).await?,
        };
        let agreed = match discovered {
            Some(agreed) => {
                self.era.store(STATELESS, Ordering::Relaxed);
                agreed
            }
            None => {
                let agreed = self.handshake(reach).await?;
                self.era.store(HANDSHAKE, Ordering::Relaxed);
                agreed
            }
        };
        let agreed = Arc::new(agreed);
        self.keep(who, &agreed);
        Ok(agreed)
    }

    async fn discover(&self, reach: &Reach) -> Result<Option<Agreed>, Fault> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let asking = Agreed::asking();
        let body = mcp::request_to_server(id, "server/discover", &asking.page(None));
        let request = Request::new(id, "server/discover");
        let mut brief = reach.clone();
        brief.deadline = brief.deadline.min(tokio::time::Instant::now() + DISCOVER_TIME);
        match self.http.ask(&brief, Some(&asking), &request, Held::free(body.into())).await {
            Ok(told) => Ok(Agreed::by_discovery(&told.result, &reach.json)),
            Err(
                Fault::Failed { .. }
                | Fault::Unusable(_)
                | Fault::SessionOver
                | Fault::Broken
                | Fault::TimedOut,
            ) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn handshake(&self, reach: &Reach) -> Result<Agreed, Fault> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let request = Request::new(id, "initialize");
        let body = Held::free(mcp::handshake_to_server(id).into());
        let told = self.http.ask(reach, None, &request, body).await?;
        let agreed = Agreed::by_handshake(&told.result, told.session, &reach.json)?;
        let over = mcp::notification_to_server("notifications/initialized", None);
        self.http.tell(reach, Some(&agreed), over).await?;
        Ok(agreed)
    }
}

/// A request under way at a server of the first era, where to hang up does not mean to cancel: it is told when nobody waits any
/// more. In the second era to hang up is all there is.
struct Cancelling(Option<(Arc<Remote>, Known, Reach, u64)>);

/// What a cancellation has to say to reach the same session.
struct Known {
    version: &'static str,
    session: Option<http::HeaderValue>,
}

/// How long a server may take to hear that a request is not wanted.
const CANCEL_TIME: Duration = Duration::from_secs(5);

impl Cancelling {
    fn new(remote: &Arc<Remote>, agreed: &Agreed, reach: &Reach, request: &Request<'_>) -> Self {
        let is_call = agreed.era == Era::Handshake && request.method == "tools/call";
        let session = Known { version: agreed.version, session: agreed.session.clone() };
        Self(is_call.then(|| (remote.clone(), session, reach.clone(), request.id)))
    }

    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancelling {
    fn drop(&mut self) {
        let Some((remote, Known { version, session }, mut reach, id)) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        reach.deadline = tokio::time::Instant::now() + CANCEL_TIME;
        // Owned by the worker's runtime, and over within its deadline.
        runtime.spawn(async move {
            let agreed = Agreed::again(version, session);
            let line = mcp::notification_to_server("notifications/cancelled", Some(id));
            let _ = remote.http.tell(&reach, Some(&agreed), line).await;
        });
    }
}
