use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::entry::tests::{entries, word};
use crate::entry::{EntryId, Event, KeyOperation, KeyUse};

#[test]
fn lines() {
    let key = KeyOperation {
        purpose: word("api"),
        key: word("k=1|2"),
        operation: KeyUse::Destroy,
        by: Some(word("op=1")),
    };
    let at = botwarden_types::UnixMs(7);
    let bytes = Entry { id: EntryId([1; 16]), at, content: None, event: Event::Key(key) }.encode().unwrap();
    let recorded = Recorded::read("example.com/audit", 5, &bytes).unwrap();
    let leaf = leaf_hash(&bytes);
    let entry = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(json_line(&recorded), format!(r#"{{"index":5,"leaf":"{leaf}","entry":{entry}}}"#));
    assert_eq!(
        cef(&recorded),
        format!(
            r"CEF:0|Botwarden|Botwarden|1|key|key|1|rt=7 externalId=01010101010101010101010101010101 suid=op\=1 cs2Label=log cs2=example.com/audit cs3Label=leaf cs3={leaf} cn1Label=index cn1=5"
        )
    );
    let event: Value = serde_json::from_str(&ocsf(&recorded)).unwrap();
    for (pointer, want) in [
        ("/class_uid", "3004"),
        ("/type_uid", "300404"),
        ("/activity_id", "4"),
        ("/time", "7"),
        ("/entity/uid", "\"k=1|2\""),
        ("/metadata/version", "\"1.9.0\""),
        ("/metadata/sequence", "5"),
        ("/attestation/chain_uid", "\"example.com/audit\""),
        ("/unmapped/entry/key", "\"k=1|2\""),
    ] {
        assert_eq!(event.pointer(pointer).unwrap().to_string(), want, "{pointer}");
    }
}

proptest! {
    #[test]
    fn every_entry_has_all_forms(entry in entries(), index in 0u64..1 << 50) {
        let bytes = entry.encode().unwrap();
        let recorded = Recorded::read("example.com/audit", index, &bytes).unwrap();
        let line: Value = serde_json::from_str(&json_line(&recorded)).unwrap();
        prop_assert_eq!(&line["index"], index);
        prop_assert!(!cef(&recorded).contains('\n'));
        let text = ocsf(&recorded);
        let mut event: Value = serde_json::from_str(&text).unwrap();
        for required in ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"] {
            prop_assert!(event.get(required).is_some(), "{}", required);
        }
        if event["class_uid"] == 6003 {
            prop_assert!(event["actor"].is_object() && event["api"]["operation"].is_string());
            prop_assert!(event["src_endpoint"].is_object());
        }
        // The fingerprint covers all but itself.
        let attestation = event["attestation"].as_object_mut().unwrap();
        let fingerprint = attestation.remove("fingerprint").unwrap();
        let without = text.replace(&format!(",\"fingerprint\":{fingerprint}"), "");
        prop_assert_eq!(fingerprint["value"].as_str().unwrap(), Hash::of(without.as_bytes()).to_string());
    }
}
