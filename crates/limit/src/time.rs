//! Time inside the limiter.

use botwarden_types::Tick;

/// Milliseconds on the limiter's own scale: a [`Tick`] moved by [`BOOT`], so that calls made before the machine's last boot
/// have a number too.
pub(crate) type Ms = u64;

/// The moment of boot. Some 34 years: far above the longest window, far below the end of the scale.
const BOOT: Ms = 1 << 40;

/// A tick on the limiter's scale.
#[inline]
pub(crate) fn ms(tick: Tick) -> Ms {
    // Ticks are milliseconds since boot: nowhere near the end of the scale.
    tick.0.wrapping_add(BOOT)
}

/// Milliseconds since boot, below 0 before it.
pub(crate) fn since_boot(at: Ms) -> i64 {
    at.cast_signed().saturating_sub_unsigned(BOOT)
}

/// The moment so many milliseconds after boot.
pub(crate) fn at_since_boot(millis: i64) -> Ms {
    BOOT.saturating_add_signed(millis)
}
