//! The end-to-end load rig: what does a request cost through Botwarden, and through others, in the same run?
//!
//! Four programs share this crate. `upstream` poses as a model server, `bare_proxy` is the baseline that Botwarden is
//! held against, `load` asks questions of any of them, and `compare` starts the contestants, lets each do the same
//! work in turn, and judges the ratios. [`contestant::Contestant`] is a proxy under test, [`load`] makes the traffic,
//! [`mode`] holds one file per question answered.
//!
//! Promises: traffic goes to the loopback address alone, and every run is bounded in count and in time. Processor time
//! comes from the kernel's clock of each process, which includes threads that have ended. No request is left out of a
//! latency figure, and in the open loop each is timed from when it should have started.

#![expect(
    missing_docs,
    reason = "a program's own library: what is not obvious from its name carries a comment"
)]

pub mod contestant;
pub mod deal;
pub mod load;
pub mod machine;
pub mod mode;
pub mod process;
pub mod reply;
pub mod report;
pub mod spread;
pub mod upstream;
pub mod wire;
