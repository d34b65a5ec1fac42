//! A decision: all levels are locked, asked, and charged together or not at all.

use smallvec::SmallVec;

use crate::admission::Admission;
use crate::plan::Plan;
use crate::record::{Small, Writer};
use crate::seat::{Count, Guards, Role, Seat};
use crate::standing::{Denied, Standing};
use crate::subject::{SubjectHashes, Unnamed};
use crate::sum::Wait;
use crate::time::Ms;

/// The levels that apply.
pub(crate) type Seats<'p> = SmallVec<[Seat<'p>; 6]>;

/// A decision under way.
pub(crate) struct Decision<'p> {
    seats: Seats<'p>,
    /// The former ways of those levels that have one. Nearly always nobody has.
    formers: Vec<Seat<'p>>,
    guards: Guards<'p>,
    now: Ms,
}

/// The levels that apply, as they stand now.
pub(crate) fn seats<'p>(
    plan: &'p Plan,
    subject: &mut SubjectHashes<'_>,
    unnamed: Unnamed,
    now: Ms,
) -> Seats<'p> {
    let mut seats = Seats::new();
    for (number, level) in (0..).zip(plan.0.iter()) {
        let Some(hash) = subject.of(level.rule.per(), unnamed) else { continue };
        let level = level.newest();
        seats.push(Seat::in_force(number, level, hash, now));
        seats.extend(Seat::former(number, level, hash, now));
    }
    seats
}

impl<'p> Decision<'p> {
    /// Locks all levels that apply.
    pub(crate) fn begin(plan: &'p Plan, subject: &mut SubjectHashes<'_>, unnamed: Unnamed, now: Ms) -> Self {
        loop {
            let decision = Self::lock_all(seats(plan, subject, unnamed, now), now);
            // A plan may have been replaced by one that counts in the other way while this thread waited for a lock. Whoever
            // decides by the new plan locks the former way too: seen from under that lock, the new plan is not overlooked.
            if !decision.seats.iter().any(|seat| seat.level.is_outdated()) {
                return decision;
            }
        }
    }

    /// Locks the shards of all seats, each once, in an order common to all threads.
    fn lock_all(mut seats: Seats<'p>, now: Ms) -> Self {
        let mut guards = Guards::new();
        let mut last = None;
        let mut has_former = false;
        seats.sort_unstable_by_key(|seat| seat.lock_order);
        for seat in &mut seats {
            if last != Some(seat.lock_order) {
                guards.extend(seat.lock());
                last = Some(seat.lock_order);
            }
            seat.guard = u16::try_from(guards.len().saturating_sub(1)).unwrap_or(u16::MAX);
            has_former |= seat.role == Role::Former;
        }
        for seat in &seats {
            seat.touch(&guards);
        }
        let mut formers = Vec::new();
        if has_former {
            let (in_force, former): (Vec<_>, _) =
                seats.into_iter().partition(|seat| seat.role == Role::InForce);
            (seats, formers) = (in_force.into(), former);
        }
        Self { seats, formers, guards, now }
    }

    /// Whether every level has room for a call of `tokens`.
    #[inline]
    pub(crate) fn has_room(&mut self, tokens: u64) -> bool {
        let (guards, now) = (&mut self.guards, self.now);
        let has_room = self.seats.iter_mut().all(|seat| {
            let weight = seat.weight(tokens);
            seat.guard_in(guards).is_some_and(|guard| seat.wait(guard, now, weight) == Wait::None)
        });
        has_room && (self.formers.is_empty() || self.has_room_beside_formers(tokens))
    }

    /// The same for what counts in both ways together.
    #[cold]
    fn has_room_beside_formers(&mut self, tokens: u64) -> bool {
        let (guards, now) = (&mut self.guards, self.now);
        self.formers.iter().all(|former| {
            let Some(seat) = self.seats.iter().find(|seat| seat.number == former.number) else { return true };
            let used = count(former, guards, now).and(count(seat, guards, now)).used;
            used.saturating_add(seat.weight(tokens)) <= seat.level.max
        })
    }

