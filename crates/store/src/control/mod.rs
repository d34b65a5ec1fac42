//! The socket by which another process on the machine tells the serving one that keys have changed.
//!
//! `botwarden key revoke` commits to the database, then calls [`notify_keys_changed`] and returns when the server has answered: by then
//! the revocation is in force. [`ControlListener`] is the server's side. The socket `control.sock` lies in the data directory (mode 0600
//! in a directory of 0700), and either side checks that the other runs as the same user or as root.

mod client;
mod server;
mod wire;

pub use client::{Notified, NotifyError, notify_keys_changed, tell};
pub use server::{BindError, ControlListener, Handler, HandlerError};
pub use wire::News;
