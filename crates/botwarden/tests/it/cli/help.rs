//! Every command's help, word for word, and what wrong usage is answered with.

use super::Desk;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["demo"],
    &["serve"],
    &["init"],
    &["check"],
    &["config"],
    &["config", "schema"],
    &["key"],
    &["key", "issue"],
    &["key", "list"],
    &["key", "revoke"],
    &["keyring"],
    &["keyring", "init"],
    &["keyring", "list"],
    &["keyring", "rotate"],
    &["keyring", "move"],
    &["keyring", "destroy"],
    &["approval"],
    &["approval", "list"],
    &["approval", "show"],
    &["approval", "decide"],
    &["quarantine"],
    &["quarantine", "add"],
    &["quarantine", "lift"],
    &["quarantine", "list"],
    &["audit"],
    &["audit", "verify"],
    &["audit", "prove"],
    &["audit", "export"],
    &["audit", "tail"],
    &["audit", "key"],
    &["audit", "witness"],
    &["backup"],
    &["backup", "create"],
    &["backup", "restore"],
    &["subject"],
    &["subject", "export"],
    &["subject", "erase"],
    &["encrypt"],
    &["decrypt"],
    &["completions"],
    &["man"],
];

#[test]
fn every_help_reads_well() {
    let desk = Desk::new();
    for command in COMMANDS {
        let help = desk.run(&[command, &["--help"][..]].concat()).fine();
        assert!(help.contains("Example"), "{command:?} has an example");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command:?} is at most 100 wide");
        let name = format!("help{}", command.iter().map(|word| format!("_{word}")).collect::<String>());
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, help);
        });
    }
}

#[test]
fn wrong_usage_is_told_on_standard_error() {
    let desk = Desk::with_shop();
    for arguments in [
        &[][..],
        &["serv"],
        &["serve", "--port", "4000"],
        &["key"],
        &["key", "issue"],
        &["key", "issue", "--bot", "shop", "--right", "admin"],
        &["key", "issue", "--bot", "shop", "--expires", "30"],
        &["key", "issue", "--bot", "shop", "--expires", "0d"],
        &["key", "issue", "--bot", "shop", "--label", ""],
        &["key", "issue", "--bot", "shop", "--label", "two\nlines"],
        &["key", "issue", "--bot", "shop", "--right", "chat", "--right", "approve"],
        &["key", "revoke"],
        &["key", "revoke", "Not An Id"],
        &["key", "list", "--format", "yaml"],
        &["encrypt"],
        &["encrypt", "--key-file", "k", "--new-key", "n"],
        &["encrypt", "--key-file", "k", "--max", "1GB"],
        &["encrypt", "--key", "secret"],
        &["decrypt"],
        &["decrypt", "--key-file", "k", "--ttl", "60"],
        &["decrypt", "--key-file", "k", "--new-key", "n"],
        &["completions", "cobol"],
        &["init", "a", "b"],
        &["demo", "--format", "json"],
    ] {
        let said = desk.run(arguments).failed(2);
        assert!(said.contains("error:") || said.contains("Usage:"), "{arguments:?}: {said}");
    }
}

#[test]
fn the_version_is_the_packages() {
    assert_eq!(Desk::new().run(&["--version"]).fine(), format!("botwarden {}\n", env!("CARGO_PKG_VERSION")));
}
