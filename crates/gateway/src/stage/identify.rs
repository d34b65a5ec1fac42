//! Who asks, for what, of which bot. Reads the head alone.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use botwarden_identity::{Credential, IdentifyError, Principal, Right};
use botwarden_limit::{Denied, Subject};
use botwarden_policy::quarantine::Who;
use botwarden_types::{Dialect, Operation, UserName};
use http::header::{AUTHORIZATION, ORIGIN, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};
use hyper::Request;
use hyper::body::Incoming;

use crate::config::HEADER_FIELDS_MAX;
use crate::headers::{API_KEY, USER, authority, single};
use crate::refusal::Refusal;
use crate::route::{BackendCall, Route, is_for_tools, route};
use crate::server::{Peer, Worker};
use crate::stage::record::Record;
use crate::state::Bot;

/// A request whose caller is known and may ask this kind of thing. Made by [`Worker::identify`] alone.
///
/// Boxed, because it goes from stage to stage: moving it costs a pointer.
pub(crate) struct Identified(Box<Known>);

/// What is known of a request from its head.
pub(crate) struct Known {
    pub(super) request: Box<Request<Incoming>>,
    pub(super) route: Route,
    pub(super) peer: Peer,
    pub(super) caller: Principal,
    pub(super) bot: Arc<Bot>,
    pub(super) user: Option<UserName>,
}

impl Deref for Identified {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl DerefMut for Identified {
    fn deref_mut(&mut self) -> &mut Known {
        &mut self.0
    }
}

impl Identified {
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    pub(crate) fn caller(&self) -> &Principal {
        &self.caller
    }

    pub(crate) fn user(&self) -> Option<&UserName> {
        self.user.as_ref()
    }

    pub(crate) fn bot(&self) -> &Arc<Bot> {
        &self.bot
    }

    pub(crate) fn request_mut(&mut self) -> &mut Request<Incoming> {
        &mut self.request
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    pub(super) fn into_known(self) -> Known {
        *self.0
    }

    /// What limits count this request by, as far as the head tells.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            key: Some(self.caller.key.as_str()),
            address: Some(self.peer.address),
            user: self.user.as_ref().map(UserName::as_str),
        }
    }
}

impl Worker {
    pub(crate) fn identify(
        &self,
        request: Box<Request<Incoming>>,
        peer: Peer,
        record: &mut Record,
    ) -> Result<Identified, Refusal> {
        let headers = request.headers();
        // In HTTP/1.1 the HTTP layer says so itself; in HTTP/2 it counts bytes alone.
        if headers.len() > HEADER_FIELDS_MAX {
            return Err(Refusal::TooManyHeaders { max: HEADER_FIELDS_MAX });
        }
        // The HTTP layer drops a `content-length` that stands beside it, so the pair (two readings of one body: request
        // smuggling) could not be told from chunks alone. Every SDK declares the length. Source: RFC 9112 §6.1, §6.3.
        if headers.contains_key(TRANSFER_ENCODING) {
            return Err(Refusal::NoLength);
        }
        if is_for_tools(request.uri().path()) {
            self.check_origin(&request)?;
        }
        let caller = self.authenticate(headers, peer)?;
        record.caller(&caller);
        record.from(peer.address);
        let route = route(request.method(), request.uri(), peer.door)?;
        record.route(&route);
        authorize(&caller, &route)?;
        let live = self.shared.live.load();
        let bot = live.bots.get(&caller.bot).cloned().ok_or(Refusal::NoBot)?;
        record.bot(&bot);
        speaks(bot.config.upstream.dialect, &route)?;
        let user = named_user(headers, &caller)?;
        if !takes_away(&route) {
            self.stopped(&caller, user.as_ref())?;
        }
        Ok(Identified(Box::new(Known { request, route, peer, caller, bot, user })))
    }

    /// A web page of somebody else's may not ask, nor under a name of its own.
    fn check_origin(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let (hosts, headers) = (&self.shared.hosts, request.headers());
        let host = authority(request.uri(), headers);
        if !host.is_some_and(|host| hosts.knows_host(&host)) {
            return Err(Refusal::ForeignHost);
        }
        match single(headers, &ORIGIN)? {
            None => Ok(()), // not a browser
            Some(origin) if origin.to_str().is_ok_and(|origin| hosts.knows_origin(origin)) => Ok(()),
            Some(_) => Err(Refusal::ForeignOrigin),
        }
    }

    /// Refuses what an operator has stopped.
    pub(crate) fn stopped(&self, caller: &Principal, user: Option<&UserName>) -> Result<(), Refusal> {
        self.shared.quarantine.stops(who(caller, user)).map_or(Ok(()), |_| Err(Refusal::Quarantined))
    }

    /// A valid credential always passes, so that nobody can lock a customer out by failing from the same address.
    fn authenticate(&self, headers: &HeaderMap, peer: Peer) -> Result<Principal, Refusal> {
        let text = presented(headers)?.map(|bytes| std::str::from_utf8(bytes).unwrap_or_default());
        let known = match text.map(Credential::parse) {
            Some(Ok(credential)) => self.shared.authenticator.identify(&credential, self.shared.clock.wall()),
            Some(Err(_)) => Err(IdentifyError::Unknown),
            None => return Err(self.failed_sign_in(peer, Refusal::NoCredential)),
        };
        known.map_err(|why| {
            tracing::debug!(address = %peer.address, %why, "credential refused");
            self.failed_sign_in(peer, Refusal::BadCredential)
        })
    }

