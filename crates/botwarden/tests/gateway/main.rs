//! `botwarden serve` between a client and a scripted upstream: the real binary, real sockets.

mod support;

mod chat;
mod heads;
mod refusals;
