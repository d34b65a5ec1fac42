//! What is listed: every byte but the prefix.

use botwarden_testkit::{FakeTools, ToolEra};

use super::{
    ALL, Desk, LIST, LOOK, OPEN, ORDERS, REFUND, client, envelope, gateway, names, stateless, tools,
};

#[tokio::test]
async fn definitions_are_the_servers_own_bytes() {
    let desk = Desk::start(ToolEra::Sessions, "pin = \"off\"").await;
    let mut client = desk.client().await;
    let reply = client.post(ORDERS, LIST).await;
    assert_eq!(
        reply.text(),
        format!(r#"{{"jsonrpc":"2.0","id":"l","result":{{"tools":[{REFUND},{LOOK}]}}}}"#)
    );
    let reply = client.post(ALL, LIST).await;
    let refund = REFUND.replace("\"refund\"", "\"orders__refund\"");
    let look = LOOK.replace("\"look_up\"", "\"orders__look_up\"");
    assert_eq!(
        reply.text(),
        format!(r#"{{"jsonrpc":"2.0","id":"l","result":{{"tools":[{refund},{look}]}}}}"#)
    );
    let mut client = stateless(desk.client().await, "tools/list", "").await;
    let json = client.post(ALL, envelope("1", "tools/list", "")).await.json();
    assert_eq!(
        (&json["result"]["resultType"], &json["result"]["cacheScope"]),
        (&"complete".into(), &"private".into())
    );
}

#[tokio::test]
async fn servers_are_listed_together_and_one_that_is_gone_hides_only_its_own() {
    let one = FakeTools::start(ToolEra::Handshake, &tools(), |called| called.result("{}")).await;
    let two = FakeTools::start(ToolEra::Stateless, &format!("[{LOOK}]"), |called| called.result("{}")).await;
    let server = |name: &str, url: &str| {
        format!("[[bot.tool_server]]\nname = \"{name}\"\npin = \"off\"\nurl = \"{url}\"\n")
    };
    let bot =
        server("one", &one.url()) + &server("gone", "http://127.0.0.1:1/mcp") + &server("two", &two.url());
    let bot = format!("{OPEN}{bot}") + "[[bot.tool_server]]\nname = \"inside\"\n";
    let gateway = gateway(&bot, "").await;
    let key = gateway.key("shop", &["chat"]).await;
    let mut client = client(&gateway, &key).await;
    let want = ["one__refund", "one__look_up", "two__look_up"];
    assert_eq!(names(&client.post(ALL, LIST).await), want);
    assert_eq!(client.post("/mcp/gone", LIST).await.decision(), (502, "upstream-unreachable"));
    assert_eq!(
        client.post("/mcp/inside", LIST).await.decision(),
        (404, "no-tool-server"),
        "the application runs it"
    );
    assert_eq!(client.post("/mcp/nobody", LIST).await.decision(), (404, "no-tool-server"));
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let long = |name: &str| {
        let text = "a".repeat(300 << 10);
        format!(r#"[{{"name":"{name}","description":"{text}","inputSchema":{{"type":"object"}}}}]"#)
    };
    let one = FakeTools::start(ToolEra::Handshake, &long("a"), |called| called.result("{}")).await;
    let two = FakeTools::start(ToolEra::Handshake, &long("b"), |called| called.result("{}")).await;
    let server = |name: &str, url: &str| {
        format!("[[bot.tool_server]]\nname = \"{name}\"\npin = \"off\"\nurl = \"{url}\"\n")
    };
    let gateway =
        gateway(&(OPEN.to_owned() + &server("one", &one.url()) + &server("two", &two.url())), "").await;
    let key = gateway.key("shop", &["chat"]).await;
    let mut client = client(&gateway, &key).await;
    let first = client.post(ALL, LIST).await;
    assert_eq!(names(&first), ["one__a"]);
    let cursor = first.json()["result"]["nextCursor"].as_str().unwrap().to_owned();
    let page = |cursor: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{{"cursor":"{cursor}"}}}}"#)
    };
    let second = client.post(ALL, page(&cursor)).await;
    assert_eq!(names(&second), ["two__b"]);
    assert!(second.json()["result"].get("nextCursor").is_none());
    assert_eq!(client.post(ALL, page("9")).await.decision(), (400, "bad-field"));
}
