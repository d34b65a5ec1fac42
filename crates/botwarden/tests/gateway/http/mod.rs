//! What is asked of HTTP itself: heads and bodies by the byte, connections, and everything that takes too long.

mod bodies;
mod connections;
mod heads;
mod waits;

use crate::support::{CHAT, Shop};

/// The head of a chat by the byte, with the shop's key and these more lines.
fn head(shop: &Shop, lines: &str) -> String {
    format!("POST {CHAT} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {}\r\n{lines}\r\n", shop.key)
}

/// How many answers these bytes hold.
fn answers(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|window| window == b"HTTP/1.1 ").count()
}
