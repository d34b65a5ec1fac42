//! The calls of the application's own backend: sessions and what their users said.
//!
//! The backend opens a session with its key and gives the bot only the session's token: a hijacked bot holds nothing that
//! could open another.

use std::time::Duration;

use botwarden_identity::{Claims, EndError, IdempotencyKey, OpenError, OpenSession, Turn, TurnError};
use botwarden_policy::quarantine::Who;
use botwarden_protocol::json::Document;
use botwarden_types::{SessionId, UnixMs, UserName};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::approvals::Said;
use crate::bodies::Held;
use crate::headers::{IDEMPOTENCY_KEY, single};
use crate::outcome::Stage;
use crate::refusal::Refusal;
use crate::route::{BackendCall, Route};
use crate::server::Worker;
use crate::stage::admit::over;
use crate::stage::disclose::Own;
use crate::stage::identify::Identified;
use crate::stage::read::{check_head, collect, json_bounds};
use crate::stage::record::Record;

/// Above any conversation turn; the general bound is for documents.
const BODY_BYTES_MAX: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenBody<'a> {
    user: String,
    #[serde(borrow)]
    claims: Option<&'a RawValue>,
    ttl_s: Option<u64>,
}

/// Front ends may say more of a turn than concerns us.
#[derive(Deserialize)]
struct TurnBody {
    text: String,
    #[serde(default)]
    pasted: Vec<(u64, u64)>,
}

impl Worker {
    /// Serves `/botwarden/v1/…`, charged like any other request.
    pub(crate) async fn backend(
        &self,
        mut identified: Identified,
        record: &mut Record,
    ) -> Result<Own, Refusal> {
        if self.shared.is_draining() {
            return Err(Refusal::Draining);
        }
        let now = self.shared.clock.now();
        let plan = &identified.bot().backend_plan;
        let admission = self.shared.limiter.admit(now, plan, &identified.subject(), 0).map_err(over)?;
        record.charged(admission, 0, 0);
        record.end(Stage::Charge);
        let call = match identified.route() {
            Route::Backend(call) => call.clone(),
            Route::Model(_) | Route::OneModel(_) | Route::Root | Route::Tools(_) => {
                return Err(Refusal::Internal);
            }
        };
        let body = match call {
            BackendCall::OpenSession | BackendCall::AddTurn(_) => {
                self.backend_body(&mut identified, record).await?
            }
            BackendCall::AnswerApproval { .. } => self.backend_body(&mut identified, record).await?,
            BackendCall::EndSession(_) | BackendCall::ListApprovals { .. } => Held::default(),
        };
        // A body may take its time, and the key may have been revoked meanwhile.
        let now = self.shared.clock.wall();
        identified.caller().still_valid(now).map_err(|_| Refusal::BadCredential)?;
        let written = record.decide(None, None);
        if let BackendCall::AnswerApproval { id, session } = &call {
            let said = Said::read(&identified, id, session, &body, now)?;
            let noted = record.answer_given(&identified.caller().key, said.action(), said.id());
            if said.approves() {
                written?;
                record.durable().await?;
                noted.await?; // before it takes effect
                return self.answer_approval(&said).await;
            }
            // It takes away: a no is a no whether that can be written down or not.
            let denied = self.answer_approval(&said).await;
            return written.and(noted.await).and(denied);
        }
        match call {
            BackendCall::OpenSession => {
                written?;
                record.durable().await?; // before it takes effect
                self.open_session(&identified, &body, now).await
            }
            BackendCall::AddTurn(id) => {
                written?;
                record.durable().await?;
                self.add_turn(&identified, &id, &body, now).await
            }
            // It takes away: the session is over whether that can be written down or not.
            BackendCall::EndSession(id) => {
                let ended = self.end_session(&identified, &id, now).await;
                written.and(ended)
            }
            BackendCall::ListApprovals { session } => {
                written?;
                self.list_approvals(&identified, &session, now).await
            }
            BackendCall::AnswerApproval { .. } => Err(Refusal::Internal),
        }
    }

    async fn backend_body(&self, identified: &mut Identified, record: &mut Record) -> Result<Held, Refusal> {
        let live = self.shared.live.load_full();
        let room = self.shared.metrics.bodies.room(live.bounds.bodies_bytes_max, &identified.bot().bodies);
        let request = identified.request_mut();
        check_head(request.headers(), &live.bounds)?;
        let max = live.bounds.body_bytes_max.min(BODY_BYTES_MAX);
        let body = collect(request.body_mut(), max, room, live.timeouts.body).await?;
        record.bytes_in(body.len());
        Document::parse(&body, &json_bounds(&live.bounds))
            .map_err(|error| Refusal::Unreadable(error.into()))?;
        Ok(body)
    }