    fn failed_sign_in(&self, peer: Peer, refusal: Refusal) -> Refusal {
        let subject = Subject { key: None, address: Some(peer.address), user: None };
        let live = self.shared.live.load();
        match self.shared.limiter.admit(self.shared.clock.now(), &live.failed_sign_ins, &subject, 0) {
            Ok(_) => refusal,
            Err(Denied::Over { retry_ms, .. }) => {
                Refusal::CredentialThrottled { retry_ms: retry_ms.unwrap_or(0) }
            }
            // Nothing is admitted by it, so nothing is owed to the record; what cannot be guessed needs no count. The callers
            // whose requests are refused for the same reason say it in the log.
            Err(Denied::Journal(_)) => refusal,
        }
    }
}

/// The one credential of a request; two different ones could be read differently by two readers.
fn presented(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let authorization = single(headers, &AUTHORIZATION)?.map(HeaderValue::as_bytes);
    let api_key = single(headers, &API_KEY)?.map(HeaderValue::as_bytes);
    match (authorization, api_key) {
        (Some(authorization), None) => Ok(strip_bearer(authorization)),
        (Some(authorization), Some(key)) if strip_bearer(authorization) != Some(key) => {
            Err(Refusal::TwoCredentials)
        }
        (_, key) => Ok(key),
    }
}

fn strip_bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest)
}

/// Whom a request is for, as far as stops go.
pub(super) fn who<'a>(caller: &'a Principal, user: Option<&'a UserName>) -> Who<'a> {
    Who { bot: &caller.bot, session: caller.session.as_ref().map(|session| &session.id), user }
}

/// What may go on whatever is stopped: ending sessions, and saying no, which shows in the body alone.
fn takes_away(route: &Route) -> bool {
    matches!(route, Route::Backend(BackendCall::EndSession(_) | BackendCall::AnswerApproval { .. }))
}

/// The right that a backend's call wants.
fn right_for(call: &BackendCall) -> Right {
    match call {
        BackendCall::OpenSession | BackendCall::AddTurn(_) | BackendCall::EndSession(_) => Right::Session,
        BackendCall::ListApprovals { .. } | BackendCall::AnswerApproval { .. } => Right::Approve,
    }
}

/// Denied unless granted: `chat` or `assert-user` to converse, `session` or `approve` for the backend's calls.
fn authorize(caller: &Principal, route: &Route) -> Result<(), Refusal> {
    let rights = caller.rights;
    match route {
        Route::Backend(call) if !rights.has(right_for(call)) => Err(Refusal::NoRight(right_for(call))),
        Route::Backend(_) => Ok(()),
        Route::Model(_) | Route::OneModel(_) | Route::Root | Route::Tools(_)
            if !rights.has(Right::Chat) && !rights.has(Right::AssertUser) =>
        {
            Err(Refusal::NoRight(Right::Chat))
        }
        Route::Model(_) | Route::OneModel(_) | Route::Root | Route::Tools(_) => Ok(()),
    }
}

fn speaks(dialect: Dialect, route: &Route) -> Result<(), Refusal> {
    let spoken = match route {
        Route::Model(Operation::ChatCompletions | Operation::Embeddings) => Some(Dialect::OpenAi),
        Route::Model(Operation::Messages | Operation::CountTokens) => Some(Dialect::Anthropic),
        Route::Model(Operation::Models)
        | Route::OneModel(_)
        | Route::Root
        | Route::Tools(_)
        | Route::Backend(_) => None,
    };
    if spoken.is_none_or(|spoken| spoken == dialect) {
        Ok(())
    } else {
        Err(Refusal::WrongDialect { speaks: dialect })
    }
}

/// The user a session was opened for, or the one a trusted caller names in the head.
fn named_user(headers: &HeaderMap, caller: &Principal) -> Result<Option<UserName>, Refusal> {
    if let Some(user) = caller.user() {
        return Ok(Some(user.clone()));
    }
    let Some(value) = single(headers, &USER)? else { return Ok(None) };
    if !caller.rights.has(Right::AssertUser) {
        return Err(Refusal::NoRight(Right::AssertUser));
    }
    let expected = "a name of up to 256 printable characters";
    let bad = Refusal::Header { name: "x-botwarden-user", expected };
    let Ok(text) = std::str::from_utf8(value.as_bytes()) else { return Err(bad) };
    UserName::parse(text).map(Some).map_err(|_| bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn one_credential_and_no_more() {
        for (name, pairs, want) in [
            ("none", &[][..], Ok(false)),
            ("bearer", &[("authorization", "Bearer a")], Ok(true)),
            ("bearer in lower case", &[("authorization", "bearer a")], Ok(true)),
            ("api key", &[("x-api-key", "a")], Ok(true)),
            ("both the same", &[("authorization", "Bearer a"), ("x-api-key", "a")], Ok(true)),
            ("both, different", &[("authorization", "Bearer a"), ("x-api-key", "b")], Err("two-credentials")),
            (
                "two bearers",
                &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
                Err("two-headers"),
            ),
            ("two api keys", &[("x-api-key", "a"), ("x-api-key", "b")], Err("two-headers")),
            ("basic", &[("authorization", "Basic YTpi")], Ok(false)),
            (
                "basic beside a key",
                &[("authorization", "Basic YTpi"), ("x-api-key", "a")],
                Err("two-credentials"),
            ),
        ] {
            let map = headers(pairs);
            let got = presented(&map).map(|found| found.is_some()).map_err(|refusal| refusal.terms().reason);
            assert_eq!(got, want, "{name}");
        }
    }
}
