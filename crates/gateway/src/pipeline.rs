//! The life of a request, on one page.
//!
//! Each stage takes what the one before it made, and only that one can make it: `forward` wants a `Permitted`, which wants
//! an `Inspected`, which wants a `Charged`. Cheapest refusal first. The order is a security property: see `docs/adr`.

use std::sync::Arc;

use http::Response;
use hyper::Request;
use hyper::body::Incoming;

use crate::outcome::Stage;
use crate::refusal::Refusal;
use crate::route::{Route, voice_of};
use crate::server::{Peer, Worker};
use crate::stage::answer::Answer;
use crate::stage::disclose;
use crate::stage::identify::Identified;
use crate::stage::record::Record;
use crate::stage::screen::Screened;
use crate::tools::{self, ToolReply};

/// What a model said, on its way through; what a tool said; or what we answer ourselves.
pub(crate) enum Reply {
    Screened(Screened),
    Own(disclose::Own),
    Tools(ToolReply),
}

impl Worker {
    /// Serves one request. Whatever happens below (refusal, hang-up), its outcome is recorded once, after the last byte.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Box<Request<Incoming>>,
        peer: Peer,
    ) -> Response<Answer> {
        let mut record = Record::begin(&self.shared);
        let voice = voice_of(request.uri(), request.headers());
        let hosts = &self.shared.hosts;
        let challenge = tools::challenge(request.uri(), request.headers(), hosts);
        let reply = self.answer(request, peer, &mut record).await;
        let reply = record.durable().await.and(reply); // no byte of an answer before its decision is on disk
        match reply {
            Ok(Reply::Screened(screened)) => disclose::passing(voice, screened, record),
            Ok(Reply::Own(own)) => disclose::own(own, record),
            Ok(Reply::Tools(reply)) => disclose::tools(reply, record),
            Err(refusal) => disclose::refusal(voice, challenge, &refusal, record),
        }
    }

    async fn answer(
        &self,
        request: Box<Request<Incoming>>,
        peer: Peer,
        record: &mut Record,
    ) -> Result<Reply, Refusal> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        if let Some(own) = tools::resource(method, uri, headers, &self.shared.hosts) {
            return own.map(Reply::Own); // for those who have no credential yet
        }
        let identified = self.identify(request, peer, record)?; // headers only; no body read for strangers
        record.end(Stage::Identify);
        if let Route::Backend(_) = identified.route() {
            return Box::pin(self.backend(identified, record)).await.map(Reply::Own);
        }
        if let Route::Tools(_) = identified.route() {
            return Box::pin(self.tools(identified, record)).await.map(Reply::Tools);
        }
        self.converse(identified, record).await
    }

    async fn converse(&self, identified: Identified, record: &mut Record) -> Result<Reply, Refusal> {
        let admitted = self.admit(identified)?; // limits known from the head: a look, nothing charged yet
        record.end(Stage::Admit);
        if let Route::Root = admitted.route() {
            return Ok(Reply::Own(disclose::root(&admitted)));
        }
        let read = self.read(admitted, record).await?; // bounded, parsed once
        record.end(Stage::Read);
        let charged = self.charge(read, record)?; // every level at once: all or none
        record.end(Stage::Charge);
        let inspected = self.inspect(charged); // what is in it
        let permitted = self.permit(inspected)?; // whether the bot may ask that
        record.end(Stage::Permit);
        self.keep(&permitted, record).await?; // room for what is kept of it
        self.decide(&permitted, record)?; // written; the sync overlaps the wait for the upstream
        let answered = self.forward(permitted, record).await?;
        let screened = self.screen(answered, record).await?; // goes on while the answer passes
        record.end(Stage::Screen);
        Ok(Reply::Screened(screened))
    }
}
