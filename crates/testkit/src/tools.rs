//! A tool server that speaks MCP over HTTP and does what the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use crate::{Answer, FakeUpstream, Recorded};

/// How a tool server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolEra {
    /// A handshake, and a session for each who makes one.
    Sessions,
    /// A handshake, and no session.
    Handshake,
    /// 2026-07-28: each request stands for itself.
    Stateless,
}

/// A call as a tool server received it.
#[derive(Clone, Debug)]
pub struct ToolCalled {
    /// The id of its request.
    pub id: Value,
    /// Which tool.
    pub tool: String,
    /// All of its body.
    pub body: String,
    /// Its head.
    pub headers: http::HeaderMap,
}

impl ToolCalled {
    /// The answer: a result, JSON text.
    pub fn result(&self, result: &str) -> Answer {
        Answer::json(self.message(result))
    }

    /// The same as a message by itself.
    pub fn message(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id)
    }

    /// How far it is, as an event.
    pub fn step(&self, progress: &str) -> Bytes {
        let message = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{},"progress":{progress},"total":10,"message":"of Bob's order"}}}}"#,
            self.id
        );
        event(&message)
    }
}

/// A message as an event of a stream.
pub fn event(message: &str) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}

type Run = dyn Fn(&ToolCalled) -> Answer + Send + Sync;

struct Script {
    era: ToolEra,
    tools: Mutex<String>,
    instructions: Mutex<Option<String>>,
    run: Box<Run>,
    sessions: AtomicUsize,
}

/// A tool server on a free loopback port.
pub struct FakeTools {
    upstream: FakeUpstream,
    script: Arc<Script>,
}

impl FakeTools {
    /// Offers `tools`, a JSON list of definitions, and runs what is called as `run` says.
    pub async fn start(
        era: ToolEra,
        tools: &str,
        run: impl Fn(&ToolCalled) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let script = Arc::new(Script {
            era,
            tools: Mutex::new(tools.to_owned()),
            instructions: Mutex::default(),
            run: Box::new(run),
            sessions: AtomicUsize::new(0),
        });
        let answering = script.clone();
        let upstream = FakeUpstream::start(move |asked| answer(&answering, asked)).await;
        Self { upstream, script }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.upstream.url().replace("/v1", "/mcp")
    }

    /// Offers other tools from now on.
    pub fn offer(&self, tools: &str) {
        *self.script.tools.lock() = tools.to_owned();
    }

    /// Tells models other things from now on.
    pub fn instruct(&self, instructions: &str) {
        *self.script.instructions.lock() = Some(instructions.to_owned());
    }

    /// How many sessions were opened.
    pub fn sessions(&self) -> usize {
        self.script.sessions.load(Ordering::SeqCst)
    }

    /// Every request so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.upstream.recorded()
    }

    /// The bodies of requests of that method.
    pub fn asked(&self, method: &str) -> Vec<String> {
        let bodies =
            self.recorded().into_iter().map(|asked| String::from_utf8_lossy(&asked.body).into_owned());
        let method = format!(r#""method":"{method}""#);
        bodies.filter(|body| body.contains(&method)).collect()
    }

    /// The server beneath.
    pub fn upstream(&self) -> &FakeUpstream {
        &self.upstream
    }
}

fn answer(script: &Script, asked: &Recorded) -> Answer {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let id = body["id"].clone();
    let result = |result: Value| {
        Answer::json(serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string())
    };
    let info = serde_json::json!({ "name": "fake", "version": "1" });
    let instructions = script.instructions.lock().clone();
    let missing = || {
        let error = serde_json::json!({ "code": -32601, "message": "no such method" });
        Answer::json(serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())
            .status(404)
    };
    match (body["method"].as_str().unwrap_or_default(), script.era) {
        ("server/discover", ToolEra::Stateless) => result(serde_json::json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} }, "ttlMs": 0,
            "cacheScope": "private", "instructions": instructions, "_meta": { "io.modelcontextprotocol/serverInfo": info },
        })),
        ("initialize", ToolEra::Sessions | ToolEra::Handshake) => {
            let answer = result(serde_json::json!({
                "protocolVersion": "2025-06-18", "capabilities": { "tools": {} }, "serverInfo": info,
                "instructions": instructions,
            }));
            if script.era == ToolEra::Handshake {
                return answer;
            }
            let number = script.sessions.fetch_add(1, Ordering::SeqCst);
            answer.header("mcp-session-id", &format!("session-{number}"))
        }
        ("tools/list", _) => {
            let tools = script.tools.lock().clone();
            Answer::json(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{tools}}}}}"#))
        }
        ("tools/call", _) => (script.run)(&ToolCalled {
            tool: body["params"]["name"].as_str().unwrap_or_default().to_owned(),
            id,
            body: String::from_utf8_lossy(&asked.body).into_owned(),
            headers: asked.headers.clone(),
        }),
        ("", _) | ("notifications/initialized" | "notifications/cancelled", _) => {
            Answer::json("").status(202)
        }
        _ => missing(),
    }
}
