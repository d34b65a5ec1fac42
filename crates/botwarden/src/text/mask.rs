//! Text from outside made fit for a terminal and a log.

/// The text with each control character written out, so that it cannot steer a terminal or break a line.
pub(crate) fn calm(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// What providers begin their keys with. Ours too.
const PREFIXES: &[&str] =
    &["sk-", "bw_", "bws_", "bwroot1_", "AIza", "gsk_", "xai-", "hf_", "ghp_", "github_pat_", "pk-", "key-"];
/// A run of letters and digits this long is no word, whatever it begins with.
const RUN_CHARS: usize = 32;
/// A run with a known prefix is a key from this length on.
const PREFIXED_CHARS: usize = 12;

/// The text with everything that looks like a credential replaced by as many `*`, so that columns stay where they are.
///
/// For messages about configuration files: people paste keys into the wrong place, and what is wrong gets printed. It
/// knows credentials by their looks, so it can miss one; places made for credentials are hidden altogether by the reader.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    for c in without_passwords(text).chars() {
        if is_token(c) {
            run.push(c);
            continue;
        }
        masked += &mask_run(&run);
        run.clear();
        masked.push(c);
    }
    masked += &mask_run(&run);
    masked
}

/// The text with the passwords in addresses (`scheme://user:password@host`) replaced. A password may hold `@`, and in a slip `/` and `:`.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked += "://";
        let end =
            part.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')).unwrap_or(part.len());
        let (address, rest) = part.split_at(end);
        match (address.find(':'), address.rfind('@')) {
            (Some(colon), Some(at)) if colon < at => {
                let (user, password) = address.split_at(colon + 1);
                let (password, host) = password.split_at(at - colon - 1);
                masked += user;
                masked.extend(password.chars().map(|_| '*'));
                masked += host;
            }
            _ => masked += address,
        }
        masked += rest;
    }
    masked
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn mask_run(run: &str) -> String {
    let prefixed = run.len() >= PREFIXED_CHARS && PREFIXES.iter().any(|prefix| run.starts_with(prefix));
    let has = |class: fn(&char) -> bool| run.chars().any(|c| class(&c));
    let random = run.len() >= RUN_CHARS && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
    if prefixed || random { "*".repeat(run.len()) } else { run.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_masked() {
        for (text, want) in [
            ("key = \"sk-proj-abc123def456\"", "key = \"********************\""),
            ("found `AIzaSyA1234567`, expected", "found `**************`, expected"),
            ("0123456789abcdef0123456789abcdef", "********************************"),
            ("models = [\"claude-3-5-sonnet-20241022\"]", "models = [\"claude-3-5-sonnet-20241022\"]"),
            ("bot[0].upstream.key", "bot[0].upstream.key"),
            ("sk-*", "sk-*"),
            ("url = \"postgres://bw:hunter2@db/bw\" # x@y", "url = \"postgres://bw:*******@db/bw\" # x@y"),
            ("postgres://bw:hun/t@er:2@db:5432/bw,", "postgres://bw:**********@db:5432/bw,"),
            ("postgres://bw@db:5432/bw http://[::1]:80", "postgres://bw@db:5432/bw http://[::1]:80"),
            ("the-quick-brown-fox-jumps-over-the-lazy-dog", "the-quick-brown-fox-jumps-over-the-lazy-dog"),
            ("", ""),
        ] {
            assert_eq!(mask(text), want);
        }
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(calm("a\u{1b}[31m\n\u{9b}"), "a\\u{1b}[31m\\n\\u{9b}");
        assert_eq!(calm("ä `x`"), "ä `x`");
    }
}
