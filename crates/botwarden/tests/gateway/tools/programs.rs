//! Tool servers that are programs.

use std::os::unix::fs::PermissionsExt as _;

use botwarden_testkit::{Gateway, soon};

use super::{ALL, LIST, call, client, gateway, names, said_no};

/// Speaks as much of the protocol as these tests need, in plain `sh`.
const SERVER: &str = r##"#!/bin/sh
echo $$ > "$1"
echo 'starting up, which is no message'
while read -r line; do
  id=${line#*'"id":'}; id=${id%%,*}
  case "$line" in
    *'"initialize"'*)
      echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"sh"}}}' ;;
    *'"tools/list"'*)
      echo '{"jsonrpc":"2.0","id":'$id',"result":{"tools":[{"name":"environment","inputSchema":{}},{"name":"die","inputSchema":{}},{"name":"hang","inputSchema":{}}]}}' ;;
    *'"name":"environment"'*)
      echo '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":'$id',"progress":1}}'
      echo '{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage"}'
      read -r refusal
      case "$refusal" in *-32601*) refused=yes ;; *) refused=no ;; esac
      echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[],"given":"'$GIVEN'","secret":"'$TOOL_TOKEN'","refused":"'$refused'"}}' ;;
    *'"name":"die"'*) exit 1 ;;
    *'"notifications/cancelled"'*) echo "$line" >> "$1.cancelled" ;;
  esac
done
"##;

struct Local {
    gateway: Gateway,
    key: String,
    folder: tempfile::TempDir,
}

impl Local {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("server.sh");
        std::fs::write(&program, SERVER).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let pid = folder.path().join("pid");
        let bot = format!(
            "tools = \"open\"\n[[bot.tool_server]]\nname = \"local\"\npin = \"off\"\ncommand = [\"/bin/sh\", {program:?}, {pid:?}]\nenv = [\"GIVEN\"]\ntimeout = \"5s\"\n"
        );
        let builder = botwarden_testkit::GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"));
        let builder = builder.env("TOOL_TOKEN", "tool-secret").env("GIVEN", "yes");
        let gateway = builder.bot("shop", "openai", "http://127.0.0.1:9/v1", &bot).start().await;
        let key = gateway.key("shop", &["chat"]).await;
        Self { gateway, key, folder }
    }

    fn pid(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default().trim().to_owned()
    }
}

fn runs(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).join("fd").exists()
}

#[tokio::test]
async fn a_program_gets_what_is_named_of_the_environment_and_nothing_else() {
    let local = Local::start().await;
    let mut client = client(&local.gateway, &local.key).await;
    let listed = client.post("/mcp/local", LIST).await;
    assert_eq!(names(&listed), ["environment", "die", "hang"]);
    let reply = client.post(ALL, call("1", "local__environment", "{}")).await;
    let result = &reply.json()["result"];
    assert_eq!((&result["given"], &result["secret"]), (&"yes".into(), &"".into()), "{}", reply.text());
    assert_eq!(result["refused"], "yes", "it may ask the client nothing");
}

#[tokio::test]
async fn one_that_ends_is_started_again() {
    let local = Local::start().await;
    let mut client = client(&local.gateway, &local.key).await;
    let reply = client.post(ALL, call("1", "local__die", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-broken");
    assert!(said_no(&reply).contains("not known"));
    soon("the program to run again", async {
        while client.post(ALL, call("1", "local__environment", "{}")).await.verdict() != "allowed" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn it_hears_of_cancellation_survives_a_reload_and_ends_with_the_gateway() {
    let mut local = Local::start().await;
    let mut client = client(&local.gateway, &local.key).await;
    client.post("/mcp/local", LIST).await;
    let pid = local.pid();
    let edit = async { local.gateway.edit("timeout = \"5s\"", "timeout = \"200ms\"") };
    local.gateway.logs("configuration reloaded", edit).await;
    let reply = client.post(ALL, call("1", "local__hang", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-timeout");
    let cancelled = local.folder.path().join("pid.cancelled");
    soon("the cancellation", async {
        while !cancelled.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(local.pid(), pid, "it is the same process");
    assert!(runs(&pid));
    local.gateway.signal("TERM").await;
    assert_eq!(local.gateway.ended().await, Some(0));
    soon("its end", async {
        while runs(&pid) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_be_started_is_said_to_be_unreachable() {
    let bot = "tools = \"open\"\n[[bot.tool_server]]\nname = \"local\"\npin = \"off\"\ncommand = [\"/nonexistent\"]\ntimeout = \"300ms\"\n";
    let gateway = gateway(bot, "").await;
    let key = gateway.key("shop", &["chat"]).await;
    let mut client = client(&gateway, &key).await;
    let reply = client.post(ALL, call("1", "local__x", "{}")).await;
    assert_eq!(reply.verdict(), "upstream-unreachable");
    assert!(said_no(&reply).contains("nothing was done"));
    assert!(gateway.log().contains("a tool server's program does not run"));
}
