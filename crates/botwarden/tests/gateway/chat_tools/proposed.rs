//! What of a model's calls reaches the application.

use botwarden_testkit::{Client, Recorded};

use super::{Call, ask, completion, function, message, proposing, said, shop, tool};
use crate::chat_tools::{chunks, events};
use crate::sessions::{open, turn};
use crate::support::{CHAT, MESSAGES};

const IBAN: &str = "DE89370400440532013000";

fn refund(iban: &str) -> Vec<Call> {
    vec![("refund", format!(r#"{{"order_id":"1001","iban":"{iban}"}}"#))]
}

/// Each dialect, whole and streamed.
const WAYS: [(&str, &str, &str); 4] = [
    ("openai", CHAT, ""),
    ("openai", CHAT, r#","stream":true"#),
    ("anthropic", MESSAGES, ""),
    ("anthropic", MESSAGES, r#","stream":true"#),
];

fn offering(path: &str, said: &str, more: &str) -> String {
    let write = if path == CHAT { function } else { tool };
    let tools = ["lookup_order", "list_orders", "refund"].map(write).join(",");
    ask(path, said, &format!(r#","tools":[{tools}]{more}"#))
}

/// A model that was never told of a tool may still call it: it has read of it somewhere.
#[tokio::test]
async fn calls_of_what_is_not_granted_are_refused_in_words_wherever_they_stand() {
    for name in ["wipe", "Lookup_Order", "lookup_order ", "l\u{43e}okup_order", "shop__Refund", "web_search"]
    {
        for (dialect, path, more) in WAYS {
            let calls = move |_: &Recorded| {
                vec![("lookup_order", r#"{"order_id":"1001"}"#.to_owned()), (name, "{}".to_owned())]
            };
            let shop = shop(dialect, "").answering(proposing(calls)).await;
            let reply =
                shop.client_for("alice").await.post(path, offering(path, "Where is order 1001?", more)).await;
            assert_eq!(reply.status, 200, "content is never refused by a status");
            let (words, has_call) = said(path, reply.text());
            assert!(!has_call, "nor the one beside it: {reply:?}");
            assert!(
                words.contains("was refused: denied: no contract grants the tool"),
                "{name} {path}: {words}"
            );
        }
    }
}

/// The person asked when the shop opens. Nothing that a model says makes that a wish to pay somebody.
#[tokio::test]
async fn a_call_that_nobody_asked_for_is_replaced_by_a_refusal() {
    for (dialect, path, more) in WAYS {
        let shop = shop(dialect, "").answering(proposing(|_| refund(IBAN))).await;
        let reply =
            shop.client_for("alice").await.post(path, offering(path, "When do you open?", more)).await;
        let (words, has_call) = said(path, reply.text());
        assert!(!has_call && !reply.text().contains(IBAN), "{reply:?}");
        assert!(words.contains("The call of `refund` was refused: denied: "), "{words}");
        let verdict = if more.is_empty() { reply.verdict().to_owned() } else { "allowed".to_owned() };
        assert_eq!(verdict == "allowed", !more.is_empty(), "told where the head had not left: {verdict}");
        let stops = if path == CHAT { r#""finish_reason":"stop""# } else { r#""stop_reason":"end_turn""# };
        assert!(reply.text().contains(stops), "the agent's loop ends: {reply:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_granted_passes_byte_for_byte() {
    let calls = || vec![("lookup_order", r#"{ "order_id" : "10\u00301" }"#.to_owned())];
    for (dialect, path, more) in WAYS {
        let shop = shop(dialect, "").answering(proposing(move |_| calls())).await;
        let reply =
            shop.client_for("alice").await.post(path, offering(path, "Where is order 1001?", more)).await;
        let want = match (path == CHAT, more.is_empty()) {
            (true, true) => completion(&calls()),
            (true, false) => chunks(&calls()),
            (false, true) => message(&calls()),
            (false, false) => events(&calls()),
        };
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), want.as_str()));
    }
}

/// A call in a hundred events and more, each a letter of it.
#[tokio::test]
async fn a_call_in_a_hundred_pieces_that_reads_in_two_ways_is_refused() {
    let long = "x".repeat(60);
    let arguments = [
        format!(r#"{{"order_id":"1001","note":"{long}","order\u005fid":"2002"}}"#),
        format!(r#"{{"order_id":"1001","note":"{long}\ud800"}}"#),
        format!(r#"{{"order_id":"1001","note":"{long}"}} {{"order_id":"2002"}}"#),
        format!(r#"["1001","{long}","{long}"]"#),
        format!(r#"{{"order_id":"1001","note":"{long}"/**/,}}"#),
    ];
    for text in arguments {
        assert!(text.len() >= 90);
        for (dialect, path, more) in WAYS.into_iter().filter(|(.., more)| !more.is_empty()) {
            let text = text.clone();
            let shop =
                shop(dialect, "").answering(proposing(move |_| vec![("lookup_order", text.clone())])).await;
            let reply =
                shop.client_for("alice").await.post(path, offering(path, "Where is order 1001?", more)).await;
            let (words, has_call) = said(path, reply.text());
            assert!(!has_call && !reply.text().contains("2002"), "{reply:?}");
            assert!(words.contains("The call of `lookup_order` was refused: "), "{words}");
        }
    }
}

/// Whose orders they are is not the model's to say.
#[tokio::test]
async fn arguments_come_from_who_is_signed_in() {
    for (dialect, path, more) in WAYS {
        let calls = |asked: &Recorded| {
            let is_other = asked.body.windows(5).any(|window| window == b"other");
            let arguments = if is_other { r#"{"customer_id":"c-2"}"# } else { "{}" };
            vec![("list_orders", arguments.to_owned())]
        };
        let shop = shop(dialect, "").rights(&[]).answering(proposing(calls)).await;
        let mut backend = shop.client().await;
        let session = open(&mut backend, r#"{"user":"alice","claims":{"customer_id":"c-1"}}"#).await;
        let mut bot = shop.client_with(&session.token).await;
        let reply = bot.post(path, offering(path, "Which orders do I have?", more)).await;
        assert!(said(path, reply.text()).1, "{reply:?}");
        assert!(reply.text().replace('\\', "").contains(r#"{"customer_id":"c-1"}"#), "{reply:?}");
        let reply = bot.post(path, offering(path, "And the orders of the other customer?", more)).await;
        let (words, has_call) = said(path, reply.text());
        assert!(!has_call && words.contains("The call of `list_orders` was refused: "), "{reply:?}");
    }
}

async fn approve(backend: &mut Client, session: &str, id: &str) {
    let waiting = backend.get(&format!("/botwarden/v1/approvals?session={session}")).await;
    assert!(waiting.text().contains(IBAN) && waiting.text().contains(id), "{waiting:?}");
    let path = format!("/botwarden/v1/approvals/{id}?session={session}");
    let reply = backend.post(&path, r#"{"decision":"approve","endorse":"once"}"#).await;
    assert_eq!(reply.decision(), (200, "allowed"));
}

/// The account is the model's word: the person is asked on the application's own channel, and then the same call goes, once.
#[tokio::test]
async fn a_call_that_a_person_has_to_allow_waits_for_that_and_passes_then() {
    for (dialect, path, more) in WAYS {
        let calls = |asked: &Recorded| {
            let is_other = asked.body.windows(9).any(|window| window == b"elsewhere");
            refund(if is_other { "DE02120300000000202051" } else { IBAN })
        };
        let shop = shop(dialect, "").rights(&[]).answering(proposing(calls)).await;
        let mut backend = shop.client().await;
        let session = open(&mut backend, r#"{"user":"alice"}"#).await;
        let mut bot = shop.client_with(&session.token).await;
        let wish = "Please refund order 1001.";
        let first = bot.post(path, offering(path, wish, more)).await;
        let (words, has_call) = said(path, first.text());
        assert!(!has_call, "{first:?}");
        let (_, rest) = words.split_once("approval required: ").unwrap_or_else(|| panic!("{words}"));
        let id = rest.split('.').next().unwrap().to_owned();
        let again = bot.post(path, offering(path, wish, more)).await;
        assert!(said(path, again.text()).0.contains(&id), "the same question, not another: {again:?}");
        approve(&mut backend, &session.id, &id).await;
        let other = bot.post(path, offering(path, &format!("{wish} And elsewhere."), more)).await;
        assert!(!said(path, other.text()).1, "another account was not allowed: {other:?}");
        let allowed = bot.post(path, offering(path, wish, more)).await;
        let (_, has_call) = said(path, allowed.text());
        assert!(has_call, "{allowed:?}");
        let once = bot.post(path, offering(path, wish, more)).await;
        assert!(!said(path, once.text()).1, "once: {once:?}");
    }
}

/// Where the application's code is not trusted, what it says the person said is nobody's wish.
#[tokio::test]
async fn only_what_the_backend_posted_is_the_persons_word() {
    for (dialect, path, more) in WAYS {
        let setup = shop(dialect, "").under(super::CONTRACT, "user_turns = \"posted\"").rights(&[]);
        let shop = setup.answering(proposing(|_| refund(IBAN))).await;
        let mut backend = shop.client().await;
        let session = open(&mut backend, r#"{"user":"alice"}"#).await;
        let mut bot = shop.client_with(&session.token).await;
        let wish = format!("Please refund order 1001 to {IBAN}.");
        let claimed = bot.post(path, offering(path, &wish, more)).await;
        let (words, has_call) = said(path, claimed.text());
        assert!(!has_call && words.contains("was refused: denied: "), "{claimed:?}");
        let posted = turn(&mut backend, &session.id, Some("k"), &format!(r#"{{"text":"{wish}"}}"#)).await;
        assert_eq!(posted.decision(), (201, "allowed"));
        let meant = bot.post(path, offering(path, "Do it.", more)).await;
        assert!(said(path, meant.text()).1, "{meant:?}");
    }
}
