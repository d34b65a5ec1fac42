//! `init`, and where the configuration is looked for.

use super::{Desk, Ran, SHOP};

#[test]
fn a_starting_configuration_can_be_used_as_it_is() {
    let desk = Desk::new();
    insta::assert_snapshot!("init_says", desk.run(&["init"]).fine());
    let written = std::fs::read_to_string(desk.path().join("botwarden.toml")).unwrap();
    insta::assert_snapshot!("init_writes", written);
    let mut check = desk.command(&["check"]);
    let said = Ran::of(&check.env("OPENAI_API_KEY", "sk-1").output().unwrap()).fine();
    assert!(said.starts_with("botwarden.toml can be used\n"), "{said}");
}

#[test]
fn what_is_commented_out_is_the_default() {
    let desk = Desk::new();
    desk.run(&["init"]).fine();
    let written = std::fs::read_to_string(desk.path().join("botwarden.toml")).unwrap();
    let mut everything = String::new();
    for line in written.lines() {
        let key = line.strip_prefix("# ").filter(|it| it.starts_with('[') || it.contains(" = "));
        // A sentence may hold a key's name; a line of the file begins with a key.
        let is_key = key.is_some_and(|it| it.starts_with('[') || it.split(' ').nth(1) == Some("="));
        everything += key.filter(|_| is_key).unwrap_or(line);
        everything.push('\n');
    }
    assert!(everything.contains("\nkeys_max = 1_000_000") && everything.contains("\nlevel = \"info\""));
    desk.write(
        "everything.toml",
        &everything.replace("\nbackend = ", "\n# backend = ").replace("\nurl = ", "\n# url = "),
    );
    let meaning = |file: &str| desk.run(&["check", "--config", file]).fine().replace(file, "FILE");
    assert_eq!(meaning("everything.toml"), meaning("botwarden.toml"));
}

#[test]
fn nothing_is_ever_overwritten() {
    let desk = Desk::new();
    desk.write("botwarden.toml", "mine");
    let said = desk.run(&["init"]).failed(3);
    assert_eq!(
        said,
        "error: `botwarden.toml` is there already and was left as it is\n  \
         mend: name another file (`botwarden init FILE`), or move that one away\n"
    );
    std::os::unix::fs::symlink("nowhere", desk.path().join("link.toml")).unwrap();
    desk.run(&["init", "link.toml"]).failed(3);
    assert!(!desk.path().join("nowhere").exists(), "a link is not followed");
    assert_eq!(std::fs::read_to_string(desk.path().join("botwarden.toml")).unwrap(), "mine");
}

#[test]
fn a_file_may_be_named_in_three_ways() {
    let desk = Desk::new();
    desk.write("shop.toml", SHOP);
    let other = SHOP.replace("\"shop\"", "\"desk\"");
    desk.write("desk.toml", &other);
    desk.run(&["check"]).failed(3);
    for (name, command, bot) in [
        ("after", desk.command(&["check", "--config", "shop.toml"]), "bot shop"),
        ("before", desk.command(&["--config", "shop.toml", "check"]), "bot shop"),
        (
            "after wins",
            desk.command(&["--config", "desk.toml", "check", "--config", "shop.toml"]),
            "bot shop",
        ),
    ] {
        let mut command = command;
        let said = Ran::of(&command.output().unwrap()).fine();
        assert!(said.contains(bot), "{name}: {said}");
        let said = Ran::of(&command.env("BOTWARDEN_CONFIG", "desk.toml").output().unwrap()).fine();
        assert!(said.contains(bot), "{name}, over the variable: {said}");
    }
    let said =
        Ran::of(&desk.command(&["check"]).env("BOTWARDEN_CONFIG", "desk.toml").output().unwrap()).fine();
    assert!(said.contains("bot desk"), "{said}");
    desk.run(&["--config", "new.toml", "init"]).fine();
    assert!(desk.path().join("new.toml").exists());
}
