//! A shop's bot behind a gateway, and what it says.

use botwarden_testkit::{Answer, Client, FakeUpstream, Gateway, GatewayBuilder, Recorded};
use bytes::Bytes;

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const EMBEDDINGS: &str = "/v1/embeddings";
pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const SESSIONS: &str = "/botwarden/v1/sessions";
/// What the gateway shows to the upstream instead of the caller's key.
pub(crate) const PROVIDER_KEY: &str = "sk-provider-secret";

/// A question in OpenAI's dialect.
pub(crate) const ASK: &str =
    r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Where is my order?"}]}"#;
/// The same, to be streamed.
pub(crate) const ASK_STREAM: &str =
    r#"{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Where is my order?"}]}"#;
/// Its answer; 13 tokens in all.
pub(crate) const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"On its way."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#;
/// Its answer, streamed.
pub(crate) const EVENTS: [&str; 4] = [
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"On \"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"its way.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
];
/// Two numbers for a text.
pub(crate) const VECTORS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,-1e-3]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}"#;

/// A question in Anthropic's dialect.
pub(crate) const SAY: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{"role":"user","content":"Where is my order?"}]}"#;
/// The same, to be streamed.
pub(crate) const SAY_STREAM: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Where is my order?"}]}"#;
/// Its answer.
pub(crate) const SAID: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"On its way."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":5}}"#;
/// Its answer, streamed.
pub(crate) const SAID_EVENTS: [&str; 6] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"On its way.\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":5}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

/// A gateway with the bot `shop` before a scripted upstream.
pub(crate) struct Shop {
    pub(crate) upstream: FakeUpstream,
    pub(crate) gateway: Gateway,
    /// A key of the shop's with the rights of [`Setup::rights`].
    pub(crate) key: String,
}

/// What a [`Shop`] is to be.
#[derive(Clone)]
pub(crate) struct Setup {
    dialect: &'static str,
    bot: String,
    top: String,
    rights: &'static [&'static str],
}

/// A shop whose bot speaks OpenAI's dialect; its key names users, and its tools are its own affair.
pub(crate) fn openai() -> Setup {
    let rights = &["chat", "assert-user"];
    Setup { dialect: "openai", bot: "tools = \"open\"\n".to_owned(), top: String::new(), rights }
}

/// A shop whose bot speaks Anthropic's dialect.
pub(crate) fn anthropic() -> Setup {
    Setup { dialect: "anthropic", ..openai() }
}

impl Setup {
    /// The bot is as the product has it, so that contracts decide about its tools, with this said of it.
    pub(crate) fn guarded(mut self, toml: &str) -> Self {
        self.bot = format!("{toml}\n");
        self
    }

    /// More of the bot.
    pub(crate) fn bot(mut self, toml: &str) -> Self {
        self.bot.push_str(toml);
        self.bot.push('\n');
        self
    }

    /// A limit of the bot: `per = "user"`, `requests = 30`, …
    pub(crate) fn limit(self, toml: &str) -> Self {
        self.bot(&format!("[[bot.limit]]\n{toml}"))
    }

    /// More of the configuration.
    pub(crate) fn top(mut self, toml: &str) -> Self {
        self.top.push_str(toml);
        self.top.push('\n');
        self
    }

    /// Rights of [`Shop::key`].
    pub(crate) fn rights(mut self, rights: &'static [&'static str]) -> Self {
        self.rights = rights;
        self
    }

    /// Before an upstream that answers as `script` says.
    pub(crate) async fn answering(
        self,
        script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Shop {
        self.before(FakeUpstream::start(script).await).await
    }

    /// Before an upstream that answers everything well.
    pub(crate) async fn start(self) -> Shop {
        self.answering(well).await
    }

    /// Before that upstream.
    pub(crate) async fn before(self, upstream: FakeUpstream) -> Shop {
        let gateway = self.before_url(&upstream.url()).await;
        let key = gateway.key("shop", self.rights).await;
        Shop { upstream, gateway, key }
    }

    /// Before whatever is there.
    pub(crate) async fn before_url(&self, url: &str) -> Gateway {
        let builder = GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"));
        builder.bot("shop", self.dialect, url, &self.bot).toml(&self.top).start().await
    }
}

impl Shop {
    /// A connection that sends the shop's key.
    pub(crate) async fn client(&self) -> Client {
        self.client_with(&self.key).await
    }

    /// A connection that sends another credential.
    pub(crate) async fn client_with(&self, credential: &str) -> Client {
        Client::connect(self.gateway.gateway, Some(credential)).await
    }

    /// A connection in HTTP/2 that sends the shop's key.
    pub(crate) async fn http2(&self) -> Client {
        Client::connect_http2(self.gateway.gateway, Some(&self.key)).await
    }

    /// A connection that names a user.
    pub(crate) async fn client_for(&self, user: &str) -> Client {
        self.client().await.with("x-botwarden-user", user)
    }

    /// A request by the byte, with the shop's key.
    pub(crate) fn raw(&self, target: &str, body: &str) -> String {
        let (key, length) = (&self.key, body.len());
        format!(
            "POST {target} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    /// What reached the upstream last.
    pub(crate) fn forwarded_last(&self) -> Recorded {
        self.upstream.recorded().pop().expect("a request that reached the upstream")
    }

    /// The only request that reached the upstream.
    #[track_caller]
    pub(crate) fn forwarded(&self) -> Recorded {
        let mut recorded = self.upstream.recorded();
        assert_eq!(recorded.len(), 1, "requests that reached the upstream");
        recorded.remove(0)
    }
}

/// What a healthy upstream of either dialect answers.
pub(crate) fn well(asked: &Recorded) -> Answer {
    let streamed = asked.body.windows(13).any(|window| window == b"\"stream\":true");
    match (asked.target.split('?').next().unwrap(), streamed) {
        (CHAT, false) => Answer::json(ANSWER),
        (CHAT, true) => Answer::events(pieces(&EVENTS)),
        (MESSAGES, false) => Answer::json(SAID),
        (MESSAGES, true) => Answer::events(pieces(&SAID_EVENTS)),
        (EMBEDDINGS, _) => Answer::json(VECTORS),
        ("/v1/messages/count_tokens", _) => Answer::json(r#"{"input_tokens":14}"#),
        ("/v1/models", _) => {
            Answer::json(r#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model"}]}"#)
        }
        (target, _) => Answer::json(format!(r#"{{"asked":"{target}"}}"#)),
    }
}

pub(crate) fn pieces(texts: &[&str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect()
}
