//! Time as a value: `now` is an argument, so that tests can turn it and limits do not follow a wall clock that steps.

use std::time::Duration;

/// Milliseconds since the machine was booted, suspended time included. It never goes back and does not follow the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub fn since_ms(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant `span` after this one.
    pub fn after(self, span: Duration) -> Tick {
        Tick(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z by the wall clock: for expiry dates and records, never for limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub u64);

impl UnixMs {
    /// The instant `span` after this one.
    pub fn after(self, span: Duration) -> UnixMs {
        UnixMs(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Whole seconds since 1970.
    pub fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// `2026-01-31T23:59:59Z` (RFC 3339, UTC, rounded down). Total: a year above 9999 has more digits.
    pub fn rfc3339(self) -> String {
        let mut text = String::with_capacity(20);
        self.push_seconds(&mut text);
        text.push('Z');
        text
    }

    /// Appends `2026-01-31T23:59:59.999Z`.
    pub fn push_rfc3339_ms(self, text: &mut String) {
        self.push_seconds(text);
        text.push('.');
        push_digits(text, self.0 % 1000, 3);
        text.push('Z');
    }

    /// Written out because each access log line has a date.
    fn push_seconds(self, text: &mut String) {
        let (day, second) = (self.secs() / 86_400, self.secs() % 86_400);
        let (year, month, day) = civil(day);
        push_digits(text, year / 100, 2);
        let ([a, b], [c, d], [e, f]) = (two(year % 100), two(month), two(day));
        let ([g, h], [i, j], [k, l]) = (two(second / 3600), two(second / 60 % 60), two(second % 60));
        let rest = [a, b, b'-', c, d, b'-', e, f, b'T', g, h, b':', i, j, b':', k, l];
        text.push_str(std::str::from_utf8(&rest).unwrap_or_default());
    }
}

/// The two digits of a number below 100.
fn two(number: u64) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

/// Appends `number` with at least `width` digits.
fn push_digits(text: &mut String, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut used) = (number, 0);
    for digit in digits.iter_mut().rev() {
        if rest == 0 && used >= width {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
    }
    text.extend(digits.iter().skip(digits.len() - used).map(|digit| char::from(*digit)));
}

/// Year, month and day of the `day`-th day after 1970-01-01, in the Gregorian calendar.
///
/// Years begin in March here, so that the leap day comes last; 719,468 days lie between 0000-03-01 and 1970-01-01.
/// Source: H. Hinnant, "chrono-compatible low-level date algorithms" (`civil_from_days`), for days from 1970 on.
fn civil(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For durations and limits.
    pub tick: Tick,
    /// For dates.
    pub wall: UnixMs,
}

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Reads the monotonic clock alone.
    fn tick(&self) -> Tick {
        self.now().tick
    }

    /// Reads the wall clock alone.
    fn wall(&self) -> UnixMs {
        self.now().wall
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// Counts suspended time too, so that a laptop that slept does not find its windows still full.
#[cfg(target_os = "linux")]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { tick: self.tick(), wall: self.wall() }
    }

    fn tick(&self) -> Tick {
        Tick(read_ms(MONOTONIC))
    }

    fn wall(&self) -> UnixMs {
        UnixMs(read_ms(rustix::time::ClockId::Realtime))
    }
}

fn read_ms(clock: rustix::time::ClockId) -> u64 {
    let at = rustix::time::clock_gettime(clock);
    let secs = u64::try_from(at.tv_sec).unwrap_or(0);
    let millis = u64::try_from(at.tv_nsec).unwrap_or(0) / 1_000_000;
    secs * 1000 + millis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_underflow() {
        for (name, now, earlier, want) in [
            ("forwards", Tick(70), Tick(50), 20),
            ("same", Tick(5), Tick(5), 0),
            ("backwards", Tick(5), Tick(6), 0),
        ] {
            assert_eq!(now.since_ms(earlier), want, "{name}");
        }
    }

    #[test]
    fn the_system_clock_goes_forwards() {
        let first = SystemClock.now();
        let second = SystemClock.now();
        assert!(second.tick >= first.tick);
        assert!(first.wall.secs() > 1_600_000_000, "after 2020");
    }

    #[test]
    fn dates() {
        for (ms, want) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00Z"),
            (1_798_761_599_000, "2026-12-31T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixMs(ms).rfc3339(), want, "{ms}");
        }
        assert!(UnixMs(u64::MAX).rfc3339().ends_with('Z'), "never fails");
        let mut text = String::new();
        UnixMs(1_700_000_000_007).push_rfc3339_ms(&mut text);
        assert_eq!(text, "2023-11-14T22:13:20.007Z");
    }
}
