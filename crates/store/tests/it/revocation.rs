//! The promise in one piece: when the command that revokes returns, the serving process refuses.

use std::sync::Arc;

use botwarden_identity::keys::{NewKey, issue, revoke};
use botwarden_identity::{
    Authenticator, Bounds, Claims, Credential, IdentifyError, OpenSession, Rights, Wiring,
};
use botwarden_store::control::{ControlListener, Handler, Notified, notify_keys_changed};
use botwarden_types::UserName;

use crate::conformance::{LATER, NOW, bot};
use crate::sqlite::Place;

/// What a serving process does at its start, in this order: listen, then read.
async fn serve(place: &Place) -> (Arc<Authenticator>, impl Future<Output = ()> + use<>) {
    let listener = ControlListener::bind(&place.data).unwrap();
    let store = Arc::new(place.open().await);
    let wiring = Wiring {
        keys: Arc::<botwarden_store::Sqlite>::clone(&store),
        sessions: store,
        pepper: place.pepper(),
        index: place.index(),
        bounds: Bounds::default(),
    };
    let authenticator = Arc::new(Authenticator::load(wiring, NOW).await.unwrap());
    let told = Arc::clone(&authenticator);
    let handler: Handler = Arc::new(move |_| {
        let told = Arc::clone(&told);
        Box::pin(async move { told.refresh_keys().await.map_err(Into::into) })
    });
    (authenticator, listener.serve(handler))
}

fn backend() -> NewKey {
    NewKey { bot: bot("shop"), rights: Rights::backend(), label: None, expires: None }
}

/// A server, and a command with a database connection of its own.
#[tokio::test]
async fn issued_and_revoked_keys_are_in_force_when_the_command_returns() {
    let place = Place::new().await;
    let (authenticator, serving) = serve(&place).await;
    let command = async {
        let store = place.open().await;
        let (key, record) = issue(&store, &place.pepper(), backend(), NOW).await.unwrap();
        let credential = Credential::Key(key);
        assert_eq!(
            authenticator.identify(&credential, NOW).map(drop),
            Err(IdentifyError::Unknown),
            "not told yet"
        );
        assert!(matches!(notify_keys_changed(&place.data).await, Ok(Notified::Acknowledged { .. })));
        let caller = authenticator.identify(&credential, NOW).unwrap();
        let open = OpenSession::new(UserName::parse("alice").unwrap(), Claims::default(), None).unwrap();
        let (token, _) = authenticator.open_session(&caller, open, NOW).await.unwrap();
        let token = Credential::Session(token);
        let in_flight = authenticator.identify(&token, NOW).unwrap();

        revoke(&store, &record.id, LATER).await.unwrap();
        assert!(matches!(notify_keys_changed(&place.data).await, Ok(Notified::Acknowledged { .. })));
        for credential in [&credential, &token] {
            assert_eq!(authenticator.identify(credential, LATER).map(drop), Err(IdentifyError::Revoked));
        }
        assert_eq!(in_flight.taken_back().await, IdentifyError::Revoked, "streams are cut");
    };
    tokio::select! {
        () = serving => panic!("the server stopped"),
        () = command => {}
    }
}

/// The news never arrives; the server asks by itself.
#[tokio::test]
async fn the_safety_net_notices_what_nobody_told() {
    let place = Place::new().await;
    let (authenticator, _not_polled) = serve(&place).await;
    let store = place.open().await;
    let (key, record) = issue(&store, &place.pepper(), backend(), NOW).await.unwrap();
    let credential = Credential::Key(key);
    authenticator.refresh_keys_if_changed().await.unwrap();
    assert!(authenticator.identify(&credential, NOW).is_ok());
    revoke(&store, &record.id, LATER).await.unwrap();
    authenticator.refresh_keys_if_changed().await.unwrap();
    assert_eq!(authenticator.identify(&credential, LATER).map(drop), Err(IdentifyError::Revoked));
}

/// Committed after the server had read its keys, before it answered on the socket: the news waits in the queue.
#[tokio::test]
async fn a_revocation_during_the_start_is_not_missed() {
    let place = Place::new().await;
    let store = place.open().await;
    let (key, record) = issue(&store, &place.pepper(), backend(), NOW).await.unwrap();
    let credential = Credential::Key(key);
    let (authenticator, serving) = serve(&place).await;
    revoke(&store, &record.id, LATER).await.unwrap();
    assert!(authenticator.identify(&credential, LATER).is_ok(), "read before");
    let told = notify_keys_changed(&place.data);
    tokio::select! {
        () = serving => panic!("the server stopped"),
        answer = told => assert!(matches!(answer, Ok(Notified::Acknowledged { .. }))),
    }
    assert_eq!(authenticator.identify(&credential, LATER).map(drop), Err(IdentifyError::Revoked));
}

#[tokio::test]
async fn sessions_survive_a_restart_of_the_server() {
    let place = Place::new().await;
    let (key, _) = issue(&place.open().await, &place.pepper(), backend(), NOW).await.unwrap();
    let token = {
        let (authenticator, _serving) = serve(&place).await;
        let caller = authenticator.identify(&Credential::Key(key), NOW).unwrap();
        let claims = Claims::parse(r#"{"customer_id":"C-7"}"#).unwrap();
        let open = OpenSession::new(UserName::parse("alice").unwrap(), claims, None).unwrap();
        Credential::Session(authenticator.open_session(&caller, open, NOW).await.unwrap().0)
    };
    let (authenticator, _serving) = serve(&place).await;
    let principal = authenticator.identify(&token, LATER).unwrap();
    assert_eq!(principal.user().unwrap().as_str(), "alice");
    assert_eq!(principal.session.unwrap().claims.len(), 1);
}
