//! What one node changes is in force on the others.

use std::sync::Arc;

use botwarden_identity::keys::{NewKey, issue, revoke};
use botwarden_identity::{
    Authenticator, Bounds, Claims, Credential, IdentifyError, Inserted, OpenSession, Rights, Wiring,
};
use botwarden_policy::quarantine::{Quarantine, Scope, Stop};
use botwarden_store::{Change, Changes};
use botwarden_types::UserName;

use super::Site;
use crate::conformance::{Backend, LATER, MUCH_LATER, NOW, bot, session};

/// A serving node: what it hears it puts in force.
struct Node {
    backend: Backend,
    authenticator: Authenticator,
    quarantine: Quarantine,
    changes: Changes,
}

impl Node {
    async fn start(site: &Site, name: &str) -> Self {
        let backend = site.node(name).await;
        let changes = backend.store.changes().await.unwrap().unwrap();
        let wiring = Wiring {
            keys: Arc::clone(&backend.keys),
            sessions: Arc::clone(&backend.sessions),
            pepper: backend.pepper.clone(),
            index: backend.index.clone(),
            bounds: Bounds::default(),
        };
        let authenticator = Authenticator::load(wiring, NOW).await.unwrap();
        Self { backend, authenticator, quarantine: Quarantine::default(), changes }
    }

    /// Hears of the next change and acts on it.
    async fn hear(&mut self) -> Change {
        let change = self.changes.next().await.unwrap();
        match &change {
            Change::Keys => drop(self.authenticator.refresh_keys().await.unwrap()),
            Change::Stops => {
                let store = self.backend.store.quarantine();
                self.quarantine.refresh_if_changed(&*store).await.unwrap();
            }
            Change::Session(id) => self.authenticator.refresh_session(id, LATER).await.unwrap(),
            Change::Anything => {
                self.backend.keyring.forget_destroyed().await.unwrap();
                self.authenticator.refresh_keys().await.unwrap();
                self.authenticator.refresh_sessions(LATER).await.unwrap();
            }
        }
        change
    }
}

fn backend() -> NewKey {
    NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None }
}

#[tokio::test]
async fn keys_and_sessions_of_one_node_are_in_force_on_the_other() {
    let Some(site) = Site::new() else { return };
    let (mut one, mut two) = (Node::start(&site, "one").await, Node::start(&site, "two").await);
    let (key, record) = issue(&*one.backend.keys, &one.backend.pepper, backend(), NOW).await.unwrap();
    let key = Credential::Key(key);
    one.authenticator.refresh_keys().await.unwrap();
    assert_eq!(two.authenticator.identify(&key, NOW).map(drop), Err(IdentifyError::Unknown), "not told yet");
    assert_eq!(two.hear().await, Change::Keys);
    let caller = two.authenticator.identify(&key, NOW).unwrap();

    let open = || OpenSession::new(UserName::parse("alice").unwrap(), Claims::default(), None).unwrap();
    let (ended, session) = two.authenticator.open_session(&caller, open(), NOW).await.unwrap();
    let (kept, _) = two.authenticator.open_session(&caller, open(), NOW).await.unwrap();
    let [ended, kept] = [ended, kept].map(Credential::Session);
    assert_eq!(
        one.authenticator.identify(&ended, NOW).map(drop),
        Err(IdentifyError::Unknown),
        "not told yet"
    );
    assert_eq!(one.hear().await, Change::Session(session.id.clone()));
    one.hear().await;
    for node in [&one, &two] {
        assert_eq!(node.authenticator.identify(&ended, NOW).unwrap().user().unwrap().as_str(), "alice");
        assert!(node.authenticator.identify(&kept, NOW).is_ok());
    }
    let in_flight = two.authenticator.identify(&ended, NOW).unwrap();
    one.authenticator.end_session(&caller, &session.id, LATER).await.unwrap();
    assert_eq!(two.hear().await, Change::Session(session.id.clone()));
    assert_eq!(in_flight.taken_back().await, IdentifyError::Ended, "streams are cut");
    assert!(two.authenticator.identify(&ended, LATER).is_err());

    revoke(&*one.backend.keys, &record.id, LATER).await.unwrap();
    assert_eq!(two.hear().await, Change::Keys);
    for credential in [&key, &kept] {
        assert_eq!(two.authenticator.identify(credential, LATER).map(drop), Err(IdentifyError::Revoked));
    }
}

#[tokio::test]
async fn an_erased_person_is_forgotten_by_every_node() {
    let Some(site) = Site::new() else { return };
    let (one, mut two) = (Node::start(&site, "one").await, Node::start(&site, "two").await);
    let (key, _) = issue(&*two.backend.keys, &two.backend.pepper, backend(), NOW).await.unwrap();
    two.authenticator.refresh_keys().await.unwrap();
    let caller = two.authenticator.identify(&Credential::Key(key), NOW).unwrap();
    let alice = UserName::parse("alice").unwrap();
    let open = OpenSession::new(alice.clone(), Claims::default(), None).unwrap();
    let (token, _) = two.authenticator.open_session(&caller, open, NOW).await.unwrap();
    let erased = one.backend.store.erase_subject(&bot("shop"), &alice, LATER).await.unwrap();
    assert_eq!(erased.sessions, 1);
    assert_eq!(two.hear().await, Change::Anything);
    assert!(two.authenticator.identify(&Credential::Session(token), LATER).is_err());
}

#[tokio::test]
async fn what_one_node_stops_is_stopped_on_the_other() {
    let Some(site) = Site::new() else { return };
    let (one, mut two) = (Node::start(&site, "one").await, Node::start(&site, "two").await);
    let stop = Stop { scope: Scope::Everything, reason: "r".into(), by: "uid:0".into(), since: NOW };
    one.backend.store.quarantine().stop(&stop).await.unwrap();
    assert!(!two.quarantine.stops_tool(&bot("shop"), "bank", "pay"), "not told yet");
    assert_eq!(two.hear().await, Change::Stops);
    assert!(two.quarantine.stops_tool(&bot("shop"), "bank", "pay"));
    one.backend.store.quarantine().lift(&stop.scope).await.unwrap();
    assert_eq!(two.hear().await, Change::Stops);
    assert!(!two.quarantine.stops_tool(&bot("shop"), "bank", "pay"));
}

/// The news is still on its way: nothing is sealed under a key that nobody has any more.
#[tokio::test]
async fn what_is_written_by_a_node_that_does_not_know_of_an_erasure_can_be_read() {
    let Some(site) = Site::new() else { return };
    let (one, two) = (site.node("one").await, site.node("two").await);
    let (_, key) = two.issue("shop").await;
    let first = two.session("ses_first", &key, MUCH_LATER).await; // it keeps the person's key in memory
    one.store.erase_subject(&bot("shop"), &first.user, LATER).await.unwrap();
    let again = session("ses_again", &key, MUCH_LATER, &two.pepper);
    assert_eq!(two.sessions.insert_session(&again).await.unwrap(), Inserted::Yes);
    let fresh = site.node("three").await;
    assert_eq!(fresh.sessions.live_sessions(LATER).await.unwrap(), [again]);
}
