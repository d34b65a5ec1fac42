//! Pages lead where they say: links between them, and the pages that sources name.

use std::collections::HashSet;
use std::path::Path;

use crate::tree::{files, root};

/// Results are made by `cargo xtask prove`; what names them need not have them.
const MADE_LATER: &str = "docs/results/";

#[test]
fn every_link_of_a_page_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    for (name, path) in files().into_iter().filter(|(name, _)| name.ends_with(".md")) {
        let text = std::fs::read_to_string(&path).expect("a page");
        let folder = path.parent().expect("a folder");
        for target in links(&text) {
            if let Some(fault) = fault(folder, &path, &target) {
                wrong.push(format!("{name}: `{target}`: {fault}"));
            }
        }
    }
    super::none(&wrong);
}

#[test]
fn every_page_that_a_file_names_is_there() {
    let mut wrong = Vec::new();
    for (name, path) in files() {
        let bytes = std::fs::read(path).expect("a file");
        for page in named_pages(&String::from_utf8_lossy(&bytes)) {
            if !page.starts_with(MADE_LATER) && !root().join(page).is_file() {
                wrong.push(format!("{name}: `{page}` is not there"));
            }
        }
    }
    super::none(&wrong);
}

/// What is wrong with a link, if anything. Addresses on the network are not asked.
fn fault(folder: &Path, page: &Path, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { page.to_owned() } else { folder.join(file) };
    if !file.exists() {
        return Some("no such file");
    }
    let there = heading.is_empty() || headings(&std::fs::read_to_string(file).ok()?).contains(heading);
    (!there).then_some("no such heading")
}

/// Lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Targets of `[words](target)`.
fn links(text: &str) -> Vec<String> {
    let pieces = prose(text).flat_map(|line| line.split("](").skip(1));
    pieces.filter_map(|piece| piece.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// Headings as links name them: lower case, words joined by `-`, nothing else but letters, digits and `_`.
fn headings(text: &str) -> HashSet<String> {
    let titles =
        prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let slug = |title: &str| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
    };
    titles.map(slug).collect()
}

/// Paths below `docs/` in a text.
fn named_pages(text: &str) -> Vec<&str> {
    let in_path =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | '-' | '_' | '.');
    let paths = text.match_indices("docs/").filter_map(|(at, _)| {
        let begins = !text[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-'));
        let rest = &text[at..];
        let end = rest.find(|c| !in_path(c)).unwrap_or(rest.len());
        begins.then(|| rest[..end].trim_end_matches('.'))
    });
    paths.filter(|path| [".md", ".toml", ".svg"].iter().any(|it| path.ends_with(it))).collect()
}

#[test]
fn links_headings_and_pages_are_found() {
    let text = concat!(
        "# A `b.c` d\n[x](y.md#z), [v](#w)\n```\n[no](code)\n```\nsee doc",
        "s/a/b-c.md. Or /doc",
        "s/d.md\n"
    );
    assert_eq!(links(text), ["y.md#z", "#w"]);
    assert_eq!(headings(text), HashSet::from(["a-bc-d".to_owned()]));
    assert_eq!(named_pages(text), [concat!("doc", "s/a/b-c.md")]);
}
