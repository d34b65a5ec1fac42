//! What the fuzz target asserts of what lies inside sealed cells: it is written so that it reads the same.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

use botwarden_crypto::Digest;
use botwarden_identity::StoredSession;
use botwarden_types::{BotName, KeptExchange, KeyId, RequestId, SessionId, UnixMs};

use super::session::SessionContent;
use super::turn::TurnContent;
use super::{approval, content};

pub(crate) fn check(bytes: &[u8]) {
    exchange(bytes);
    session(bytes);
    turn(bytes);
    approval::fuzz(bytes);
}

fn exchange(bytes: &[u8]) {
    let Some(opened) = content::read(bytes) else { return };
    let texts = opened.content.as_ref().map_or(0, |it| it.question.bytes.len() + it.answer.bytes.len());
    assert!(texts < bytes.len());
    let kept = KeptExchange {
        request: RequestId::parse("req_a").unwrap(),
        bot: BotName::parse("shop").unwrap(),
        key: KeyId::parse("key_a").unwrap(),
        session: None,
        user: opened.user,
        at: UnixMs(1),
        expires: UnixMs(2),
        operation: String::new(),
        model: opened.model,
        status: 200,
        verdict: String::new(),
        tokens: None,
        complete: true,
        content: opened.content,
    };
    let again = content::read(&content::encode(&kept).unwrap()).unwrap();
    assert_eq!((again.user, again.model, again.content), (kept.user, kept.model, kept.content));
}

fn session(bytes: &[u8]) {
    let Some((user, claims)) = SessionContent::read(bytes) else { return };
    let session = StoredSession {
        id: SessionId::parse("ses_a").unwrap(),
        hash: Digest::from_stored(&[1; 32]).unwrap(),
        bot: BotName::parse("shop").unwrap(),
        key: KeyId::parse("key_a").unwrap(),
        user,
        claims,
        created: UnixMs(1),
        expires: UnixMs(2),
    };
    let (user, claims) = SessionContent::read(&SessionContent::encode(&session).unwrap()).unwrap();
    assert!(user == session.user && claims == session.claims);
}

fn turn(bytes: &[u8]) {
    let Some(turn) = TurnContent::read(bytes) else { return };
    for span in turn.pasted() {
        assert!(turn.text().get(span.start..span.end).is_some_and(|pasted| !pasted.is_empty()));
    }
    assert!(TurnContent::read(&TurnContent::encode(&turn).unwrap()).unwrap() == turn);
}
