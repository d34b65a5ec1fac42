//! The commands, one module each: what may be asked (its arguments), and how it is done.

pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config_schema;
pub(crate) mod demo;
pub(crate) mod fernet;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod keyring;
pub(crate) mod man;
pub(crate) mod policy;
pub(crate) mod quarantine;
pub(crate) mod serve;
pub(crate) mod subject;