    /// The refusal, if any level refuses: the level with the longest wait, and all standings.
    pub(crate) fn refusal(&mut self, tokens: u64) -> Option<Denied> {
        let (guards, now) = (&mut self.guards, self.now);
        let mut worst: Option<(u64, Standing<'static>)> = None;
        let mut standings = Vec::with_capacity(self.seats.len());
        for seat in &mut self.seats {
            let weight = seat.weight(tokens);
            let mut counted = count(seat, guards, now);
            let wait = match self.formers.iter_mut().find(|former| former.number == seat.number) {
                Some(former) => {
                    counted = counted.and(count(former, guards, now));
                    wait_for_both(seat, former, guards, now, weight)
                }
                None => seat.wait(seat.guard_in(guards)?, now, weight),
            };
            let standing = seat.level.standing(counted).into_owned();
            let wait_ms = match wait {
                Wait::None => 0,
                Wait::Ms(ms) => ms,
                Wait::Forever => u64::MAX,
            };
            if wait_ms > worst.as_ref().map_or(0, |(most, _)| *most) {
                worst = Some((wait_ms, standing.clone()));
            }
            standings.push((seat.number, standing));
        }
        standings.sort_unstable_by_key(|(number, _)| *number);
        let standings = standings.into_iter().map(|(_, standing)| standing).collect();
        let (wait_ms, violated) = worst?;
        Some(Denied::Over { violated, retry_ms: (wait_ms != u64::MAX).then_some(wait_ms), standings })
    }

    /// Charges every level and gives the locks back; returns the moment the call counts as made at.
    #[inline]
    pub(crate) fn charge(
        mut self,
        tokens: u64,
        admission: &mut Admission,
        mut record: Option<&mut Writer<Small>>,
    ) -> Ms {
        let mut at = self.now;
        for seat in &self.seats {
            let Some(guard) = seat.guard_in(&mut self.guards) else { continue };
            at = at.max(seat.charge(guard, self.now, tokens, admission, record.as_deref_mut()));
        }
        for former in &self.formers {
            let before = count(former, &mut self.guards, self.now);
            for charge in admission.charges.iter_mut().filter(|charge| charge.level == former.number) {
                charge.count = charge.count.and(before);
            }
        }
        at
    }
}

/// How the subject stands with one way to count.
fn count<'p>(seat: &Seat<'p>, guards: &mut Guards<'p>, now: Ms) -> Count {
    match seat.guard_in(guards) {
        Some(guard) => seat.count(guard, now),
        None => Count { used: u64::MAX, leaves_in_ms: 0 },
    }
}

/// How long `weight` more has to wait for a level whose calls count in two ways: exactly until enough of both has left.
///
/// Of the room that must be left, each way may keep a part. The larger the part of the one, the sooner it has come down to it
/// and the later the other to the rest; the moment sought is the earliest at which both have, over all ways to part it.
fn wait_for_both<'p>(
    seat: &mut Seat<'p>,
    former: &mut Seat<'p>,
    guards: &mut Guards<'p>,
    now: Ms,
    weight: u64,
) -> Wait {
    let Some(room) = seat.level.max.checked_sub(weight) else { return Wait::Forever };
    let (used, before) = (count(seat, guards, now).used, count(former, guards, now).used);
    if used.saturating_add(before) <= room {
        return Wait::None;
    }
    let mut waits = |part: u64| {
        let falls_to = |seat: &mut Seat<'p>, guards: &mut Guards<'p>, left| match seat.guard_in(guards) {
            Some(guard) => seat.falls_to(guard, now, left),
            None => u64::MAX,
        };
        (falls_to(seat, guards, part), falls_to(former, guards, room - part))
    };
    // The least part with which the way in force is not the later of the two; one less is the only rival.
    let (mut least, mut most) = (room.saturating_sub(before), used.min(room));
    while least < most {
        let part = least.midpoint(most);
        let (here, before) = waits(part);
        if here > before { least = part + 1 } else { most = part }
    }
    let later = |(here, before): (u64, u64)| here.max(before);
    let wait_ms = match least.checked_sub(1) {
        Some(rival) => later(waits(least)).min(later(waits(rival))),
        None => later(waits(least)),
    };
    Wait::Ms(wait_ms)
}
