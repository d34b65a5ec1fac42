//! A tool server over streamable HTTP: one POST for each message; the answer comes as a document or as events.

use std::pin::Pin;
use std::task::Poll;

use botwarden_protocol::mcp::{self, FromServer};
use botwarden_protocol::{EventReader, EventTooLarge};
use botwarden_types::Secret;
use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body::Body;
use hyper::Response;
use hyper::body::Incoming;

use super::Fault;
use super::agreed::{Agreed, Era};
use super::reach::{Reach, Request};
use crate::bodies::{Held, Payload};
use crate::config::UpstreamUrl;
use crate::headers::single;
use crate::upstream::{Endpoint, Lease, Outbound, TlsRoots, UpstreamError, next_frame, origin_form};

pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(crate) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(crate) const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Questions of one server during one call that are answered; each costs a request.
const QUESTIONS_MAX: usize = 16;
/// Bytes of what a server says beside a status that tells of a failure.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Where a tool server speaks HTTP.
pub(crate) struct HttpServer {
    endpoint: Endpoint,
    target: Uri,
    token: Option<HeaderValue>,
}

/// What an answer was, and the session it names.
pub(crate) struct Told {
    pub(crate) result: String,
    pub(crate) is_complete: bool,
    pub(crate) session: Option<HeaderValue>,
}

impl HttpServer {
    pub(crate) fn new(
        url: &UpstreamUrl,
        ca_file: Option<&std::path::Path>,
        token: Option<&Secret>,
        roots: &mut TlsRoots,
    ) -> Result<Self, UpstreamError> {
        let path = if url.base.is_empty() { "/" } else { &url.base };
        let token = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Ok(Self {
            endpoint: Endpoint::new(url, ca_file, roots)?,
            target: origin_form(path.to_owned()).ok_or(UpstreamError::Host)?,
            token: token.map(|value| value.ok_or(UpstreamError::Key)).transpose()?,
        })
    }

    /// Sends a request and waits for its result.
    pub(crate) async fn ask(
        &self,
        reach: &Reach,
        agreed: Option<&Agreed>,
        request: &Request<'_>,
        body: Held,
    ) -> Result<Told, Fault> {
        let headers = self.headers(agreed, Some(request), &body)?;
        let (response, lease) = self.send(reach, Method::POST, headers, body).await?;
        let has_session = agreed.is_some_and(|agreed| agreed.session.is_some());
        let session = single(response.headers(), &SESSION).ok().flatten().cloned();
        check_status(response.status(), has_session)?;
        let reading = async {
            if !response.status().is_success() {
                return Err(self.failure(response, lease).await);
            }
            match kind(response.headers()) {
                Kind::Json => self.document(reach, request, response, lease).await,
                Kind::Events => self.events(reach, agreed, request, response, lease).await,
                Kind::Other => Err(Fault::Unusable("it is neither JSON nor an event stream")),
            }
        };
        let (result, is_complete) = reach.within(reading).await?;
        Ok(Told { result, is_complete, session })
    }

    /// Sends what gets no answer: a notification, or our answer to a question.
    pub(crate) async fn tell(
        &self,
        reach: &Reach,
        agreed: Option<&Agreed>,
        body: Vec<u8>,
    ) -> Result<(), Fault> {
        let body = Held::free(body.into());
        let headers = self.headers(agreed, None, &body)?;
        let (response, lease) = self.send(reach, Method::POST, headers, body).await?;
        check_status(response.status(), false)?;
        let _ = reach.within(collect(response, lease, ERROR_BYTES_MAX)).await;
        Ok(())
    }

    /// Ends a session.
    pub(crate) async fn end(&self, reach: &Reach, agreed: &Agreed) {
        let body = Held::default();
        let Ok(headers) = self.headers(Some(agreed), None, &body) else { return };
        if let Ok((response, lease)) = self.send(reach, Method::DELETE, headers, body).await {
            let _ = reach.within(collect(response, lease, ERROR_BYTES_MAX)).await;
        }
    }

    async fn send(
        &self,
        reach: &Reach,
        method: Method,
        headers: HeaderMap,
        body: Held,
    ) -> Result<(Response<Incoming>, Lease), Fault> {
        let mut request = Box::new(Outbound::new(Payload::new(body)));
        *request.method_mut() = method;
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = headers;
        Ok(self.endpoint.send(&reach.pool, request, reach.connect, reach.deadline).await?)
    }

    /// Nothing of the caller's own head goes on.
    fn headers(
        &self,
        agreed: Option<&Agreed>,
        request: Option<&Request<'_>>,
        body: &Held,
    ) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(HOST, self.endpoint.authority.clone());
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("botwarden/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let Some(agreed) = agreed else { return Ok(headers) };
        headers.insert(VERSION, HeaderValue::from_static(agreed.version));
        if let Some(session) = &agreed.session {
            headers.insert(SESSION, session.clone());
        }
        if let (Era::Stateless, Some(request)) = (agreed.era, request) {
            headers.insert(METHOD, HeaderValue::from_static(request.method));
            if let Some(tool) = request.tool {
                headers.insert(NAME, value(&mcp::header_value(tool))?);
            }
            for (name, text) in &request.params {
                let name = HeaderName::try_from(name.as_str());
                headers.insert(
                    name.map_err(|_| Fault::Unusable("it wants a header of an impossible name"))?,
                    value(text)?,
                );
            }
        }
        Ok(headers)
    }

