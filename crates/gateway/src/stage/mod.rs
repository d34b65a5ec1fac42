//! The stages of a request, one file each, in the order of `pipeline.rs`.

pub(crate) mod admit;
pub(crate) mod answer;
pub(crate) mod charge;
mod credential;
pub(crate) mod decide;
pub(crate) mod disclose;
pub(crate) mod forward;
pub(crate) mod identify;
pub(crate) mod inspect;
pub(crate) mod keep;
mod offered;
mod passing;
pub(crate) mod permit;
mod proposed;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod screen;
