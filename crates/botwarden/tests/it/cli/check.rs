//! `check`, and what other commands do with a configuration that fails it.

use std::os::unix::fs::PermissionsExt;

use super::{Desk, SHOP};

#[test]
fn what_was_understood_is_printed() {
    let desk = Desk::new();
    desk.run(&["init"]).fine();
    insta::assert_snapshot!("check_of_init", desk.run(&["check"]).fine());
}

#[test]
fn findings_are_printed_with_their_lines() {
    let desk = Desk::new();
    desk.write("botwarden.toml", &SHOP.replace("models", "modles"));
    let ran = desk.run(&["check"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!("check_of_a_slip", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn findings_are_printed_for_programs() {
    let desk = Desk::new();
    desk.write("botwarden.toml", &SHOP.replace("models", "modles"));
    let ran = desk.run(&["check", "--format", "json"]);
    assert_eq!(ran.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    insta::assert_json_snapshot!("check_of_a_slip_json", report);
    desk.write("botwarden.toml", SHOP);
    let report: serde_json::Value =
        serde_json::from_str(&desk.run(&["check", "--format", "json"]).fine()).unwrap();
    insta::assert_json_snapshot!("check_of_a_shop_json", report);
}

#[test]
fn what_does_not_fit_this_machine_is_found() {
    let desk = Desk::new();
    desk.write("botwarden.toml", &SHOP.replace("\" }", "\", ca_file = \"ca.pem\" }"));
    std::fs::create_dir(desk.path().join("botwarden-data")).unwrap();
    std::fs::set_permissions(desk.path().join("botwarden-data"), std::fs::Permissions::from_mode(0o755))
        .unwrap();
    let ran = desk.run(&["check"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("bot[0].upstream.ca_file: found `ca.pem`, which cannot be read"), "{}", ran.out);
    assert!(ran.out.contains("data_dir: found") && ran.out.contains("chmod 700"), "{}", ran.out);
    assert!(ran.out.contains("botwarden.toml cannot be used here: 2 errors"), "{}", ran.out);
}

#[test]
fn who_keeps_watch_over_the_audit_log_is_told() {
    let desk = Desk::new();
    let watch = include_str!("../../../../../testdata/fuzz/config/watch_over_the_audit_log");
    desk.write("botwarden.toml", &watch.replace("/mnt/worm", "/nonexistent/worm"));
    let ran = desk.run(&["check"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let audit = "audit     every 30 s, cosigned by 1 of 2: witness.example.com/1, witness.example.net, sent to \
                 worm (file), siem (syslog), hook (webhook), bucket (s3)\n";
    assert!(ran.out.contains(audit), "{}", ran.out);
    for missing in [
        "audit.send[0].to: found `/nonexistent/worm`, where there is no folder",
        "audit.send[2].token: found a secret that cannot be read (the variable `HOOK_TOKEN` is not set)",
        "audit.send[2].hmac_key: found a secret that cannot be read",
        "audit.send[3]: found a secret that cannot be read (the variable `AWS_ACCESS_KEY_ID` is not set)",
    ] {
        assert!(ran.out.contains(missing), "{missing}: {}", ran.out);
    }
}

#[test]
fn a_bad_configuration_stops_every_command_that_needs_one() {
    let desk = Desk::new();
    desk.write("botwarden.toml", &SHOP.replace("shop", "The Shop"));
    for arguments in
        [&["serve"][..], &["key", "issue", "--bot", "shop"], &["key", "list"], &["key", "revoke", "key_a"]]
    {
        let said = desk.run(arguments).failed(3);
        assert!(
            said.starts_with("botwarden.toml:6:8: bot[0].name: found `The Shop`"),
            "{arguments:?}: {said}"
        );
        assert!(said.ends_with("botwarden.toml cannot be used: 1 error\n"), "{arguments:?}: {said}");
    }
    assert!(!desk.path().join("botwarden-data").exists(), "nothing was made");
}

#[test]
fn a_file_that_is_not_there_is_no_finding() {
    let desk = Desk::new();
    let said = desk.run(&["check"]).failed(3);
    assert!(
        said.contains("`botwarden.toml` could not be read; `botwarden init` writes a starting one"),
        "{said}"
    );
    assert!(said.contains("caused by: "), "{said}");
}
