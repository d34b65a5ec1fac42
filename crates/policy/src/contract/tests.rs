use super::*;
use crate::read::read_json;

fn schema(name: &str, description: &str, input: &str) -> ToolSchema {
    ToolSchema {
        name: name.to_owned(),
        description: description.to_owned(),
        input: read_json(input).unwrap(),
    }
}

fn shop() -> Vec<ToolSchema> {
    vec![
        schema(
            "get_order",
            "Returns an order.",
            r#"{"type":"object","properties":{"order_id":{"type":"string"}},"required":["order_id"]}"#,
        ),
        schema(
            "refundOrder",
            "Refunds an order to an account.",
            r#"{"type":"object","properties":{"order_id":{"type":"string"},"amount":{"type":"number"},"iban":{"type":"string"},"notify":{"type":"boolean"}}}"#,
        ),
        schema(
            "send_mail",
            "Sends a mail.",
            r#"{"type":"object","properties":{"to":{"type":"array","items":{"type":"string","format":"email"}},"subject":{"type":"string"},"body":{"type":"string"},"extra":{"type":"string"}}}"#,
        ),
        schema(
            "fetch_url",
            "Fetches a page.",
            r#"{"type":"object","properties":{"url":{"type":"string"},"max_bytes":{"type":"integer"}}}"#,
        ),
    ]
}

#[test]
fn a_draft_says_what_tools_do() {
    insta::assert_snapshot!(draft("shop", &shop()).write());
}

#[test]
fn what_is_written_is_read_back() {
    let drafted = draft("shop", &shop());
    assert_eq!(Contract::read(&drafted.write()), Ok(drafted));
}

#[test]
fn contracts_that_are_refused() {
    for (name, text, want) in [
        ("no format", "server = \"a\"", "missing field `format`"),
        ("another format", "format = 2\nserver = \"a\"", "format: found `2`, expected 1"),
        ("an unknown key", "format = 1\nserver = \"a\"\nx = 1", "unknown field `x`"),
        (
            "an unknown effect",
            "format = 1\nserver = \"a\"\n[tool.t]\neffect = \"fly\"",
            "tool.t.effect: found `fly`",
        ),
        (
            "an unknown role",
            "format = 1\nserver = \"a\"\n[tool.t]\neffect = \"read\"\n[tool.t.arguments]\na = \"b\"",
            "tool.t.arguments.a: found `b`",
        ),
        (
            "two words",
            "format = 1\nserver = \"a\"\n[tool.t]\neffect = \"read\"\nverbs = [\"call off\"]",
            "tool.t.verbs: found `call off`",
        ),
        (
            "a capital",
            "format = 1\nserver = \"a\"\n[tool.t]\neffect = \"read\"\nverbs = [\"Pay\"]",
            "tool.t.verbs: found `Pay`",
        ),
        ("a label", "format = 1\nserver = \"a\"\n[fields]\nx = \"true\"", "fields.x: found `true`"),
    ] {
        let error = Contract::read(text).unwrap_err().to_string();
        assert!(error.contains(want), "{name}: {error}");
    }
}

#[test]
fn gaps_are_found() {
    let mut contract = draft("shop", &shop());
    contract.tools.remove("get_order");
    let refund = contract.tools.get_mut("refundOrder").unwrap();
    refund.arguments.remove("iban");
    refund.verbs.clear();
    let at: Vec<String> = lint(&contract, &shop()).into_iter().map(|gap| gap.at).collect();
    assert_eq!(
        at,
        [
            "tool.get_order",
            "tool.refundOrder.arguments.iban",
            "tool.refundOrder.verbs",
            "tool.refundOrder.arguments"
        ]
    );
    assert_eq!(lint(&draft("shop", &shop()), &shop()), []);
}

/// What people copy has to work.
#[test]
fn the_contract_in_the_guide_is_one() {
    let guide = include_str!("../../../../docs/guide/privilege.md");
    let begin = guide.find("format = 1").expect("a contract");
    let text = &guide[begin..begin + guide[begin..].find("```").expect("its end")];
    let contract = Contract::read(text).unwrap();
    assert_eq!(contract.tools.keys().collect::<Vec<_>>(), ["list_accounts", "pay"]);
    assert_eq!(crate::contract::lint(&contract, &[]), []);
}
