//! How long services are waited for, and when they are asked again.

use std::time::Duration;

/// How long a service is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until it takes a connection, TLS included.
    pub connect: Duration,
    /// From the connection to the last byte of an answer.
    pub answer: Duration,
    /// Before the second try; twice that before the third.
    pub between: Duration,
}

impl Default for Patience {
    /// Key services answer in tens of milliseconds; what takes seconds is a failure, and a start should say so within half a minute.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(6),
            between: Duration::from_millis(300),
        }
    }
}

/// How often a call is made at most. Wrapping and unwrapping change nothing in the service, so a call may be made again.
const TRIES: u32 = 3;

/// Whether a failure may pass by itself.
pub(crate) trait Passing {
    fn may_pass(&self) -> bool;
}

/// The tries that are left of a call.
pub(crate) struct Tries {
    left: u32,
    wait: Duration,
}

impl Patience {
    pub(crate) fn tries(&self) -> Tries {
        Tries { left: TRIES - 1, wait: self.between }
    }
}

impl Tries {
    /// Waits for the next try. False if the failure is one that stays, or if there were enough.
    pub(crate) async fn another(&mut self, after: &(impl Passing + Sync)) -> bool {
        if self.left == 0 || !after.may_pass() {
            return false;
        }
        tokio::time::sleep(self.wait).await;
        self.left -= 1;
        self.wait *= 2;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Passing for bool {
        fn may_pass(&self) -> bool {
            *self
        }
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again_and_not_for_ever() {
        let patience = Patience { between: Duration::from_millis(1), ..Patience::default() };
        for (name, answers, want, calls) in [
            ("well", [Ok(()), Ok(()), Ok(())], Ok(()), 1),
            ("for good", [Err(false), Ok(()), Ok(())], Err(false), 1),
            ("passes", [Err(true), Err(true), Ok(())], Ok(()), 3),
            ("does not pass", [Err(true); 3], Err(true), 3),
        ] {
            let (mut tries, mut asked) = (patience.tries(), 0);
            let done: Result<(), bool> = loop {
                asked += 1;
                let done: Result<(), bool> = answers[asked - 1];
                match done {
                    Ok(()) => break done,
                    Err(passes) => {
                        if !tries.another(&passes).await {
                            break done;
                        }
                    }
                }
            };
            assert_eq!((done, asked), (want, calls), "{name}");
        }
    }
}
