//! A lock that is given back by a plain store.
//!
//! A decision holds its lock for some tens of nanoseconds. Giving back a lock that others may sleep on takes a second locked
//! instruction, which waits for the writes before it; without it decisions overlap, and cost two thirds as much on cold keys
//! (`docs/results/limits.md`). Who finds it taken tries for a moment and then lets another thread run, so that a holder
//! whose time slice has ended comes back.
#![expect(unsafe_code, reason = "a lock hands out what it protects; the proof stands at each place")]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

/// Looks at a taken lock before letting another thread run; about a microsecond.
const LOOKS: u32 = 64;

/// A value that one thread at a time may touch. Neighbours do not share a cache line.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Mutex<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard alone, and `lock` makes one only after it has turned `locked` from false to
// true; it is turned back only when that guard is dropped. So there is one guard at a time, and the value moves from thread
// to thread as if sent (`T: Send`): the release at the drop is ordered before the acquire of the next lock.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// The right to touch the value; dropping it gives it back.
pub(crate) struct MutexGuard<'m, T> {
    mutex: &'m Mutex<T>,
    /// A guard may be shared between threads only if the value may, and is sent as a mutable reference would be.
    _value: std::marker::PhantomData<&'m mut T>,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits until the value is free and takes it.
    #[inline(always)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        if self.locked.swap(true, Ordering::Acquire) {
            self.wait();
        }
        MutexGuard { mutex: self, _value: std::marker::PhantomData }
    }

    #[cold]
    fn wait(&self) {
        loop {
            for _ in 0..LOOKS {
                if !self.locked.load(Ordering::Relaxed) && !self.locked.swap(true, Ordering::Acquire) {
                    return;
                }
                std::hint::spin_loop();
            }
            std::thread::yield_now();
        }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.mutex.locked.store(false, Ordering::Release);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this is the only guard (see `Sync` above), and a mutable reference from it borrows it mutably.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard, and it is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that is read and written apart would lose counts if two threads ever held the lock.
    #[test]
    fn one_thread_at_a_time() {
        const THREADS: u64 = 4;
        const ROUNDS: u64 = 50_000;
        let value = Mutex::new((0u64, 0u64));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let mut pair = value.lock();
                        assert_eq!(pair.0, pair.1);
                        pair.0 += 1;
                        pair.1 += 1;
                    }
                });
            }
        });
        assert_eq!(*value.lock(), (THREADS * ROUNDS, THREADS * ROUNDS));
    }

    #[test]
    fn a_panic_gives_it_back() {
        let value = Mutex::new(0);
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = value.lock();
            panic!("with the lock held");
        }));
        assert!(held.is_err());
        assert_eq!(*value.lock(), 0);
    }
}
