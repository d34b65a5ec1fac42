//! Nonces and ids, drawn from the system many at a time: asking it for one takes longer than sealing a kilobyte.

use std::cell::RefCell;

use aws_lc_rs::rand;

use crate::aead::NONCE_BYTES;
use crate::seal::SealError;

/// Bytes drawn at once.
const POOLED: usize = 1024;

/// Random bytes of one thread that were not used yet. A process that forks would use the same ones twice, which AES-GCM-SIV
/// bears; this one does not fork.
struct Pool {
    bytes: [u8; POOLED],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOLED], left: 0 }) };
}

/// A nonce that was never used before. Random: 2^32 of them under one key meet with a chance below 2^-32, and then AES-GCM-SIV tells
/// only whether two equal texts stood at one place.
pub(super) fn next() -> Result<[u8; NONCE_BYTES], SealError> {
    pooled()
}

/// Random bytes that nobody has had. For what is not secret: they lie in memory for a while.
pub(crate) fn pooled<const N: usize>() -> Result<[u8; N], SealError> {
    POOL.with_borrow_mut(|pool| {
        if pool.left < N {
            rand::fill(&mut pool.bytes).map_err(|_| SealError::Randomness)?;
            pool.left = POOLED;
        }
        let bytes = pool.bytes.get(..pool.left).and_then(|unused| unused.last_chunk::<N>());
        let bytes = *bytes.ok_or(SealError::Randomness)?;
        pool.left -= N;
        Ok(bytes)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn none_comes_twice() {
        let draw = || (0..1000).map(|_| (next().unwrap(), pooled::<16>().unwrap())).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().map(|(nonce, _)| nonce).collect::<HashSet<_>>().len(), 4000);
        assert_eq!(all.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(), 4000);
    }
}
