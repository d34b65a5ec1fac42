//! How those who wait for a batch learn what became of it: by one wake-up from thread to thread for each thread that waits.
//!
//! To wake a task of another thread takes a system call, to wake one of one's own a push on a queue. So the writer wakes the first of
//! each thread only, and whoever was woken wakes the others of its thread when it is polled, or dropped instead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::NotRecorded;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Durable,
    Failed,
}

/// The writer's end: settles a batch once. One that is dropped unsettled, because its thread panicked, has failed.
#[derive(Debug, Default)]
pub(super) struct Settler(Arc<Batch>);

/// An entry that was brought; it counts once [`Receipt::durable`] says so.
#[derive(Debug)]
pub struct Receipt(Arc<Batch>);

/// A batch, for those who wait for it.
#[derive(Debug, Default)]
struct Batch(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    outcome: Option<Outcome>,
    /// Who waits, by thread.
    threads: SmallVec<[(ThreadMark, Vec<Option<Waker>>); 2]>,
}

/// Differs between threads that live at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ThreadMark(usize);

impl ThreadMark {
    fn here() -> Self {
        thread_local!(static PLACE: u8 = const { 0 });
        Self(PLACE.with(|place| std::ptr::from_ref(place).addr()))
    }
}

impl Settler {
    /// A receipt of this batch.
    pub(super) fn receipt(&self) -> Receipt {
        Receipt(self.0.clone())
    }

    /// Says what became of the batch.
    pub(super) fn settle(&self, outcome: Outcome) {
        let mut first: SmallVec<[Waker; 2]> = SmallVec::new();
        {
            let mut waiting = self.0.0.lock();
            if waiting.outcome.is_some() {
                return;
            }
            waiting.outcome = Some(outcome);
            first.extend(
                waiting.threads.iter_mut().filter_map(|(_, wakers)| wakers.iter_mut().find_map(Option::take)),
            );
        }
        first.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        self.settle(Outcome::Failed);
    }
}

impl Receipt {
    /// Returns when the entry outlives a loss of power, signed; or when it is certain that it is not in the log.
    pub fn durable(self) -> Durable {
        Durable { batch: self.0, place: None }
    }
}

/// Waits for a batch. Once woken it is to be polled or dropped: others of its thread are woken by that.
#[derive(Debug)]
pub struct Durable {
    batch: Arc<Batch>,
    /// Where its waker is kept: of which thread, and which of that one's.
    place: Option<(ThreadMark, usize)>,
}

impl Future for Durable {
    type Output = Result<(), NotRecorded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let batch = Arc::clone(&self.batch);
        let mut waiting = batch.0.lock();
        if let Some(outcome) = waiting.outcome {
            let others = waiting.take_others(self.place.take());
            drop(waiting);
            others.into_iter().flatten().for_each(Waker::wake);
            return Poll::Ready(if outcome == Outcome::Durable { Ok(()) } else { Err(NotRecorded) });
        }
        self.place = Some(waiting.keep(self.place, context.waker()));
        Poll::Pending
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        let mut waiting = self.batch.0.lock();
        if waiting.outcome.is_some() {
            // It may be the one that was woken for all of its thread.
            let others = waiting.take_others(Some(place));
            drop(waiting);
            others.into_iter().flatten().for_each(Waker::wake);
        } else if let Some(waker) = waiting.waker(place) {
            *waker = None;
        }
    }
}

impl Waiting {
    fn of(&mut self, thread: ThreadMark) -> Option<&mut Vec<Option<Waker>>> {
        self.threads.iter_mut().find(|(mark, _)| *mark == thread).map(|(_, wakers)| wakers)
    }

    fn waker(&mut self, (thread, place): (ThreadMark, usize)) -> Option<&mut Option<Waker>> {
        self.of(thread)?.get_mut(place)
    }

    /// Keeps a waker, where it was before if it still waits there; tells where.
    fn keep(&mut self, before: Option<(ThreadMark, usize)>, waker: &Waker) -> (ThreadMark, usize) {
        let here = ThreadMark::here();
        if let Some(place) = before {
            match self.waker(place) {
                Some(Some(kept)) if place.0 == here => {
                    kept.clone_from(waker);
                    return place;
                }
                Some(kept) => *kept = None,
                None => {}
            }
        }
        match self.of(here) {
            Some(wakers) => {
                wakers.push(Some(waker.clone()));
                (here, wakers.len() - 1)
            }
            None => {
                self.threads.push((here, vec![Some(waker.clone())]));
                (here, 0)
            }
        }
    }