    async fn document(
        &self,
        reach: &Reach,
        request: &Request<'_>,
        response: Response<Incoming>,
        lease: Lease,
    ) -> Result<(String, bool), Fault> {
        let body = collect(response, lease, reach.bytes_max).await?;
        match finish(reach, request, &body)? {
            Some(told) => Ok(told),
            None => Err(Fault::Unusable("it is not the answer to what was asked")),
        }
    }

    async fn events(
        &self,
        reach: &Reach,
        agreed: Option<&Agreed>,
        request: &Request<'_>,
        response: Response<Incoming>,
        mut lease: Lease,
    ) -> Result<(String, bool), Fault> {
        let mut body = response.into_body();
        let mut reader = EventReader::new(reach.bytes_max);
        let (mut bytes, mut questions) = (0_usize, 0);
        loop {
            let Some(data) = next_data(&mut body, &mut lease).await? else { return Err(Fault::Broken) };
            bytes = bytes.saturating_add(data.len());
            if bytes > reach.bytes_max {
                return Err(TOO_LONG);
            }
            let mut messages = Vec::new();
            let taken = reader.push(&data, |event| {
                // Other kinds of events are not for clients; one without data only says that the stream lives.
                if matches!(event.name, b"" | b"message") && !event.data.is_empty() {
                    messages.push(event.data.to_vec());
                }
                Ok::<_, EventTooLarge>(())
            });
            taken.map_err(|_| TOO_LONG)?;
            for message in messages {
                if let Some(told) = finish(reach, request, &message)? {
                    put_back(body, lease).await;
                    return Ok(told);
                }
                if let Ok(FromServer::Request { id, method }) = mcp::read_answer(&message, &reach.json) {
                    questions += 1;
                    if questions > QUESTIONS_MAX {
                        return Err(Fault::Unusable("it asks more than it answers"));
                    }
                    self.tell(reach, agreed, mcp::reply_to_server(&id, &method)).await?;
                }
            }
        }
    }

    /// What a status of 400 and up means; the body may hold an error of JSON-RPC.
    async fn failure(&self, response: Response<Incoming>, lease: Lease) -> Fault {
        let status = response.status();
        if matches!(kind(response.headers()), Kind::Json)
            && let Ok(body) = collect(response, lease, ERROR_BYTES_MAX).await
            && let Ok(FromServer::Error { code, message, .. }) = mcp::read_answer(&body, &Default::default())
        {
            return Fault::Failed { code, message };
        }
        let message = format!("HTTP status {}", status.as_u16());
        Fault::Failed { code: i64::from(mcp::code::INTERNAL), message }
    }
}

const TOO_LONG: Fault = Fault::Unusable("it is longer than `bounds.answer` allows");

fn value(text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(text).map_err(|_| Fault::Unusable("it wants a header of an impossible value"))
}

fn check_status(status: StatusCode, has_session: bool) -> Result<(), Fault> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Fault::RefusedKey),
        StatusCode::NOT_FOUND if has_session => Err(Fault::SessionOver),
        // Where it leads is not for the server to say: addresses come from the configuration.
        status if status.is_redirection() => {
            Err(Fault::Unusable("it is a redirection; write its target as `url`"))
        }
        _ => Ok(()),
    }
}

/// The result, if `message` is the answer to `request`; steps are passed on.
pub(crate) fn finish(
    reach: &Reach,
    request: &Request<'_>,
    message: &[u8],
) -> Result<Option<(String, bool)>, Fault> {
    let read = mcp::read_answer(message, &reach.json);
    match read.map_err(|_| Fault::Unusable("it is not JSON that can be read in one way only"))? {
        FromServer::Result { id, result, is_complete } if id.as_number() == Some(request.id) => {
            Ok(Some((result, is_complete)))
        }
        FromServer::Error { id, code, message, .. }
            if id.as_ref().is_none_or(|id| id.as_number() == Some(request.id)) =>
        {
            Err(Fault::Failed { code, message })
        }
        FromServer::Progress { token, progress, total } if token.as_number() == Some(request.id) => {
            request.step(progress, total);
            Ok(None)
        }
        _ => Ok(None),
    }
}

enum Kind {
    Json,
    Events,
    Other,
}

fn kind(headers: &HeaderMap) -> Kind {
    if headers.contains_key(CONTENT_ENCODING) {
        return Kind::Other; // we asked for none
    }
    let declared = single(headers, &CONTENT_TYPE).ok().flatten().and_then(|value| value.to_str().ok());
    match declared
        .and_then(|value| value.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase())
        .as_deref()
    {
        Some("application/json") => Kind::Json,
        Some("text/event-stream") => Kind::Events,
        _ => Kind::Other,
    }
}

async fn collect(response: Response<Incoming>, mut lease: Lease, max: usize) -> Result<Bytes, Fault> {
    let mut body = response.into_body();
    let mut whole = BytesMut::new();
    while let Some(data) = next_data(&mut body, &mut lease).await? {
        if whole.len() + data.len() > max {
            return Err(TOO_LONG);
        }
        whole.extend_from_slice(&data);
    }
    lease.give_back();
    Ok(whole.freeze())
}

async fn next_data(body: &mut Incoming, lease: &mut Lease) -> Result<Option<Bytes>, Fault> {
    loop {
        match std::future::poll_fn(|cx| next_frame(body, lease, cx)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Fault::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Keeps the connection of a stream that has said all, if it has ended already; else it is closed.
async fn put_back(mut body: Incoming, mut lease: Lease) {
    let ended = std::future::poll_fn(|cx| {
        let frame = next_frame(&mut body, &mut lease, cx);
        Poll::Ready(matches!(frame, Poll::Ready(None)) || Pin::new(&mut body).is_end_stream())
    });
    if ended.await {
        lease.give_back();
    }
}
