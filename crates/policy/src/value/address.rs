//! Addresses of mail, of the web, of accounts and of telephones.

use super::Canon;

/// An address that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressIn {
    /// The address.
    pub canon: Canon,
    /// The byte at which it begins.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
}

/// Reads a text that is an address and nothing else.
pub(super) fn read(text: &str) -> Option<Canon> {
    let text = match text.rsplit_once('<') {
        Some((_, inside)) if text.ends_with('>') => inside.strip_suffix('>')?,
        _ => text.strip_prefix("mailto:").unwrap_or(text),
    };
    email(text).or_else(|| url(text)).or_else(|| account(text)).or_else(|| phone(text))
}

fn email(text: &str) -> Option<Canon> {
    memchr::memchr(b'@', text.as_bytes())?;
    let (local, host) = text.split_once('@')?;
    let plain = |char: char| {
        char.is_alphanumeric()
            || matches!(char, '.' | '_' | '%' | '+' | '-' | '\'' | '&' | '=' | '!' | '#' | '/' | '~')
    };
    let is_local = !local.is_empty() && local.chars().all(plain);
    (is_local && is_host(host)).then(|| Canon::Email(text.to_lowercase()))
}

fn is_host(host: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|char| char.is_alphanumeric() || char == '-');
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.')
        && host.split('.').all(label)
        && last.chars().count() >= 2
        && last.chars().all(char::is_alphabetic)
}

fn url(text: &str) -> Option<Canon> {
    let is_www = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    if !is_www && memchr::memmem::find(text.as_bytes(), b"://").is_none() {
        return None;
    }
    if text.chars().any(|char| char.is_whitespace() || matches!(char, '<' | '>' | '"')) {
        return None;
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+') => {
            (scheme.to_ascii_lowercase(), rest)
        }
        Some(_) => return None,
        None if is_www => ("http".to_owned(), text),
        None => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    if host.is_empty() {
        return None;
    }
    // With and without TLS it is the same page, and so is a path that is empty.
    let scheme = if scheme == "https" { "http" } else { &scheme };
    let path = if path == "/" { "" } else { path };
    Some(Canon::Url(format!("{scheme}://{}{path}", host.to_lowercase())))
}

/// An IBAN or what is written like one. The checksum is not asked for: banks abroad have numbers without.
fn account(text: &str) -> Option<Canon> {
    // Nearly nothing is one: looked at before anything is copied.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits < 8
        || !(14..=60).contains(&text.len())
        || !text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
    {
        return None;
    }
    let compact: String = text
        .chars()
        .filter(|char| !matches!(char, ' ' | '-' | '\u{a0}'))
        .collect::<String>()
        .to_ascii_uppercase();
    let bytes = compact.as_bytes();
    let letters = bytes.iter().take(2).filter(|byte| byte.is_ascii_uppercase()).count();
    let digits = bytes.iter().skip(2).take(2).filter(|byte| byte.is_ascii_digit()).count();
    let rest = bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 8;
    (letters == 2 && digits == 2 && rest && (14..=34).contains(&bytes.len()))
        .then_some(Canon::Account(compact))
}

/// A telephone number in the international form; one without its country could be several.
fn phone(text: &str) -> Option<Canon> {
    let rest = text
        .strip_prefix('+')
        .or_else(|| text.strip_prefix("00").filter(|_| text.contains([' ', '-', '/'])))?;
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let is_plain =
        rest.chars().all(|char| char.is_ascii_digit() || matches!(char, ' ' | '-' | '(' | ')' | '.' | '/'));
    (is_plain && (7..=15).contains(&digits.len())).then(|| Canon::Phone(format!("+{digits}")))
}

/// The addresses in a text.
pub fn addresses_in(text: &str) -> Vec<AddressIn> {
    let mut found = Vec::new();
    let outer = |char: char| {
        char.is_whitespace()
            || matches!(char, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '`' | '*' | '\\')
    };
    let mut from = 0;
    for token in text.split(outer) {
        let start = from;
        // What was split off here is one character long.
        from += token.len()
            + text.get(start + token.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        // Several addresses may stand in one token: `a@b.example,c@d.example`.
        let mut inner = start;
        for piece in token.split([',', ';']) {
            push(&mut found, piece, inner);
            inner += piece.len() + 1;
        }
    }
    accounts_in_groups(text, &mut found);
    phones_in(text, &mut found);
    found
}

fn push(found: &mut Vec<AddressIn>, piece: &str, start: usize) {
    let trimmed = piece.trim_start_matches(['\'', '“', '‘', '«', '„', ':', '=']);
    let begin = start + piece.len() - trimmed.len();
    let trimmed = trimmed.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '“', '”', '’', '»']);
    let bare = trimmed.strip_suffix("'s").unwrap_or(trimmed).trim_start_matches("mailto:");
    if bare.len() < 5 || has_no_mark(bare) {
        return;
    }
    if let Some(canon) =
        email(bare).or_else(|| url(bare)).or_else(|| account(bare)).or_else(|| bare_host(bare))
    {
        found.push(AddressIn { canon, start: begin, end: begin + trimmed.len() });
    }
}

