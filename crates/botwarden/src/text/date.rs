//! Dates as everybody reads them.

use botwarden_types::UnixMs;

const DAY_S: u64 = 86_400;

/// `2026-01-31T23:59:59Z` (RFC 3339, whole seconds, rounded down). Total: a year above 9999 has more digits.
pub(crate) fn utc(at: UnixMs) -> String {
    let (day, second) = (at.secs() / DAY_S, at.secs() % DAY_S);
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(utc(UnixMs(ms)), want, "{ms}");
        }
        assert!(utc(UnixMs(u64::MAX)).ends_with('Z'), "never fails");
    }
}
