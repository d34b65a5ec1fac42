//! A language model that is not one: a script behind the OpenAI dialect, on a loopback port of its own.
//!
//! It is deterministic and says what it is: `system_fingerprint` is `scripted` in every answer, and it admits it when
//! asked. It is also the worst case on purpose: [`command`] takes orders from users and from whatever its tools return,
//! as a hijacked model would. Like a vendor, it serves only who holds its key, so nobody gets around the gateway.

mod command;
mod render;
mod script;
mod server;
mod wire;

pub(super) use server::ScriptedModel;

/// The one model it has.
pub(super) const MODEL: &str = "shop-assistant";
