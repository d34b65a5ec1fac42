//! Random IVs, drawn ahead.
//!
//! Asking for 16 random bytes costs more than sealing 64 bytes with them, so a thread asks for 4 KiB at a time. Every byte is
//! used once and wiped as it is taken; what is left is wiped when the thread ends. A forked child does not use what its
//! parent drew.

use std::cell::RefCell;

use zeroize::Zeroize as _;

use crate::body::IV_BYTES;
use crate::fork;

/// Random bytes a thread draws at a time.
const POOL_BYTES: usize = 4096;

/// The system gave no randomness. Nothing can be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no randomness")]
pub struct RandomnessError;

/// Random bytes that were not used yet. INVARIANT: `ready` and above are zero.
struct Pool {
    bytes: Box<[u8; POOL_BYTES]>,
    ready: usize,
    /// The process that drew them.
    process: u64,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool { bytes: Box::new([0; POOL_BYTES]), ready: 0, process: 0 });
}

/// A random IV.
pub(crate) fn draw() -> Result<[u8; IV_BYTES], RandomnessError> {
    // While a thread ends its pool is gone, and the system is asked.
    POOL.try_with(|pool| pool.try_borrow_mut().map_or_else(|_| fresh(), |mut pool| pool.draw()))
        .unwrap_or_else(|_| fresh())
}

fn fresh() -> Result<[u8; IV_BYTES], RandomnessError> {
    let mut iv = [0; IV_BYTES];
    aws_lc_rs::rand::fill(&mut iv).map_err(|_| RandomnessError)?;
    Ok(iv)
}

impl Pool {
    fn draw(&mut self) -> Result<[u8; IV_BYTES], RandomnessError> {
        let process = fork::process();
        if self.process != process || self.ready < IV_BYTES {
            self.refill(process)?;
        }
        let Some((rest, iv)) = self.bytes.get_mut(..self.ready).and_then(|it| it.split_last_chunk_mut())
        else {
            return fresh();
        };
        self.ready = rest.len();
        let drawn = *iv;
        iv.zeroize();
        Ok(drawn)
    }

    fn refill(&mut self, process: u64) -> Result<(), RandomnessError> {
        self.ready = 0;
        aws_lc_rs::rand::fill(&mut *self.bytes).map_err(|_| RandomnessError)?;
        (self.ready, self.process) = (POOL_BYTES, process);
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_iv_comes_twice() {
        let draws = |n| (0..n).map(|_| draw().unwrap()).collect::<Vec<_>>();
        let mut seen: HashSet<_> = draws(3000).into_iter().collect();
        let other = std::thread::spawn(move || draws(3000)).join().unwrap();
        seen.extend(other);
        assert_eq!(seen.len(), 6000);
    }

    #[test]
    fn what_was_drawn_is_wiped_and_what_another_process_drew_is_left() {
        let mut pool = Pool { bytes: Box::new([0; POOL_BYTES]), ready: 0, process: 0 };
        let first = pool.draw().unwrap();
        assert_eq!(pool.ready, POOL_BYTES - IV_BYTES);
        assert_eq!(pool.bytes[pool.ready..], [0; IV_BYTES]);
        let next = pool.bytes[pool.ready - IV_BYTES..pool.ready].to_vec();
        pool.process ^= 1;
        let drawn = pool.draw().unwrap();
        assert!(drawn != next[..] && drawn != first);
    }
}
