//! A tool server that is a program of ours: one message a line, over its standard input and output.
//!
//! One task runs it: starts it, agrees with it, passes lines both ways, and starts it again when it ends, later each time. It
//! ends with the [`Program`], and the process with it. All users of the bot share the process.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use botwarden_protocol as protocol;
use botwarden_protocol::mcp::{self, FromServer, Params};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::Fault;
use super::agreed::Agreed;
use super::reach::{Reach, Request, Step, Steps};

/// Messages that wait to be written.
const ORDERS_MAX: usize = 64;
/// Until it takes a line: one that does not read is stuck.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Until it has agreed with us. Interpreters load for a while.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Before it is started again.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// One that ran for so long is started again at once.
const STEADY: Duration = Duration::from_secs(60);

/// A program that speaks MCP.
pub(crate) struct Program {
    command: Vec<String>,
    env: Vec<String>,
    orders: mpsc::Sender<Order>,
    agreed: watch::Receiver<Option<Arc<Agreed>>>,
    ids: AtomicU64,
    /// What the task needs, until it runs.
    idle: Mutex<Option<Idle>>,
    task: Mutex<Option<AbortHandle>>,
}

struct Idle {
    orders: mpsc::Receiver<Order>,
    agreed: watch::Sender<Option<Arc<Agreed>>>,
}

enum Order {
    Ask {
        id: u64,
        line: Bytes,
        reply: oneshot::Sender<Result<(String, bool), Fault>>,
        steps: Option<Steps>,
    },
    /// Nobody waits for it any more.
    Forget(u64),
}

impl Program {
    pub(crate) fn new(command: Vec<String>, env: Vec<String>) -> Self {
        let (orders, receiver) = mpsc::channel(ORDERS_MAX);
        let (sender, agreed) = watch::channel(None);
        let idle = Mutex::new(Some(Idle { orders: receiver, agreed: sender }));
        Self { command, env, orders, agreed, ids: AtomicU64::new(1), idle, task: Mutex::default() }
    }

    /// Whether another configuration means the same program.
    pub(crate) fn is(&self, command: &[String], env: &[String]) -> bool {
        self.command == command && self.env == env
    }

    /// Starts it on the runtime this is called on, if it does not run yet.
    pub(crate) fn start(&self, name: &str, bytes_max: usize, json: protocol::Bounds) {
        let Some(idle) = self.idle.lock().take() else { return };
        let keeper = Keeper {
            name: name.to_owned(),
            command: self.command.clone(),
            env: self.env.clone(),
            bytes_max,
            json,
        };
        let task = tokio::spawn(keeper.run(idle));
        *self.task.lock() = Some(task.abort_handle());
    }

    /// What was agreed with it, once it runs.
    pub(crate) async fn agreed(&self, reach: &Reach) -> Result<Arc<Agreed>, Fault> {
        let mut agreed = self.agreed.clone();
        let there = tokio::time::timeout_at(reach.deadline, agreed.wait_for(Option::is_some)).await;
        there.ok().and_then(Result::ok).and_then(|agreed| agreed.clone()).ok_or(Fault::Unreachable)
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes a request and waits for its result.
    pub(crate) async fn ask(
        &self,
        reach: &Reach,
        request: &Request<'_>,
        line: Bytes,
    ) -> Result<(String, bool), Fault> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Ask { id: request.id, line, reply, steps: request.steps.cloned() };
        let sent = tokio::time::timeout_at(reach.deadline, self.orders.send(order)).await;
        sent.map_err(|_| Fault::Unreachable)?.map_err(|_| Fault::Unreachable)?;
        let mut waiting = Waiting { program: self, id: request.id, over: false };
        let answer = tokio::time::timeout_at(reach.deadline, answer).await;
        let answer = answer.map_err(|_| Fault::TimedOut)?;
        waiting.over = true;
        answer.unwrap_or(Err(Fault::Broken))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
    }
}

/// Somebody who waits for an answer; when they go, the program is told.
struct Waiting<'p> {
    program: &'p Program,
    id: u64,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            let _ = self.program.orders.try_send(Order::Forget(self.id));
        }
    }
}

