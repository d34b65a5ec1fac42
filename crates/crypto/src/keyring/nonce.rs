//! Nonces, drawn from the system many at a time: asking it for one takes longer than sealing a kilobyte.

use std::cell::RefCell;

use aws_lc_rs::rand;

use crate::aead::NONCE_BYTES;
use crate::seal::SealError;

/// Nonces drawn at once.
const POOLED: usize = 64;

/// Nonces of one thread that were not used yet. A process that forks would use the same ones twice, which AES-GCM-SIV
/// bears; this one does not fork.
struct Pool {
    nonces: [[u8; NONCE_BYTES]; POOLED],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { nonces: [[0; NONCE_BYTES]; POOLED], left: 0 }) };
}

/// A nonce that was never used before. Random: 2^32 of them under one key meet with a chance below 2^-32, and then AES-GCM-SIV tells
/// only whether two equal texts stood at one place.
pub(super) fn next() -> Result<[u8; NONCE_BYTES], SealError> {
    POOL.with_borrow_mut(|pool| {
        if pool.left == 0 {
            rand::fill(pool.nonces.as_flattened_mut()).map_err(|_| SealError::Randomness)?;
            pool.left = POOLED;
        }
        pool.left -= 1;
        pool.nonces.get(pool.left).copied().ok_or(SealError::Randomness)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn none_comes_twice() {
        let threads: Vec<_> = (0..4)
            .map(|_| std::thread::spawn(|| (0..1000).map(|_| next().unwrap()).collect::<Vec<_>>()))
            .collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 4000);
    }
}
