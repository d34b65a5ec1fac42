//! What a person is asked, and how the application and operators answer.

use std::sync::Arc;

use botwarden_policy::approval::{
    Answerers, ApprovalId, ApprovalStore, Asked, Evidence, Party, PendingMax, People, Question, Redeemed,
};
use botwarden_policy::{ExactCall, Holder, Outcome};
use botwarden_store::{DataDir, Engine, FileRoot, Store};
use botwarden_testkit::{Client, Gateway, Reply};
use botwarden_types::{BotName, Clock, KeyId, SessionId, SystemClock, UnixMs, UserName};

use crate::sessions::{Opened, end, open, shop_with_backend};
use crate::support::SESSIONS;

/// The store of a gateway, as another process finds it.
pub(crate) async fn store_of(gateway: &Gateway) -> Store {
    let data = DataDir::existing(&gateway.folder().join("botwarden-data")).unwrap();
    let engine = Engine::connect(&data, None).await.unwrap();
    let keyring = engine.keyring(FileRoot::open(&data).unwrap(), now()).await.unwrap();
    Store::open(&engine, Arc::new(keyring)).await.unwrap()
}

fn now() -> UnixMs {
    SystemClock.now().wall
}

fn question(session: &Opened, to: &str) -> Question {
    let holder = Holder {
        bot: BotName::parse("shop").unwrap(),
        key: KeyId::parse("key_a").unwrap(),
        session: Some(SessionId::parse(&session.id).unwrap()),
        user: Some(UserName::parse("alice").unwrap()),
    };
    let arguments = format!(r#"{{"amount":12.50,"to":"{to}"}}"#);
    let finding = Evidence {
        at: "to".into(),
        outcome: Outcome::Ask,
        origin: "third-party".into(),
        text: "found in bill.txt, never used before".into(),
    };
    Question {
        call: ExactCall::from_canonical(holder, "bank", "pay", arguments.into()).unwrap(),
        text: format!("Pay 12.50 to {to}?"),
        findings: vec![finding],
        parties: vec![Party { argument: "to".into(), value: to.into() }],
        answerers: Answerers::Both,
        needed: People::One,
        created: now(),
        expires: now().after(std::time::Duration::from_secs(900)),
    }
}

/// Asks as the gateway does, and gives the name it waits under.
pub(crate) async fn ask(approvals: &dyn ApprovalStore, question: &Question) -> String {
    let id = ApprovalId::random().unwrap();
    match approvals.ask(&id, question, PendingMax::default()).await.unwrap() {
        Asked::Pending(id, _) => id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Asks in a session whether to pay somebody.
pub(crate) async fn ask_to_pay(approvals: &dyn ApprovalStore, session: &Opened, to: &str) -> String {
    ask(approvals, &question(session, to)).await
}

async fn redeem(approvals: &dyn ApprovalStore, session: &Opened, to: &str) -> Redeemed {
    approvals.redeem(&question(session, to).call, now()).await.unwrap()
}

async fn waiting(client: &mut Client, session: &str) -> Reply {
    client.get(&format!("/botwarden/v1/approvals?session={session}")).await
}

async fn answer(client: &mut Client, session: &str, id: &str, body: &str) -> Reply {
    client.post(&format!("/botwarden/v1/approvals/{id}?session={session}"), body.to_owned()).await
}

/// What differs each time is not shown.
pub(crate) fn without(mut json: serde_json::Value, places: &[&str]) -> serde_json::Value {
    for place in places {
        *json.pointer_mut(place).unwrap() = "…".into();
    }
    json
}

const YES: &str = r#"{"decision":"approve","endorse":"once"}"#;
const NO: &str = r#"{"decision":"deny"}"#;

#[tokio::test]
async fn the_application_shows_the_question_and_answers_it() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    assert_eq!(waiting(&mut backend, &alice.id).await.text(), r#"{"approvals":[]}"#);
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    let shown = waiting(&mut backend, &alice.id).await;
    assert_eq!(shown.decision(), (200, "allowed"));
    let hidden = ["/approvals/0/id", "/approvals/0/created_at", "/approvals/0/expires_at"];
    insta::assert_json_snapshot!("approvals_of_a_session", without(shown.json(), &hidden));
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::No);
    for _ in 0..2 {
        // The second, because the first answer was lost on its way.
        let reply = answer(&mut backend, &alice.id, &id, YES).await;
        assert_eq!(reply.decision(), (200, "allowed"));
        assert_eq!(reply.text(), format!(r#"{{"id":"{id}","state":"approved"}}"#));
    }
    assert_eq!(waiting(&mut backend, &alice.id).await.text(), r#"{"approvals":[]}"#);
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::Yes(ApprovalId::parse(&id).unwrap()));
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::No);
    let late = answer(&mut backend, &alice.id, &id, NO).await;
    assert_eq!(late.decision(), (409, "approval-over"));
    assert_eq!(late.header("x-should-retry"), "false");
    let verified = shop.gateway.command(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
    let tail = shop.gateway.command(&["audit", "tail"]).await;
    let tail = String::from_utf8(tail.stdout).unwrap();
    assert!(tail.contains("approval.approve") && tail.contains(&id), "{tail}");
    assert!(!tail.contains("DE1"), "nothing personal");
}

#[tokio::test]
async fn an_answer_may_make_a_payee_known() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    let reply = answer(&mut backend, &alice.id, &id, r#"{"decision":"approve","endorse":"known"}"#).await;
    assert_eq!(reply.decision(), (200, "allowed"));
    let (bot, user) = (BotName::parse("shop").unwrap(), UserName::parse("alice").unwrap());
    let known = approvals.known_for(&bot, &user).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].party.value, "DE1");
}

#[tokio::test]
async fn the_bot_cannot_answer_for_its_user() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let bob = open(&mut backend, r#"{"user":"bob"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    let (chat, sessions) =
        (shop.gateway.key("shop", &["chat"]).await, shop.gateway.key("shop", &["session"]).await);
    for (name, credential) in
        [("a session's token", &alice.token), ("the bot's key", &chat), ("a key for sessions", &sessions)]
    {
        let mut client = shop.client_with(credential).await;
        assert_eq!(waiting(&mut client, &alice.id).await.decision(), (403, "no-right"), "{name}");
        for body in [YES, NO] {
            let reply = answer(&mut client, &alice.id, &id, body).await;
            assert_eq!(reply.decision(), (403, "no-right"), "{name}");
        }
    }
    for (name, session, approval, body, want) in [
        ("another session", bob.id.as_str(), id.as_str(), YES, (404, "no-approval")),
        ("another session's no", &bob.id, &id, NO, (404, "no-approval")),
        ("no session", "ses_none", &id, YES, (404, "no-approval")),
        ("another name", &alice.id, "apr_aaaaaaaaaaaaaaaaaaaaaaaaaa", YES, (404, "no-approval")),
        ("no name", &alice.id, "x", YES, (404, "no-approval")),
        ("no decision", &alice.id, &id, "{}", (400, "bad-field")),
        ("another word", &alice.id, &id, r#"{"decision":"yes"}"#, (400, "bad-field")),
        ("another reach", &alice.id, &id, r#"{"decision":"approve","endorse":"always"}"#, (400, "bad-field")),
        ("a field nobody knows", &alice.id, &id, r#"{"decision":"approve","by":"bob"}"#, (400, "bad-field")),
        (
            "two decisions",
            &alice.id,
            &id,
            r#"{"decision":"deny","decision":"approve"}"#,
            (400, "malformed-request"),
        ),
    ] {
        assert_eq!(answer(&mut backend, session, approval, body).await.decision(), want, "{name}");
    }
    let unnamed = backend.post(&format!("/botwarden/v1/approvals/{id}"), YES).await;
    assert_eq!(unnamed.decision(), (400, "unknown-query"));
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::No, "nothing of it was an answer");
    assert_eq!(waiting(&mut backend, &alice.id).await.json()["approvals"][0]["id"], id.as_str());
}

#[tokio::test]
async fn the_end_of_a_session_takes_back_what_waits() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    assert_eq!(end(&mut backend, &alice.id).await.status, 204);
    let reply = answer(&mut backend, &alice.id, &id, YES).await;
    assert_eq!(reply.decision(), (409, "approval-over"));
    assert!(reply.text().contains("it was withdrawn"), "{}", reply.text());
}

#[tokio::test]
async fn a_yes_that_cannot_be_written_down_is_none() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    shop.gateway.fill_disk().await;
    assert_eq!(answer(&mut backend, &alice.id, &id, YES).await.status, 503);
    shop.gateway.make_room().await;
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::No);
}

#[tokio::test]
async fn operators_answer_while_the_server_runs() {
    let shop = shop_with_backend().await;
    let approvals = store_of(&shop.gateway).await.approvals();
    let mut backend = shop.client().await;
    let alice = open(&mut backend, r#"{"user":"alice"}"#).await;
    let id = ask_to_pay(&*approvals, &alice, "DE1").await;
    let run = async |arguments: &[&str]| {
        let output = shop.gateway.command(arguments).await;
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code().unwrap(), out, err)
    };
    let (code, out, err) = run(&["approval", "list"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&id) && out.contains("bank__pay") && out.contains("alice"), "{out}");
    let (_, out, _) = run(&["approval", "list", "--bot", "bank"]).await;
    assert_eq!(out.lines().count(), 1, "{out}");
    let (_, shown, _) = run(&["approval", "show", &id]).await;
    for words in ["found in bill.txt", "third-party", r#"{"amount":12.50,"to":"DE1"}"#, "Pay 12.50 to DE1?"] {
        assert!(shown.contains(words), "{shown}");
    }
    let (_, json, _) = run(&["approval", "show", &id, "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let hidden = ["/id", "/session", "/created", "/expires"];
    insta::assert_json_snapshot!("approval_json", without(json, &hidden));
    let (code, out, err) = run(&["approval", "decide", &id, "approve", "--endorse", "known"]).await;
    assert_eq!(
        (code, out.as_str()),
        (0, format!("{id} was approved; it can be used once\n").as_str()),
        "{err}"
    );
    assert_eq!(waiting(&mut backend, &alice.id).await.text(), r#"{"approvals":[]}"#);
    let (code, out, _) = run(&["approval", "decide", &id, "deny"]).await;
    assert_eq!((code, out.as_str()), (0, format!("{id} was denied\n").as_str()), "until it is used");
    assert_eq!(redeem(&*approvals, &alice, "DE1").await, Redeemed::No);
    let (code, _, err) = run(&["approval", "decide", &id, "approve"]).await;
    assert!(code == 3 && err.contains("it is denied"), "{err}");
    let none = "apr_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (arguments, want) in [
        (&["approval", "decide", none, "approve"][..], 3),
        (&["approval", "show", none], 3),
        (&["approval", "show", "x"], 2),
        (&["approval", "decide", &id, "perhaps"], 2),
    ] {
        assert_eq!(run(arguments).await.0, want, "{arguments:?}");
    }
    let (_, out, _) = run(&["approval", "list", "--all", "--format", "json"]).await;
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&listed[0]["state"], listed[0]["answers"].as_array().unwrap().len()), (&"denied".into(), 2));
    let (_, tail, _) = run(&["audit", "tail"]).await;
    assert!(tail.contains("approval.approve-known") && tail.contains("approval.deny"), "{tail}");
    assert_eq!(backend.post(SESSIONS, r#"{"user":"bob"}"#).await.status, 201);
}
