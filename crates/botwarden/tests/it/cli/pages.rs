//! Completions and manual pages.

use std::process::Stdio;

use super::Desk;

#[test]
fn completions_know_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = desk.run(&["completions", shell]).fine();
        for word in ["serve", "issue", "config", "encrypt", "new-key"] {
            assert!(script.contains(word), "{shell} knows {word}");
        }
    }
}

#[test]
fn pages_are_printed_or_written() {
    let desk = Desk::new();
    let page = desk.run(&["man"]).fine();
    assert!(page.contains(".TH botwarden 1") && page.contains("Exit codes"), "{page}");
    desk.run(&["man", "--dir", "man/man1"]).fine();
    desk.run(&["man", "--dir", "man/man1"]).fine();
    for page in [
        "botwarden.1",
        "botwarden-serve.1",
        "botwarden-key-issue.1",
        "botwarden-decrypt.1",
        "botwarden-config-schema.1",
    ] {
        assert!(desk.path().join("man/man1").join(page).exists(), "{page}");
    }
}

/// `botwarden … | head`: the reader is gone before anything is written.
#[test]
fn a_closed_pipe_is_quiet() {
    let desk = Desk::with_shop();
    desk.run(&["key", "issue", "--bot", "shop"]).fine();
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["config", "schema"],
        &["key", "list"],
        &["check"],
        &["--help"],
    ] {
        let mut command = desk.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}
