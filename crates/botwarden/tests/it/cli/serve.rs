//! `serve` as a command, and the other commands beside it.

use botwarden_testkit::{Gateway, GatewayBuilder};

use super::{Desk, Ran};

/// A server whose upstream nobody asks anything.
async fn serving() -> Gateway {
    let binary = env!("CARGO_BIN_EXE_botwarden");
    GatewayBuilder::new(binary).bot("shop", "openai", "http://127.0.0.1:9/v1", "").start().await
}

#[tokio::test]
async fn a_revocation_is_in_force_when_the_command_returns() {
    let server = serving().await;
    server.key("shop", &["chat"]).await;
    let listed = Ran::of(&server.command(&["key", "list", "--format", "json"]).await).fine();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let said = Ran::of(&server.command(&["key", "revoke", listed[0]["id"].as_str().unwrap()]).await).fine();
    assert!(said.ends_with("; the running server has put it in force\n"), "{said}");
}

#[tokio::test]
async fn a_data_directory_has_one_server() {
    let server = serving().await;
    let second = tokio::process::Command::new(env!("CARGO_BIN_EXE_botwarden"))
        .arg("serve")
        .env("PROVIDER_KEY", "sk-provider-secret")
        .current_dir(server.folder())
        .output();
    let said = Ran::of(&second.await.unwrap()).failed(3);
    assert!(said.starts_with("error: ") && said.contains("botwarden-data"), "{said}");
}

#[tokio::test]
async fn it_ends_well_when_asked_to() {
    for signal in ["TERM", "INT"] {
        let mut server = serving().await;
        server.signal(signal).await;
        assert_eq!(server.ended().await, Some(0), "{signal}");
    }
}

#[test]
fn a_provider_key_that_is_missing_stops_the_start() {
    let desk = Desk::new();
    desk.run(&["init"]).fine();
    let said = desk.run(&["serve"]).failed(3);
    assert!(
        said.contains("`shop`") && said.contains("`OPENAI_API_KEY`") && said.contains("not set"),
        "{said}"
    );
}
