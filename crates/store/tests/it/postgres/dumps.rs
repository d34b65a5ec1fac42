//! What a dump holds: the data without the keys, and nothing that could be read.

use std::sync::Arc;

use botwarden_identity::keys::{NewKey, issue};
use botwarden_identity::{
    Authenticator, Bounds, Claims, Credential, IdempotencyKey, OpenSession, Rights, Turn, Wiring,
};
use botwarden_types::UserName;

use super::Site;
use crate::conformance::{NOW, bot};

/// Stands in every personal text, and nowhere else.
const MARKER: &str = "MARKER-5f2c";

#[tokio::test]
async fn a_dump_of_the_data_holds_nothing_personal_and_no_key() {
    let Some(site) = Site::new() else { return };
    let node = site.node("one").await;
    let new =
        NewKey { bot: bot("shop"), rights: Rights::backend(), label: Some(MARKER.into()), expires: None };
    let (key, record) = issue(&*node.keys, &node.pepper, new, NOW).await.unwrap();
    let wiring = Wiring {
        keys: Arc::clone(&node.keys),
        sessions: Arc::clone(&node.sessions),
        pepper: node.pepper.clone(),
        index: node.index.clone(),
        bounds: Bounds::default(),
    };
    let authenticator = Authenticator::load(wiring, NOW).await.unwrap();
    let caller = authenticator.identify(&Credential::Key(key.clone()), NOW).unwrap();
    let claims = Claims::parse(&format!(r#"{{"{MARKER}":"{MARKER}","n":77123456789}}"#)).unwrap();
    let user = UserName::parse(&format!("{MARKER}@example.com")).unwrap();
    let open = OpenSession::new(user, claims, None).unwrap();
    let (token, session) = authenticator.open_session(&caller, open, NOW).await.unwrap();
    for at in 0..20 {
        let turn = Turn::new(format!("{MARKER} {at}"), &[(0, 5)]).unwrap();
        let idempotency = IdempotencyKey::parse(&format!("{MARKER}-{at}")).unwrap();
        authenticator.add_turn(&caller, &session.id, &turn, &idempotency, NOW).await.unwrap();
    }
    let dumps = [site.database.dump("botwarden"), site.database.dump("botwarden_keys")];
    assert!(dumps[0].contains(record.id.as_str()), "the search finds what is in the clear");
    assert!(dumps[0].contains(session.id.as_str()));
    for (name, secret) in [
        ("the marker", MARKER),
        ("a claim's number", "77123456789"),
        ("the key without its prefix", &key.expose()[3..]),
        ("the token without its prefix", &token.expose()[4..]),
    ] {
        // Bytes are dumped in hexadecimal.
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for dump in &dumps {
            assert_eq!(dump.matches(secret).count() + dump.matches(&hex).count(), 0, "{name}");
        }
    }
    assert!(!dumps[0].contains("tenant_keys") && !dumps[0].contains("data_keys"), "keys are dumped apart");
    let wrapped = site.database.sql("SELECT encode(wrapped, 'hex') FROM botwarden_keys.data_keys");
    assert!(wrapped.lines().all(|key| dumps[1].contains(key) && !dumps[0].contains(key)));
}