/// Whether it can be no address: most words have neither a point, an at, nor a digit.
fn has_no_mark(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'.' | b'@' | b':') || byte.is_ascii_digit())
}

/// `example.com/path`: somebody's way to write an address of the web.
fn bare_host(text: &str) -> Option<Canon> {
    let host = text.split(['/', '?', '#']).next()?;
    let is_file = text.len() == host.len()
        && FILE_ENDINGS.iter().any(|ending| host.to_ascii_lowercase().ends_with(ending));
    (is_host(host) && !is_file).then(|| url(&format!("http://{text}"))).flatten()
}

const FILE_ENDINGS: &[&str] = &[
    ".txt", ".md", ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".csv", ".json", ".xml",
    ".html", ".htm", ".png", ".jpg", ".jpeg", ".gif", ".zip", ".log", ".py", ".rs", ".js", ".ts", ".odt",
    ".ods", ".rtf", ".yaml", ".yml", ".toml", ".eml", ".ics",
];

/// The links in a text: each has a point or a scheme, so the rest of it is not looked at.
pub fn links_in(text: &str) -> Vec<Canon> {
    let mut links = Vec::new();
    let outer = |char: char| {
        char.is_whitespace()
            || matches!(
                char,
                '<' | '>' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '`' | '*' | '\\' | ',' | ';'
            )
    };
    let mut from = 0;
    while let Some(point) =
        memchr::memchr(b'.', text.as_bytes().get(from..).unwrap_or_default()).map(|at| at + from)
    {
        // Most points end a sentence.
        let next = text.as_bytes().get(point + 1).copied().unwrap_or(b' ');
        if next <= b' ' {
            from = point + 1;
            continue;
        }
        let before = text.get(..point).unwrap_or_default();
        let start = before.rfind(outer).map_or(0, |at| {
            at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
        });
        let rest = text.get(point..).unwrap_or_default();
        let end = point + rest.find(outer).unwrap_or(rest.len());
        if end > point + 2 && start < point && start >= from.min(start) {
            let mut found = Vec::new();
            push(&mut found, text.get(start..end).unwrap_or_default(), start);
            links.extend(
                found.into_iter().map(|found| found.canon).filter(|canon| matches!(canon, Canon::Url(_))),
            );
        }
        from = end.max(point + 1);
    }
    links
}

/// `DE89 3704 0044 0532 0130 00`.
fn accounts_in_groups(text: &str, found: &mut Vec<AddressIn>) {
    let words = super::words_of(text);
    for (at, word) in words.iter().enumerate() {
        let raw = text.get(word.start..word.end).unwrap_or_default();
        let bytes = raw.as_bytes();
        let begins = bytes.len() == 4
            && bytes.iter().take(2).all(u8::is_ascii_uppercase)
            && bytes.iter().skip(2).all(u8::is_ascii_digit);
        if !begins {
            continue;
        }
        let (mut end, mut longest) = (word.end, None);
        for next in words.iter().skip(at + 1).take(8) {
            let between = text.get(end..next.start).unwrap_or_default();
            let raw = text.get(next.start..next.end).unwrap_or_default();
            let fits =
                raw.len() <= 4 && raw.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
            if !matches!(between, " " | "-" | "\u{a0}") || !fits {
                break;
            }
            end = next.end;
            let whole = text.get(word.start..end).unwrap_or_default();
            if let Some(canon) = account(whole) {
                longest = Some(AddressIn { canon, start: word.start, end });
            }
            if raw.len() < 4 {
                break;
            }
        }
        found.extend(longest);
    }
}

/// `+49 (170) 123-4567`.
fn phones_in(text: &str, found: &mut Vec<AddressIn>) {
    for (start, _) in text.match_indices('+') {
        let rest = text.get(start + 1..).unwrap_or_default();
        let inner = |char: char| char.is_ascii_digit() || matches!(char, ' ' | '-' | '(' | ')' | '.' | '/');
        let length = rest.find(|char| !inner(char)).unwrap_or(rest.len());
        let whole = text
            .get(start..start + 1 + length)
            .unwrap_or_default()
            .trim_end_matches([' ', '.', '-', '(', '/']);
        if let Some(canon) = phone(whole) {
            found.push(AddressIn { canon, start, end: start + whole.len() });
        }
    }
}
