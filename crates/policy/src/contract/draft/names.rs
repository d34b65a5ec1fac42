//! Names taken apart.

/// The words of a name: `createCalendarEvent`, `create_calendar_event`.
pub(super) fn tokens(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut was_lower = false;
    let mut begin = true;
    for char in name.chars() {
        if !char.is_alphanumeric() {
            begin = true;
            was_lower = false;
            continue;
        }
        if begin || (was_lower && char.is_uppercase()) {
            tokens.push(String::new());
            begin = false;
        }
        was_lower = char.is_lowercase() || char.is_numeric();
        if let Some(token) = tokens.last_mut() {
            token.extend(char.to_lowercase());
        }
    }
    tokens
}

/// The words of a text in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    crate::value::words_of(text).into_iter().map(|word| word.text).collect()
}

/// A pattern for the word with any ending.
pub(super) fn stem(word: &str) -> String {
    let bare = word.strip_suffix('s').filter(|bare| bare.chars().count() > 3).unwrap_or(word);
    let bare = bare.strip_suffix('e').filter(|bare| bare.chars().count() > 3).unwrap_or(bare);
    if bare.chars().count() > 2 { format!("{bare}*") } else { word.to_owned() }
}

/// Whether such a tool reads from outside.
pub(super) fn goes_out(tokens: &[String]) -> bool {
    let outside = [
        "web",
        "webpage",
        "website",
        "url",
        "http",
        "https",
        "internet",
        "online",
        "google",
        "bing",
        "scrape",
        "crawl",
        "browse",
        "wikipedia",
        "download",
    ];
    tokens.iter().any(|token| outside.contains(&token.as_str()))
}

/// Whether such a tool answers with text that anyone may have written.
pub(super) fn answers_text(tokens: &[String]) -> bool {
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    let documents = [
        "file",
        "files",
        "document",
        "doc",
        "page",
        "content",
        "contents",
        "note",
        "text",
        "attachment",
        "pdf",
        "article",
        "resource",
        "path",
    ];
    goes_out(tokens)
        || has(&["article", "webpage"])
        || (has(&["read", "cat", "fetch", "download", "load", "open"]) && has(&documents))
}
