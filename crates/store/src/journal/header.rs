//! What every file of the journal begins with.

use std::path::Path;

use botwarden_types::{Now, Tick, UnixMs};

use super::frame;

/// `BWLIMIT` and a line feed, which notices a transfer as text.
const MAGIC: [u8; 8] = *b"BWLIMIT\n";

/// Version of the files.
const VERSION: u32 = 1;

/// Bytes of a header.
pub(super) const BYTES: usize = 48;

/// One run of the machine, from boot to halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boot(pub(super) [u8; 16]);

impl Boot {
    /// Where it is not known: never the same as another.
    const UNKNOWN: Self = Self([0; 16]);

    /// This one, by the kernel's random number for it.
    pub(super) fn current() -> Self {
        let text = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        match u128::from_str_radix(&digits, 16) {
            Ok(number) if digits.len() == 32 => Self(number.to_be_bytes()),
            _ => Self::UNKNOWN,
        }
    }

    /// Whether ticks of one are ticks of the other.
    pub(super) fn is_same(self, other: Self) -> bool {
        self == other && self != Self::UNKNOWN
    }
}

/// Which run of the machine wrote a file, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) boot: Boot,
    pub(super) written: Now,
}

impl Header {
    pub(super) fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let parts: [&[u8]; 5] = [
            &MAGIC,
            &VERSION.to_le_bytes(),
            &self.boot.0,
            &self.written.tick.0.to_le_bytes(),
            &self.written.wall.0.to_le_bytes(),
        ];
        let checked = parts.concat();
        let sum = frame::checksum(&checked).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(checked.iter().chain(&sum)) {
            *to = *from;
        }
        bytes
    }

    /// Reads a header, or says what is there instead.
    pub(super) fn read(bytes: &[u8; BYTES]) -> Result<Self, String> {
        let (checked, sum) = bytes.split_at(BYTES - 4);
        let mut rest = checked;
        if !take(&mut rest, 8).eq(&MAGIC) {
            return Err("no limit journal by its first bytes".into());
        }
        let version = number(take(&mut rest, 4));
        if version != u64::from(VERSION) {
            return Err(format!("version {version}"));
        }
        if frame::checksum(checked).to_le_bytes() != sum {
            return Err("a damaged header".into());
        }
        let boot = Boot(take(&mut rest, 16).try_into().unwrap_or_default());
        let tick = Tick(number(take(&mut rest, 8)));
        let wall = UnixMs(number(take(&mut rest, 8)));
        Ok(Self { boot, written: Now { tick, wall } })
    }
}

/// The first `n` bytes, which are there.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at_checked(n).unwrap_or((rest, &[]));
    *rest = left;
    taken
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_noticed() {
        let written = Now { tick: Tick(7), wall: UnixMs(1_700_000_000_000) };
        let header = Header { boot: Boot([3; 16]), written };
        let bytes = header.bytes();
        assert_eq!(Header::read(&bytes), Ok(header));
        for at in 0..BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert!(Header::read(&damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_unknown_boot_is_no_boot_twice() {
        assert!(!Boot::UNKNOWN.is_same(Boot::UNKNOWN));
        assert!(Boot([1; 16]).is_same(Boot([1; 16])) && !Boot([1; 16]).is_same(Boot([2; 16])));
    }
}
