//! Tools behind the gateway: real servers of the test's, over HTTP and as programs, and clients that speak JSON-RPC to `/mcp`.

mod audit;
mod calls;
mod cancel;
mod doors;
mod lists;
mod pins;
mod programs;
mod refusals;
mod sessions;
mod steps;

use botwarden_testkit::{Answer, Client, FakeTools, Gateway, GatewayBuilder, Reply, ToolCalled, ToolEra};

/// A bot whose tools are whatever its servers have: what passes is tested here, not what may.
pub(crate) const OPEN: &str = "tools = \"open\"\n";
/// The endpoint of one server.
pub(crate) const ORDERS: &str = "/mcp/orders";
/// The endpoint of all.
pub(crate) const ALL: &str = "/mcp";

/// Definitions as odd as a server may write them: every byte of them but a name has to arrive.
pub(crate) const REFUND: &str = r#"{ "description":"Pays\u0020back.", "inputSchema":{"type":"object","properties":{"order":{"type":"integer","maximum":1.0}}} ,"name":"refund","x":[ ] }"#;
pub(crate) const LOOK: &str = r#"{"name":"look_up","inputSchema":{"type":"object"}}"#;
/// A result likewise.
pub(crate) const RESULT: &str =
    r#"{ "content":[{"type":"text","text":"Paid\u0020 back"}], "structuredContent":{"b":1.0,"a":[]} }"#;

pub(crate) fn tools() -> String {
    format!("[{REFUND},{LOOK}]")
}

/// A gateway before one tool server, `orders`.
pub(crate) struct Desk {
    pub(crate) server: FakeTools,
    pub(crate) gateway: Gateway,
    pub(crate) key: String,
}

impl Desk {
    /// Whose server answers every call with [`RESULT`]; `more` is said of the bot's server.
    pub(crate) async fn start(era: ToolEra, more: &str) -> Self {
        Self::running(era, more, |called| called.result(RESULT)).await
    }

    pub(crate) async fn running(
        era: ToolEra,
        more: &str,
        run: impl Fn(&ToolCalled) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let server = FakeTools::start(era, &tools(), run).await;
        let bot =
            format!("{OPEN}[[bot.tool_server]]\nname = \"orders\"\nurl = \"{}\"\n{more}\n", server.url());
        let gateway = gateway(&bot, "").await;
        let key = gateway.key("shop", &["chat", "assert-user"]).await;
        Self { server, gateway, key }
    }

    pub(crate) async fn client(&self) -> Client {
        client(&self.gateway, &self.key).await
    }
}

pub(crate) async fn gateway(bot: &str, top: &str) -> Gateway {
    let builder = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden")).env("TOOL_TOKEN", "tool-secret");
    builder.bot("shop", "openai", "http://127.0.0.1:9/v1", bot).toml(top).start().await
}

pub(crate) async fn client(gateway: &Gateway, key: &str) -> Client {
    let client = Client::connect(gateway.gateway, Some(key)).await;
    client.with("accept", "application/json, text/event-stream")
}

pub(crate) fn call(id: &str, tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

/// The same from a client of the stateless era, whose head says it again.
pub(crate) async fn stateless(client: Client, method: &str, tool: &str) -> Client {
    let client = client.with("mcp-protocol-version", "2026-07-28").with("mcp-method", method);
    if tool.is_empty() { client } else { client.with("mcp-name", tool) }
}

pub(crate) fn envelope(id: &str, method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

pub(crate) const LIST: &str = r#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#;

/// The names in the answer to a list.
pub(crate) fn names(reply: &Reply) -> Vec<String> {
    let json = reply.json();
    let tools = json["result"]["tools"].as_array().unwrap_or_else(|| panic!("a list: {json}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The text of a result that says no.
#[track_caller]
pub(crate) fn said_no(reply: &Reply) -> String {
    let json = reply.json();
    assert_eq!((reply.status, &json["result"]["isError"]), (200, &true.into()), "{json}");
    json["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}
