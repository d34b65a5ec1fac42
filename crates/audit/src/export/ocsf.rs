//! OCSF 1.9: requests and tool calls as API Activity, changes as Entity Management, processes as Application Lifecycle.
//!
//! With the profile `record_integrity`: the attestation's fingerprint is SHA-256 of the event without it, in the order and the spelling
//! of RFC 8785, and its chain is the origin of our log. The entry itself goes along under `unmapped`, with the hash by which
//! it is in the tree. Source: schema.ocsf.io.

use serde_json::{Map, Value, json};

use super::Recorded;
use crate::entry::{Change, Commitment, Decision, Entry, Event, KeyUse, Outcome, ToolCall, Verdict, Word};
use crate::tree::Hash;

/// Version of the schema.
const VERSION: &str = "1.9.0";

/// Classes, each with its category.
#[derive(Clone, Copy)]
enum Class {
    ApiActivity,
    EntityManagement,
    Lifecycle,
}

impl Class {
    fn uid(self) -> (u64, u64) {
        match self {
            Self::ApiActivity => (6003, 6),
            Self::EntityManagement => (3004, 3),
            Self::Lifecycle => (6002, 6),
        }
    }
}

/// Activities, as these classes number them.
const CREATE: u64 = 1;
const UPDATE: u64 = 3;
const DELETE: u64 = 4;
const START: u64 = 3;
const STOP: u64 = 4;
const OTHER: u64 = 99;

/// One event of OCSF as a line of JSON, keys in alphabetical order. Without a line feed.
pub fn ocsf(recorded: &Recorded<'_>) -> String {
    let Recorded { origin, index, leaf, bytes, entry } = recorded;
    let (class, activity, mut event) = mapped(entry);
    let (class_uid, category_uid) = class.uid();
    let original: Value = serde_json::from_slice(bytes).unwrap_or_default();
    for (name, value) in [
        ("activity_id", json!(activity)),
        ("activity_name", json!(entry.event.kind())),
        ("category_uid", json!(category_uid)),
        ("class_uid", json!(class_uid)),
        ("type_uid", json!(class_uid * 100 + activity)),
        ("time", json!(entry.at.0)),
        (
            "metadata",
            json!({
                "version": VERSION,
                "uid": entry.id.to_string(),
                "sequence": index,
                "log_name": origin,
                "profiles": ["record_integrity"],
                "product": { "name": "Botwarden", "vendor_name": "Botwarden" },
            }),
        ),
        ("unmapped", json!({ "entry": original, "leaf_hash": leaf.to_string(), "log_index": index })),
        ("attestation", json!({ "uid": entry.id.to_string(), "authority_uid": origin, "chain_uid": origin })),
    ] {
        event.insert(name.to_owned(), value);
    }
    let fingerprint = Hash::of(canonical(&event).as_bytes()).to_string();
    if let Some(attestation) = event.get_mut("attestation").and_then(Value::as_object_mut) {
        let value = json!({ "algorithm": "SHA-256", "algorithm_id": 3, "value": fingerprint });
        attestation.insert("fingerprint".to_owned(), value);
    }
    canonical(&event)
}