    async fn open_session(&self, identified: &Identified, body: &[u8], now: UnixMs) -> Result<Own, Refusal> {
        let OpenBody { user, claims, ttl_s } =
            read(body, r#"{"user": "…", "claims"?: {…}, "ttl_s"?: 3600}"#)?;
        let user = UserName::parse(&user).map_err(|why| field("user", &why))?;
        self.stopped(identified.caller(), Some(&user))?;
        let claims = claims.map_or("{}", RawValue::get);
        let claims = Claims::parse(claims).map_err(|why| field("claims", &why))?;
        let open = OpenSession::new(user, claims, ttl_s.map(Duration::from_secs))
            .map_err(|why| field("ttl_s", &why))?;
        let opened = self.shared.authenticator.open_session(identified.caller(), open, now).await;
        let (token, session) = opened.map_err(refuse_open)?;
        let body = serde_json::json!({
            "id": session.id.as_str(),
            "token": token.expose(),
            "expires_at": session.expires.rfc3339(),
        });
        Ok(Own { status: StatusCode::CREATED, body: body.to_string().into() })
    }

    async fn add_turn(
        &self,
        identified: &Identified,
        id: &str,
        body: &[u8],
        now: UnixMs,
    ) -> Result<Own, Refusal> {
        let id = SessionId::parse(id).map_err(|_| Refusal::NoSession)?;
        let who = Who { bot: &identified.caller().bot, session: Some(&id), user: None };
        if self.shared.quarantine.stops(who).is_some() {
            return Err(Refusal::Quarantined);
        }
        let idempotency = idempotency_key(identified.headers())?;
        let TurnBody { text, pasted } = read(body, r#"{"text": "…", "pasted"?: [[start, end]]}"#)?;
        let turn = Turn::new(text, &pasted).map_err(|why| field("text", &why))?;
        let kept =
            self.shared.authenticator.add_turn(identified.caller(), &id, &turn, &idempotency, now).await;
        // Whether or not it was acknowledged, it may be kept.
        self.shared.desk.spoken(&id);
        let receipt = kept.map_err(refuse_turn)?;
        Ok(Own {
            status: StatusCode::CREATED,
            body: serde_json::json!({ "id": receipt.id }).to_string().into(),
        })
    }

    async fn end_session(&self, identified: &Identified, id: &str, now: UnixMs) -> Result<Own, Refusal> {
        let id = SessionId::parse(id).map_err(|_| Refusal::NoSession)?;
        let ended = self.shared.authenticator.end_session(identified.caller(), &id, now).await;
        ended.map_err(|error| match error {
            EndError::NotAllowed => Refusal::NoRight(botwarden_identity::Right::Session),
            EndError::NotFound => Refusal::NoSession,
            EndError::Store(error) => store_failed(&error),
        })?;
        Ok(Own { status: StatusCode::NO_CONTENT, body: Bytes::new() })
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8], expected: &str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        // serde's message quotes the offending value only for types, never strings' contents beyond names of fields.
        let at = format!("line {} column {}", error.line(), error.column());
        Refusal::Field { param: "body", message: format!("the body is not of the form {expected}: see {at}") }
    })
}

fn field(param: &'static str, why: &dyn std::fmt::Display) -> Refusal {
    Refusal::Field { param, message: format!("`{param}`: {why}") }
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Refusal> {
    let expected = "1 to 255 printable ASCII characters, a new one for each turn";
    let bad = || Refusal::Header { name: "idempotency-key", expected };
    // Without one each posting is a turn of its own.
    let Some(value) = single(headers, &IDEMPOTENCY_KEY)? else {
        return IdempotencyKey::fresh().map_err(|error| {
            tracing::error!(%error, "no randomness");
            Refusal::Internal
        });
    };
    IdempotencyKey::parse(value.to_str().map_err(|_| bad())?).map_err(|_| bad())
}

fn refuse_open(error: OpenError) -> Refusal {
    match error {
        OpenError::NotAllowed => Refusal::NoRight(botwarden_identity::Right::Session),
        OpenError::Invalidated => Refusal::BadCredential,
        OpenError::TooMany { .. } | OpenError::Full { .. } => Refusal::SessionLimit(error.to_string()),
        OpenError::Randomness(error) => {
            tracing::error!(%error, "no randomness");
            Refusal::Internal
        }
        OpenError::Store(error) => store_failed(&error),
    }
}

fn refuse_turn(error: TurnError) -> Refusal {
    match error {
        TurnError::NotAllowed => Refusal::NoRight(botwarden_identity::Right::Session),
        TurnError::NotFound | TurnError::Ended => Refusal::NoSession,
        TurnError::Conflict => Refusal::IdempotencyConflict,
        TurnError::TooMany { .. } => Refusal::SessionLimit(error.to_string()),
        TurnError::Randomness(error) => {
            tracing::error!(%error, "no randomness");
            Refusal::Internal
        }
        TurnError::Store(error) => store_failed(&error),
    }
}

fn store_failed(error: &dyn std::error::Error) -> Refusal {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    let cause = chain.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    tracing::error!(%error, cause, "the store did not answer");
    Refusal::Store
}
