//! `encrypt` and `decrypt`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use super::{Desk, Ran};

/// The key, token and message that fernet/spec publishes.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n";
const TOKEN: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

/// With a new key in `a.key`, and the published one in `old.key`.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.run(&["encrypt", "--new-key", "a.key"]).fine();
    desk.write("old.key", KEY);
    mode(&desk, "old.key", 0o600);
    desk
}

fn mode(desk: &Desk, name: &str, mode: u32) {
    fs::set_permissions(desk.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
}

fn piped(desk: &Desk, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = desk.command(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may refuse before it has read everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran::of(&output)
}

/// Every file there, so that nothing half made stays unseen.
fn files(desk: &Desk) -> Vec<String> {
    let entries = fs::read_dir(desk.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_pipe_goes_there_and_back() {
    let desk = desk();
    let token = piped(&desk, &["encrypt", "--key-file", "a.key"], b"Sensitive customer data").fine();
    assert!(token.starts_with("gAAAA") && token.ends_with('\n') && !token.contains("Sensitive"));
    for more in [&[][..], &["--strict"], &["--ttl", "1h"], &["-"]] {
        let arguments = [&["decrypt", "--key-file", "a.key"], more].concat();
        assert_eq!(piped(&desk, &arguments, token.as_bytes()).fine(), "Sensitive customer data", "{more:?}");
    }
}

#[test]
fn files_go_there_and_back() {
    let desk = desk();
    let message: Vec<u8> = (0..3_000_000u32).map(|at| ((at * 31) >> 3) as u8).collect();
    for (chunked, len) in [(false, 0), (false, 100_000), (true, 0), (true, 1 << 20), (true, 3_000_000)] {
        fs::write(desk.path().join("in"), &message[..len]).unwrap();
        let more = if chunked { &["--chunked"][..] } else { &[] };
        desk.run(&[&["encrypt", "--key-file", "a.key", "in", "-o", "sealed"], more].concat()).fine();
        desk.run(&[&["decrypt", "--key-file", "a.key", "sealed", "-o", "out"], more].concat()).fine();
        assert_eq!(fs::read(desk.path().join("out")).unwrap(), message[..len], "{chunked} {len}");
        assert_eq!(fs::metadata(desk.path().join("out")).unwrap().permissions().mode() & 0o777, 0o600);
        for name in ["in", "sealed", "out"] {
            fs::remove_file(desk.path().join(name)).unwrap();
        }
        assert_eq!(files(&desk), ["a.key", "old.key"]);
    }
}

#[test]
fn the_published_token_opens_under_any_of_the_keys() {
    let desk = desk();
    for keys in [&["--key-file", "old.key"][..], &["--key-file", "a.key", "--key-file", "old.key"]] {
        assert_eq!(piped(&desk, &[&["decrypt"], keys].concat(), TOKEN.as_bytes()).fine(), "hello");
    }
    let both = ["encrypt", "--key-file", "a.key", "--key-file", "old.key"];
    let token = piped(&desk, &both, b"x").fine();
    assert_eq!(piped(&desk, &["decrypt", "--key-file", "a.key"], token.as_bytes()).fine(), "x");
    piped(&desk, &["decrypt", "--key-file", "old.key"], token.as_bytes()).failed(1);
}

#[test]
fn a_refused_token_is_a_failed_check_and_leaves_nothing() {
    let desk = desk();
    let loose = TOKEN.replace("ODy", "O\nDy");
    for (name, more, token) in [
        ("changed", &["--key-file", "old.key"][..], TOKEN.replace("DA==", "DQ==").replace("oLDA0", "oLDB0")),
        ("another key", &["--key-file", "a.key"], TOKEN.to_owned()),
        ("too old", &["--key-file", "old.key", "--ttl", "1h"], TOKEN.to_owned()),
        ("another spelling", &["--key-file", "old.key", "--strict"], loose.clone()),
        ("no chunk", &["--key-file", "old.key", "--chunked"], TOKEN.to_owned()),
        ("empty", &["--key-file", "old.key"], String::new()),
        ("empty, chunked", &["--key-file", "old.key", "--chunked"], String::new()),
    ] {
        let said = piped(&desk, &[&["decrypt", "-o", "out"], more].concat(), token.as_bytes()).failed(1);
        assert!(said.contains("error: ") && said.contains("mend: "), "{name}: {said}");
        assert_eq!(files(&desk), ["a.key", "old.key"], "{name}");
    }
    assert_eq!(piped(&desk, &["decrypt", "--key-file", "old.key"], loose.as_bytes()).fine(), "hello");
}

#[test]
fn chunks_are_bound_to_their_places() {
    let desk = desk();
    let seal = |len: usize| {
        let sealed = piped(&desk, &["encrypt", "--key-file", "a.key", "--chunked"], &vec![b'm'; len]).fine();
        sealed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (lines, others) = (seal(2_500_000), seal(2_500_000));
    assert_eq!(lines.len(), 3);
    let [a, b, c] = [&lines[0], &lines[1], &lines[2]];
    for (name, text, want) in [
        ("as it was", vec![a, b, c], 0),
        ("cut off", vec![a, b], 1),
        ("dropped", vec![a, c], 1),
        ("without a beginning", vec![b, c], 1),
        ("swapped", vec![b, a, c], 1),
        ("doubled", vec![a, a, b, c], 1),
        ("more after the end", vec![a, b, c, c], 1),
        ("of another message", vec![a, &others[1], c], 1),
        ("an empty line", vec![a, b, &String::new(), c], 1),
    ] {
        let text: String = text.iter().map(|line| format!("{line}\n")).collect();
        let arguments = ["decrypt", "--key-file", "a.key", "--chunked", "-o", "out"];
        let ran = piped(&desk, &arguments, text.as_bytes());
        assert_eq!(ran.code, Some(want), "{name}: {ran:?}");
        assert_eq!(desk.path().join("out").exists(), want == 0, "{name}");
        let _ = fs::remove_file(desk.path().join("out"));
        assert_eq!(files(&desk), ["a.key", "old.key"], "{name}");
    }
}

#[test]
fn keys_are_for_their_owner_alone() {
    let desk = desk();
    let key = fs::read_to_string(desk.path().join("a.key")).unwrap();
    assert_eq!(
        (key.len(), fs::metadata(desk.path().join("a.key")).unwrap().permissions().mode() & 0o777),
        (45, 0o600)
    );
    desk.run(&["encrypt", "--new-key", "a.key"]).failed(3);
    assert_eq!(fs::read_to_string(desk.path().join("a.key")).unwrap(), key);
    for bits in [0o640, 0o604, 0o620] {
        mode(&desk, "a.key", bits);
        let said = piped(&desk, &["encrypt", "--key-file", "a.key"], b"x").failed(3);
        assert!(said.contains("chmod 600 a.key") && !said.contains(key.trim()), "{said}");
    }
    for (name, text) in [("empty", ""), ("short", "abc"), ("long", &KEY.repeat(9)), ("two", &KEY.repeat(2))] {
        desk.write("bad.key", text);
        mode(&desk, "bad.key", 0o600);
        let said = piped(&desk, &["encrypt", "--key-file", "bad.key"], b"x").failed(3);
        assert!(said.contains("holds no Fernet key"), "{name}: {said}");
    }
    piped(&desk, &["encrypt", "--key-file", "missing.key"], b"x").failed(3);
}

#[test]
fn bounds_and_files_that_are_there() {
    let desk = desk();
    desk.write("in", &"m".repeat(5000));
    let said = desk.run(&["encrypt", "--key-file", "a.key", "in", "--max", "4KiB"]).failed(3);
    assert!(said.contains("`in` is larger than 4 KiB") && said.contains("--chunked"), "{said}");
    let said = piped(&desk, &["encrypt", "--key-file", "a.key", "--max", "4KiB"], &[0; 5000]).failed(3);
    assert!(said.contains("standard input is larger than 4 KiB"), "{said}");
    let token = desk.run(&["encrypt", "--key-file", "a.key", "in"]).fine();
    let said =
        piped(&desk, &["decrypt", "--key-file", "a.key", "--max", "4999B"], token.as_bytes()).failed(3);
    assert!(said.contains("standard input is larger than 4999 bytes"), "{said}");
    assert_eq!(
        piped(&desk, &["decrypt", "--key-file", "a.key", "--max", "5000B"], token.as_bytes()).fine().len(),
        5000
    );
    desk.write("there", "mine");
    for arguments in [
        &["encrypt", "--key-file", "a.key", "in", "-o", "there"][..],
        &["decrypt", "--key-file", "a.key", "in", "-o", "there"],
    ] {
        let said = desk.run(arguments).failed(3);
        assert!(said.contains("is there already"), "{said}");
    }
    assert_eq!(fs::read_to_string(desk.path().join("there")).unwrap(), "mine");
    desk.run(&["encrypt", "--key-file", "a.key", "missing", "-o", "out"]).failed(3);
    assert_eq!(files(&desk), ["a.key", "in", "old.key", "there"]);
}

#[test]
fn a_killed_command_leaves_no_file() {
    let desk = desk();
    let mut command = desk.command(&["encrypt", "--key-file", "a.key", "--chunked", "-o", "out"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // More than it takes ahead: when all is taken, a chunk has been written.
    child.stdin.as_mut().unwrap().write_all(&vec![0; 4 << 20]).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(files(&desk), ["a.key", "old.key"]);
}
