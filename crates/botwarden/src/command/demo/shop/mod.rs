//! A shop with a support bot, as somebody would build it who trusts the model: the bot runs every tool call it is told to.
//!
//! [`Bot`] is the application behind Botwarden: it opens a session for each customer with its backend key, posts there what the
//! customer typed, and talks to the model and to the tools with the session's token alone. [`ToolServer`] runs the tools on the
//! orders in [`Database`]. Nothing here checks whose order is asked for, or who said so: that is what a hijacked bot looks like
//! from outside, and what the gateway must contain.

mod answer;
mod bot;
mod database;
mod tool_server;
mod tools;

pub(super) use bot::{Bot, CHAT, SESSIONS, STAFF_TOKEN, Session, Talk};
pub(super) use database::Database;
pub(super) use tool_server::ToolServer;

/// A customer of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    /// Its key in the database, and its name at the gateway.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
}

pub(super) const ALICE: Customer = Customer { id: "c-101", name: "alice" };
pub(super) const BOB: Customer = Customer { id: "c-102", name: "bob" };
pub(super) const CHLOE: Customer = Customer { id: "c-103", name: "chloe" };
pub(super) const DORA: Customer = Customer { id: "c-104", name: "dora" };
pub(super) const ERIN: Customer = Customer { id: "c-105", name: "erin" };
pub(super) const FRANK: Customer = Customer { id: "c-106", name: "frank" };
pub(super) const MALLORY: Customer = Customer { id: "c-107", name: "mallory" };
pub(super) const TRUDY: Customer = Customer { id: "c-108", name: "trudy" };