/// The task that runs a program.
struct Keeper {
    name: String,
    command: Vec<String>,
    env: Vec<String>,
    bytes_max: usize,
    json: protocol::Bounds,
}

type Pending = Mutex<HashMap<u64, (oneshot::Sender<Result<(String, bool), Fault>>, Option<Steps>)>>;

impl Keeper {
    async fn run(self, idle: Idle) {
        let Idle { mut orders, agreed } = idle;
        let mut pause = PAUSE_FIRST;
        loop {
            let began = Instant::now();
            let why = match self.spawn() {
                Ok(child) => self.serve(child, &mut orders, &agreed).await,
                Err(error) => error.to_string(),
            };
            agreed.send_replace(None);
            if began.elapsed() > STEADY {
                pause = PAUSE_FIRST;
            }
            let again_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(tool_server = self.name, why, again_ms, "a tool server's program does not run");
            let until = Instant::now() + pause;
            // Whoever asks meanwhile hears at once that nobody is there.
            while let Ok(order) = tokio::time::timeout_at(until, orders.recv()).await {
                match order {
                    Some(Order::Ask { reply, .. }) => drop(reply.send(Err(Fault::Unreachable))),
                    Some(Order::Forget(_)) => {}
                    None => return,
                }
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let (program, arguments) = self.command.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let given = self.env.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        // Its errors are not ours to print: they may hold what users said.
        Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(given)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }

    /// Passes lines until something ends; says what. Dropped children are killed.
    async fn serve(
        &self,
        mut child: Child,
        orders: &mut mpsc::Receiver<Order>,
        standing: &watch::Sender<Option<Arc<Agreed>>>,
    ) -> String {
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return "it has no standard input and output".to_owned();
        };
        let pending = Pending::default();
        let (replies, mut to_write) = mpsc::channel(ORDERS_MAX);
        let agreed = Mutex::new(None::<Arc<Agreed>>);
        let reading = self.read(BufReader::new(output), &pending, &replies, &agreed);
        let writing = async {
            let there = tokio::time::timeout(HANDSHAKE_TIMEOUT, self.agree(&mut input, &pending)).await;
            match there {
                Err(_) => return "it did not agree in time".to_owned(),
                Ok(Err(fault)) => return fault.to_string(),
                Ok(Ok(there)) => {
                    let there = Arc::new(there);
                    *agreed.lock() = Some(there.clone());
                    standing.send_replace(Some(there));
                }
            }
            self.write(&mut input, orders, &mut to_write, &pending).await
        };
        let why = tokio::select! {
            why = reading => why,
            why = writing => why,
        };
        let _ = child.start_kill();
        for (_, (reply, _)) in std::mem::take(&mut *pending.lock()) {
            let _ = reply.send(Err(Fault::Broken));
        }
        let _ = tokio::time::timeout(WRITE_TIMEOUT, child.wait()).await;
        why
    }

    /// The handshake, or the stateless way if it knows no other. Ids of requests begin with 1, so that these are free.
    async fn agree(&self, input: &mut ChildStdin, pending: &Pending) -> Result<Agreed, Fault> {
        match self.round(input, pending, 0, &mcp::handshake_to_server(0)).await {
            Ok((result, _)) => {
                let agreed = Agreed::by_handshake(&result, None, &self.json)?;
                put(input, &mcp::notification_to_server("notifications/initialized", None)).await?;
                Ok(agreed)
            }
            Err(Fault::Failed { .. }) => {
                let id = u64::from(u32::MAX);
                let params = Params { is_stateless: true, ..Params::default() };
                let (result, _) = self
                    .round(input, pending, id, &mcp::request_to_server(id, "server/discover", &params))
                    .await?;
                Agreed::by_discovery(&result, &self.json)
                    .ok_or(Fault::Unusable("it speaks no version of MCP that the gateway speaks"))
            }
            Err(other) => Err(other),
        }
    }

    async fn round(
        &self,
        input: &mut ChildStdin,
        pending: &Pending,
        id: u64,
        line: &[u8],
    ) -> Result<(String, bool), Fault> {
        let (reply, answer) = oneshot::channel();
        pending.lock().insert(id, (reply, None));
        put(input, line).await?;
        answer.await.unwrap_or(Err(Fault::Broken))
    }

    async fn write(
        &self,
        input: &mut ChildStdin,
        orders: &mut mpsc::Receiver<Order>,
        replies: &mut mpsc::Receiver<Vec<u8>>,
        pending: &Pending,
    ) -> String {
        loop {
            let line = tokio::select! {
                order = orders.recv() => match order {
                    None => return "it is not needed any more".to_owned(),
                    Some(Order::Ask { id, line, reply, steps }) => {
                        pending.lock().insert(id, (reply, steps));
                        line
                    }
                    Some(Order::Forget(id)) => {
                        if pending.lock().remove(&id).is_none() {
                            continue;
                        }
                        mcp::notification_to_server("notifications/cancelled", Some(id)).into()
                    }
                },
                Some(reply) = replies.recv() => reply.into(),
            };
            if put(input, &line).await.is_err() {
                return "it takes no more lines".to_owned();
            }
        }
    }

    async fn read(
        &self,
        mut output: impl AsyncBufRead + Unpin,
        pending: &Pending,
        replies: &mpsc::Sender<Vec<u8>>,
        agreed: &Mutex<Option<Arc<Agreed>>>,
    ) -> String {
        let mut line = Vec::new();
        loop {
            match next_line(&mut output, &mut line, self.bytes_max).await {
                Ok(true) => {}
                Ok(false) => return "it has ended".to_owned(),
                Err(error) => return error.to_string(),
            }
            // Some print other things there; what is no message is no answer either.
            let Ok(message) = mcp::read_answer(&line, &self.json) else { continue };
            match message {
                FromServer::Result { id, result, is_complete } => {
                    let waiting = id.as_number().and_then(|id| pending.lock().remove(&id));
                    waiting.map(|(reply, _)| reply.send(Ok((result, is_complete))));
                }
                FromServer::Error { id, code, message, .. } => {
                    let waiting = id.and_then(|id| id.as_number()).and_then(|id| pending.lock().remove(&id));
                    waiting.map(|(reply, _)| reply.send(Err(Fault::Failed { code, message })));
                }
                FromServer::Progress { token, progress, total } => {
                    let pending = pending.lock();
                    let steps = token.as_number().and_then(|id| pending.get(&id)?.1.as_ref());
                    steps.map(|steps| steps.try_send(Step { progress, total }));
                }
                FromServer::ToolsChanged => {
                    if let Some(agreed) = &*agreed.lock() {
                        *agreed.listing.lock() = None;
                    }
                }
                // One that asks faster than it reads hears less.
                FromServer::Request { id, method } => {
                    drop(replies.try_send(mcp::reply_to_server(&id, &method)))
                }
                FromServer::Other => {}
            }
        }
    }
}

/// One message and the end of its line. Whatever stood in it as white space, a line of ours is one line.
async fn put(input: &mut ChildStdin, message: &[u8]) -> Result<(), Fault> {
    let mut line: Vec<u8> = message.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    line.push(b'\n');
    let writing = async {
        input.write_all(&line).await?;
        input.flush().await
    };
    match tokio::time::timeout(WRITE_TIMEOUT, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Fault::Broken),
    }
}

/// The next line of at most `max` bytes, without its end. False at the end of all.
async fn next_line(
    input: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    max: usize,
) -> std::io::Result<bool> {
    line.clear();
    loop {
        let there = input.fill_buf().await?;
        if there.is_empty() {
            return Ok(false);
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let piece = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
        if line.len() + piece.len() > max {
            return Err(std::io::Error::other("a line is longer than `bounds.answer` allows"));
        }
        line.extend_from_slice(piece);
        let taken = piece.len() + usize::from(end.is_some());
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_have_a_bound() {
        let mut line = Vec::new();
        let mut input: &[u8] = b"ab\n\nabc\nabcd\n";
        for want in ["ab", "", "abc"] {
            assert!(next_line(&mut input, &mut line, 3).await.unwrap());
            assert_eq!(line, want.as_bytes());
        }
        assert!(next_line(&mut input, &mut line, 3).await.is_err());
        let mut cut: &[u8] = b"ab";
        assert!(!next_line(&mut cut, &mut line, 3).await.unwrap(), "a line without its end is none");
    }
}
