//! Habits of every file: no path of somebody's machine, and no Rust file that cannot be read in one sitting.

use std::path::{Path, PathBuf};

/// Lines of a Rust file, its tests included. `tests.rs` holds tables and may be longer.
const FILE_LINES_MAX: usize = 600;

/// What holds no source: what builds, fuzzing and running leave behind. In a linked worktree `.git` is a file.
const LEFTOVERS: &[&str] =
    &[".git", "target", "fuzz/corpus", "fuzz/artifacts", "botwarden-data", "__pycache__"];

/// Snapshots that nobody has looked at yet; they name the machine and are not committed.
const UNACCEPTED: &[&str] = &[".pending-snap", ".snap.new"];

/// Where paths begin that exist on one machine only. In pieces, because this file is checked as well.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file of the repository, with its path from the root.
pub(crate) fn files() -> Vec<(String, PathBuf)> {
    files_in(root())
}

/// The Rust files in a folder and those below, each with its path from there and its text; tables of tests aside.
pub(crate) fn rust_files(folder: &Path) -> Vec<(String, String)> {
    let sources =
        files_in(folder).into_iter().filter(|(name, _)| name.ends_with(".rs") && !name.ends_with("tests.rs"));
    sources.map(|(name, path)| (name, std::fs::read_to_string(path).expect("a Rust file"))).collect()
}

/// Every file in a folder and those below, with its path from there.
fn files_in(top: &Path) -> Vec<(String, PathBuf)> {
    let mut folders = vec![top.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if LEFTOVERS.iter().any(|it| path.ends_with(it)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() && !UNACCEPTED.iter().any(|it| path.to_string_lossy().ends_with(it)) {
                let name = path.strip_prefix(top).expect("below the top").to_string_lossy().into_owned();
                files.push((name, path));
            }
        }
    }
    files
}

/// The first path of a machine in `text`. A path begins where no word, folder or host name goes on before it.
fn machine_path(text: &str) -> Option<&str> {
    MACHINE_PATHS.iter().find_map(|needle| {
        text.match_indices(needle).find_map(|(at, _)| {
            let before = text[..at].chars().next_back();
            let starts = before.is_none_or(|it| !it.is_alphanumeric() && !"/._-*}".contains(it));
            starts.then(|| text[at..].split_whitespace().next().unwrap_or_default())
        })
    })
}

#[test]
fn no_file_names_a_path_of_somebodys_machine() {
    let mut wrong = Vec::new();
    for (name, path) in files() {
        let bytes = std::fs::read(path).expect("a file");
        if let Some(found) = machine_path(&String::from_utf8_lossy(&bytes)) {
            wrong.push(format!(
                "{name}: `{found}`: write the path from the root of the repository, or make it up"
            ));
        }
    }
    super::none(&wrong);
}

#[test]
fn machine_paths_are_found_where_they_begin() {
    for (text, want) in [
        (concat!("see /ro", "ot/x.rs here"), true),
        (concat!("\"/ho", "me/me/y\""), true),
        (concat!("file:///wo", "rk/z"), false),
        (concat!("https://example.com/ho", "me/page"), false),
        (concat!("a/wo", "rk/b"), false),
        ("nothing", false),
    ] {
        assert_eq!(machine_path(text).is_some(), want, "{text}");
    }
}

#[test]
fn every_rust_file_can_be_read_in_one_sitting() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files(root()) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!(
                "{name} has {lines} lines, more than {FILE_LINES_MAX}: make it a folder with a file per idea, or move \
                 its table of tests to a sibling tests.rs"
            ));
        }
    }
    super::none(&wrong);
}
