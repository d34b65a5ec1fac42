//! What is offered to the model.

use super::{ask, function, shop, tool};
use crate::support::{CHAT, MESSAGES};

const SAID: &str = "Where is order 1001?";

/// What is granted stays byte for byte, the rest is gone, and where nothing is left, so is what says how to use it.
#[tokio::test]
async fn tools_that_no_contract_grants_are_taken_out_of_the_request() {
    for (dialect, path, write) in
        [("openai", CHAT, function as fn(&str) -> String), ("anthropic", MESSAGES, tool)]
    {
        let shop = shop(dialect, "").start().await;
        let mut client = shop.client_for("alice").await;
        let (look, refund, wipe) = (write("lookup_order"), write("refund"), write("wipe"));
        let named = write("shop__lookup_order");
        let seed = r#" , "seed" : 1.50"#;
        for (tools, want) in [
            (
                format!(r#","tools":[ {look} , {refund}]{seed}"#),
                format!(r#","tools":[ {look} , {refund}]{seed}"#),
            ),
            (format!(r#","tools":[ {wipe} , {refund} ]{seed}"#), format!(r#","tools":[ {refund} ]{seed}"#)),
            (format!(r#","tools":[{named},{wipe}]"#), format!(r#","tools":[{named}]"#)),
            (
                format!(
                    r#","tools":[{wipe}],"tool_choice":{{"type":"auto"}}, "parallel_tool_calls":true{seed}"#
                ),
                if path == CHAT { seed.to_owned() } else { format!(r#", "parallel_tool_calls":true{seed}"#) },
            ),
        ] {
            let reply = client.post(path, ask(path, SAID, &tools)).await;
            assert_eq!(reply.decision(), (200, "allowed"), "{tools}");
            let forwarded = shop.forwarded_last();
            let want = if want.starts_with(", \"parallel") { seed.to_owned() } else { want };
            assert_eq!(String::from_utf8_lossy(&forwarded.body), ask(path, SAID, &want));
            assert_eq!(forwarded.headers["content-length"], forwarded.body.len().to_string().as_str());
        }
    }
}

/// Names are taken to the letter: what looks like a granted tool is another one.
#[tokio::test]
async fn names_that_look_like_a_granted_one_are_others() {
    for (dialect, path, write) in
        [("openai", CHAT, function as fn(&str) -> String), ("anthropic", MESSAGES, tool)]
    {
        let shop = shop(dialect, "").start().await;
        let mut client = shop.client_for("alice").await;
        for name in [
            "Lookup_Order",
            "LOOKUP_ORDER",
            "lookup_order ",
            "l\u{43e}okup_order",   // a Cyrillic letter
            "lookup\u{200b}_order", // a space without width
            "lookup_\\u006frder\\u0000",
            "\u{ff4c}ookup_order", // a full-width letter
            "Shop__lookup_order",
            "shop_lookup_order",
            "shop__",
            "",
        ] {
            let tools = format!(r#","tools":[{},{}]"#, write(name), write("refund"));
            assert_eq!(
                client.post(path, ask(path, SAID, &tools)).await.decision(),
                (200, "allowed"),
                "{name}"
            );
            let want = ask(path, SAID, &format!(r#","tools":[{}]"#, write("refund")));
            assert_eq!(String::from_utf8_lossy(&shop.forwarded_last().body), want, "{name}");
        }
        // The same name in another spelling of JSON is the same name.
        let tools = format!(r#","tools":[{}]"#, write("lookup_\\u006frder"));
        client.post(path, ask(path, SAID, &tools)).await;
        assert_eq!(String::from_utf8_lossy(&shop.forwarded_last().body), ask(path, SAID, &tools));
        let folded = format!(r#","Tools":[{}]"#, write("wipe"));
        assert_eq!(client.post(path, ask(path, SAID, &folded)).await.decision(), (400, "malformed-request"));
    }
}

#[tokio::test]
async fn a_bot_may_be_told_instead_which_tool_is_not_granted() {
    for (dialect, path, write) in
        [("openai", CHAT, function as fn(&str) -> String), ("anthropic", MESSAGES, tool)]
    {
        let shop = shop(dialect, "tools_offered = \"refuse\"").start().await;
        let mut client = shop.client_for("alice").await;
        let tools = format!(r#","tools":[{},{}]"#, write("lookup_order"), write("wipe"));
        let reply = client.post(path, ask(path, SAID, &tools)).await;
        assert_eq!(reply.decision(), (403, "tool-not-granted"));
        assert!(reply.text().contains("no contract of this bot grants `wipe`: add it to one"), "{reply:?}");
        let odd = format!(r#","tools":[{}]"#, write("w\u{456}pe\\n"));
        let reply = client.post(path, ask(path, SAID, &odd)).await;
        assert!(reply.text().contains("no contract of this bot grants a tool"), "nor repeated: {reply:?}");
        assert_eq!(shop.upstream.requests(), 0);
        let tools = format!(r#","tools":[{}]"#, write("lookup_order"));
        assert_eq!(client.post(path, ask(path, SAID, &tools)).await.decision(), (200, "allowed"));
    }
}

/// A model that is told to call a tool it does not have would do anything else instead.
#[tokio::test]
async fn a_choice_of_a_tool_that_is_taken_out_is_refused() {
    for (dialect, path, write, choices) in [
        (
            "openai",
            CHAT,
            function as fn(&str) -> String,
            &[
                r#""tool_choice":{"type":"function","function":{"name":"NAME"}}"#,
                r#""tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"refund"}},{"type":"function","function":{"name":"NAME"}}]}}"#,
                r#""function_call":{"name":"NAME"}"#,
            ][..],
        ),
        ("anthropic", MESSAGES, tool, &[r#""tool_choice":{"type":"tool","name":"NAME"}"#]),
    ] {
        let shop = shop(dialect, "").start().await;
        let mut client = shop.client_for("alice").await;
        let tools = format!(r#","tools":[{},{}]"#, write("wipe"), write("refund"));
        for choice in choices {
            let with = |name: &str| ask(path, SAID, &format!("{tools},{}", choice.replace("NAME", name)));
            let reply = client.post(path, with("wipe")).await;
            assert_eq!(reply.decision(), (403, "tool-not-granted"), "{choice}");
            let before = shop.upstream.requests();
            assert_eq!(client.post(path, with("refund")).await.decision(), (200, "allowed"), "{choice}");
            assert_eq!(shop.upstream.requests(), before + 1, "the refused one did not get there");
        }
    }
}

#[tokio::test]
async fn older_functions_are_tools_too() {
    let shop = shop("openai", "").start().await;
    let mut client = shop.client_for("alice").await;
    let functions = r#","functions":[{"name":"wipe"},{"name":"lookup_order"}],"function_call":"auto""#;
    client.post(CHAT, ask(CHAT, SAID, functions)).await;
    let want = ask(CHAT, SAID, r#","functions":[{"name":"lookup_order"}],"function_call":"auto""#);
    assert_eq!(String::from_utf8_lossy(&shop.forwarded().body), want);
    let functions = r#","functions":[{"name":"wipe"}],"function_call":"auto""#;
    client.post(CHAT, ask(CHAT, SAID, functions)).await;
    assert_eq!(String::from_utf8_lossy(&shop.forwarded_last().body), ask(CHAT, SAID, ""));
}