/// RFC 8785 for what is in these events: integers, and texts of printable ASCII.
fn canonical(event: &Map<String, Value>) -> String {
    fn sorted(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let mut fields: Vec<_> = map.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                let fields = fields.iter().map(|(name, value)| format!("{}:{}", json!(name), sorted(value)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
            Value::Array(values) => format!("[{}]", values.iter().map(sorted).collect::<Vec<_>>().join(",")),
            other => other.to_string(),
        }
    }
    sorted(&Value::Object(event.clone()))
}

/// Class, activity, and the fields of the class.
fn mapped(entry: &Entry) -> (Class, u64, Map<String, Value>) {
    let mut event = Map::new();
    event.insert("severity_id".to_owned(), json!(1));
    let mut set = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
    let (class, activity) = match &entry.event {
        Event::Decision(it) => decided(&mut set, it),
        Event::Outcome(it) => ended(&mut set, it),
        Event::ToolCall(it) => called(&mut set, it),
        Event::Operator(it) => {
            judged(&mut set, it.verdict, it.reason.as_ref());
            set("actor", json!({ "user": { "uid": it.operator.as_str() } }));
            set("comment", json!(it.action.as_str()));
            let target = it.target.as_ref().unwrap_or(&it.action);
            set("entity", json!({ "type": "operator_action", "uid": target.as_str() }));
            (Class::EntityManagement, OTHER)
        }
        Event::Configuration(it) => changed(&mut set, "configuration", it),
        Event::Policy(it) => changed(&mut set, "policy", it),
        Event::Key(it) => {
            if let Some(by) = &it.by {
                set("actor", json!({ "user": { "uid": by.as_str() } }));
            }
            set("entity", json!({ "type": format!("key.{}", it.purpose), "uid": it.key.as_str() }));
            let activity = match it.operation {
                KeyUse::Create => CREATE,
                KeyUse::Rotate => UPDATE,
                KeyUse::Destroy => DELETE,
            };
            (Class::EntityManagement, activity)
        }
        Event::Erasure(it) => {
            set("actor", json!({ "user": { "uid": it.by.as_str() } }));
            set("comment", json!(it.reason.as_str()));
            set("entity", json!({ "type": "content", "uid": it.erasure.as_str() }));
            (Class::EntityManagement, DELETE)
        }
        Event::Start(it) => {
            set("app", json!({ "name": "botwarden", "version": it.version.as_str() }));
            (Class::Lifecycle, START)
        }
        Event::Stop(it) => {
            set("app", json!({ "name": "botwarden" }));
            set("status_detail", json!(it.reason.as_str()));
            (Class::Lifecycle, STOP)
        }
    };
    (class, activity, event)
}

fn decided(set: &mut dyn FnMut(&str, Value), it: &Decision) -> (Class, u64) {
    judged(set, it.verdict, it.reason.as_ref());
    set("api", json!({ "operation": it.operation.as_str(), "request": { "uid": it.request.as_str() } }));
    let session = it.session.as_ref().map(|id| json!({ "uid": id.as_str() }));
    let app = it.bot.as_ref().map(|bot| bot.as_str());
    let key = it.key.as_ref().map(|id| id.as_str());
    let user = present(json!({ "uid": it.user.as_ref().map(hex), "credential_uid": key }));
    set("actor", present(json!({ "app_name": app, "session": session, "user": user })));
    set("src_endpoint", endpoint(it.address.as_ref()));
    if let Some(model) = &it.model {
        set("resources", json!([{ "type": "model", "name": model.as_str() }]));
    }
    (Class::ApiActivity, OTHER)
}

fn ended(set: &mut dyn FnMut(&str, Value), it: &Outcome) -> (Class, u64) {
    set("status_id", json!(if it.reason.is_none() { 1 } else { 2 }));
    set("status_detail", json!(it.reason.as_ref().unwrap_or(&it.outcome).as_str()));
    set("duration", json!(it.duration_ms));
    let response = present(json!({ "code": it.status, "message": it.outcome.as_str() }));
    let request = json!({ "uid": it.request.as_str() });
    set("api", json!({ "operation": "outcome", "request": request, "response": response }));
    set("actor", json!({ "app_name": "botwarden" }));
    set("src_endpoint", endpoint(None));
    (Class::ApiActivity, OTHER)
}

fn called(set: &mut dyn FnMut(&str, Value), it: &ToolCall) -> (Class, u64) {
    judged(set, it.verdict, it.reason.as_ref());
    let operation = format!("tool.{}", it.place.as_str());
    set("api", json!({ "operation": operation, "request": { "uid": it.request.as_str() } }));
    set("actor", json!({ "app_name": "botwarden" }));
    set("src_endpoint", endpoint(None));
    let call = it.call.as_ref().map(Word::as_str);
    set("resources", json!([present(json!({ "type": "tool", "name": it.tool.as_str(), "uid": call }))]));
    (Class::ApiActivity, OTHER)
}

fn judged(set: &mut dyn FnMut(&str, Value), verdict: Verdict, reason: Option<&Word>) {
    let (severity, status) = match verdict {
        Verdict::Allowed => (1, 1),
        Verdict::Denied => (3, 2),
    };
    set("severity_id", json!(severity));
    set("status_id", json!(status));
    if let Some(reason) = reason {
        set("status_detail", json!(reason.as_str()));
    }
}

fn changed(set: &mut dyn FnMut(&str, Value), what: &str, change: &Change) -> (Class, u64) {
    set("actor", json!({ "user": { "uid": change.by.as_str() } }));
    let before = change.before.map(|before| json!({ "type": what, "uid": before.to_string() }));
    let after =
        json!({ "type": what, "uid": change.after.to_string(), "version": change.generation.to_string() });
    set("entity", before.unwrap_or_else(|| after.clone()));
    set("entity_result", after);
    (Class::EntityManagement, UPDATE)
}

/// Required where a request is told of; the address itself is personal, and the log does not have it.
fn endpoint(address: Option<&Commitment>) -> Value {
    address.map_or_else(|| json!({ "name": "undisclosed" }), |address| json!({ "uid": hex(address) }))
}

fn hex(commitment: &Commitment) -> String {
    commitment.hash().to_string()
}

/// An object without the fields that are null, or empty.
fn present(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null() && value.as_object().is_none_or(|inner| !inner.is_empty()));
    }
    value
}