    /// Those that were kept with it, to be woken.
    fn take_others(&mut self, place: Option<(ThreadMark, usize)>) -> Vec<Option<Waker>> {
        place.and_then(|(thread, _)| self.of(thread)).map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::thread;

    use tokio::task::LocalSet;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn poll(self: &Arc<Self>, durable: &mut Durable) -> Poll<Result<(), NotRecorded>> {
            let waker = Waker::from(self.clone());
            Pin::new(durable).poll(&mut Context::from_waker(&waker))
        }
    }

    fn waiting(settler: &Settler, count: usize) -> (Vec<Durable>, Vec<Arc<Count>>) {
        let mut all: Vec<_> = (0..count).map(|_| settler.receipt().durable()).collect();
        let counts: Vec<Arc<Count>> = (0..count).map(|_| Arc::default()).collect();
        for (durable, count) in all.iter_mut().zip(&counts) {
            assert_eq!(count.poll(durable), Poll::Pending);
        }
        (all, counts)
    }

    fn woken(counts: &[Arc<Count>]) -> Vec<usize> {
        counts.iter().map(|count| count.0.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn one_of_a_thread_is_woken_and_wakes_the_others() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 3);
        settler.settle(Outcome::Durable);
        assert_eq!(woken(&counts), [1, 0, 0]);
        assert_eq!(counts[0].poll(&mut all[0]), Poll::Ready(Ok(())));
        assert_eq!(woken(&counts), [1, 1, 1]);
        settler.settle(Outcome::Failed);
        assert_eq!(counts[2].poll(&mut all[2]), Poll::Ready(Ok(())), "settled once");
        let mut late = settler.receipt().durable();
        assert_eq!(counts[0].poll(&mut late), Poll::Ready(Ok(())), "nobody who comes late waits");
    }

    #[test]
    fn whoever_was_woken_and_is_dropped_wakes_the_others() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 3);
        settler.settle(Outcome::Durable);
        drop(all.remove(0));
        assert_eq!(woken(&counts), [1, 1, 1]);
    }

    #[test]
    fn whoever_gave_up_before_is_not_the_one_that_is_woken() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 3);
        drop(all.remove(0));
        settler.settle(Outcome::Durable);
        assert_eq!(woken(&counts), [0, 1, 0]);
    }

    #[test]
    fn each_thread_has_one_that_is_woken_and_who_moves_waits_where_it_went() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 3);
        let moved = &mut all[2];
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(counts[2].poll(moved), Poll::Pending)).join().unwrap();
            settler.settle(Outcome::Durable);
        });
        assert_eq!(woken(&counts), [1, 0, 1]);
        assert_eq!(counts[2].poll(&mut all[2]), Poll::Ready(Ok(())));
        assert_eq!(woken(&counts), [1, 0, 1], "those here are woken from here");
        drop(all.remove(0));
        assert_eq!(woken(&counts), [1, 1, 1]);
    }

    #[test]
    fn polled_again_it_waits_once_and_by_its_last_waker() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 1);
        let other = Arc::new(Count::default());
        assert_eq!(other.poll(&mut all[0]), Poll::Pending);
        settler.settle(Outcome::Durable);
        assert_eq!((woken(&counts), woken(&[other])), (vec![0], vec![1]));
    }

    #[test]
    fn a_writer_that_is_gone_has_failed() {
        let settler = Settler::default();
        let (mut all, counts) = waiting(&settler, 2);
        drop(settler);
        assert_eq!(woken(&counts), [1, 0]);
        assert_eq!(counts[1].poll(&mut all[1]), Poll::Ready(Err(NotRecorded)));
    }

    /// Threads with tasks of which some give up, batch after batch: nobody is forgotten, or this hangs.
    #[test]
    fn everybody_learns_of_it() {
        const BATCHES: usize = 300;
        const TASKS: usize = 8;
        let batches: Arc<[Settler]> = (0..BATCHES).map(|_| Settler::default()).collect();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let batches = batches.clone();
                thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    LocalSet::new().block_on(&runtime, async move {
                        let mut tasks = Vec::new();
                        for batch in &*batches {
                            for number in 0..TASKS {
                                let durable = batch.receipt().durable();
                                tasks.push((number, tokio::task::spawn_local(durable)));
                            }
                            tokio::task::yield_now().await;
                            for (number, task) in &tasks {
                                if number % 3 == 0 {
                                    task.abort();
                                }
                            }
                        }
                        for (number, task) in tasks {
                            let outcome = task.await;
                            assert!(number % 3 == 0 || matches!(outcome, Ok(Ok(()))), "{outcome:?}");
                        }
                    });
                })
            })
            .collect();
        for batch in &*batches {
            batch.settle(Outcome::Durable);
            thread::yield_now();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
