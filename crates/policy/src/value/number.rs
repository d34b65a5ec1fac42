//! Amounts, exactly.

use super::words::Word;

/// Digits behind the point that are kept; more of them, unless zero, and it is no amount.
const SCALE: u32 = 6;
const ONE: i128 = 1_000_000;

/// A number of up to six digits behind the point, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Decimal(i128);

impl Decimal {
    /// Reads a number as programs write it (`-1200.50`, `1.2e3`), or as people do, where that has one meaning: with a currency, with
    /// a sign for percent, with separators of thousands.
    pub fn read(text: &str) -> Option<Self> {
        // Nearly nothing is one: looked at before anything is taken apart.
        let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
        if text.len() > 60 || letters > 3 || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if let Some(number) = plain(text) {
            return Some(number);
        }
        let bare = text.trim_matches(|char: char| char.is_whitespace() || is_currency(char) || char == '%');
        let bare = strip_code(bare);
        match grouped(bare) {
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(one), Some(other)) if one == other => Some(one),
            _ => None, // `1.200` is one and a bit, or twelve hundred
        }
    }

    /// A whole number.
    pub fn whole(number: i64) -> Self {
        Self(i128::from(number) * ONE)
    }

    /// `self + other`, if that can be told.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self - other`, if that can be told.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// `self * other`, rounded to six digits.
    pub fn times(self, other: Self) -> Option<Self> {
        self.0.checked_mul(other.0).map(|product| Self(product / ONE))
    }

    /// `percent` of `self`.
    pub fn percent(self, percent: Self) -> Option<Self> {
        self.times(percent).map(|product| Self(product.0 / 100))
    }

    /// Whether it is the same to a hundredth: amounts are rounded when they are worked out.
    pub fn is_about(self, other: Self) -> bool {
        self.0.abs_diff(other.0) * 200 <= ONE.unsigned_abs()
    }

    /// Whether it is a whole number of up to three digits, of which any text may have some.
    pub fn is_small(self) -> bool {
        self.0 % ONE == 0 && self.0.abs() < 1000 * ONE
    }
}

fn is_currency(char: char) -> bool {
    matches!(char, '$' | '€' | '£' | '¥' | '₹' | '₽' | '₩' | '₺' | '₴' | '₫' | '₪' | '¢')
}

/// Without a currency's code before or after.
fn strip_code(text: &str) -> &str {
    let letters = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match text.rsplit_once(' ') {
        Some((number, code)) if letters(code) => return number.trim(),
        _ => {}
    }
    match text.split_once(' ') {
        Some((code, number)) if letters(code) => number.trim(),
        _ => text,
    }
}

/// As programs write numbers.
fn plain(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i32>().ok()?)
        }
        None => (text, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mantissa),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || (fraction.is_empty() && digits.contains('.')) {
        return None;
    }
    scaled(whole, fraction, exponent).map(|number| Decimal(sign * number))
}

fn scaled(whole: &str, fraction: &str, exponent: i32) -> Option<i128> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() > 30 || exponent.abs() > 20 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    // How many digits of `digits` stand behind the point.
    let behind = i32::try_from(fraction.len()).ok()? - exponent;
    let shift = i32::try_from(SCALE).ok()? - behind;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then(|| digits / power) }
}

/// As people write numbers: the reading with a point before the fraction, and the one with a comma there.
fn grouped(text: &str) -> (Option<Decimal>, Option<Decimal>) {
    let read = |thousands: &[char], point: char| -> Option<Decimal> {
        let (whole, fraction) = text.split_once(point).unwrap_or((text, ""));
        if text.contains(point) && fraction.is_empty() {
            return None;
        }
        let (sign, whole) = whole.strip_prefix('-').map_or((1, whole), |whole| (-1, whole));
        let mut groups = whole.split(thousands);
        let first = groups.next()?;
        let rest: Vec<&str> = groups.collect();
        let is_grouped =
            rest.is_empty() || ((1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3));
        if first.is_empty() || !is_grouped {
            return None;
        }
        scaled(&whole.replace(thousands, ""), fraction, 0).map(|number| Decimal(sign * number))
    };
    (read(&[',', ' ', '\u{a0}', '\'', '_'], '.'), read(&['.', ' ', '\u{a0}', '\''], ','))
}

/// The numbers that stand in a text, each in every reading it may have, with the index of its first word.
pub fn numbers_in(text: &str, words: &[Word]) -> Vec<(usize, Decimal)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            at += 1;
            continue;
        }
        // Goes on over points and commas between digits.
        let mut last = at;
        while let (Some(here), Some(next)) = (words.get(last), words.get(last + 1)) {
            let between = text.get(here.end..next.start).unwrap_or_default();
            let is_digits = |word: &Word| word.text.bytes().all(|byte| byte.is_ascii_digit());
            if !matches!(between, "." | "," | "'")
                || !is_digits(here)
                || !next.text.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
            {
                break;
            }
            last += 1;
        }
        let end = words.get(last).map_or(word.end, |word| word.end);
        let written = text.get(word.start..end).unwrap_or_default();
        let (number, suffix) = split_suffix(written);
        let factor = match suffix {
            "" => Some(1),
            "k" | "K" => Some(1000),
            "m" | "M" => Some(1_000_000),
            _ => number_only(suffix),
        };
        if let Some(factor) = factor {
            let (one, other) = grouped(number);
            for reading in [one, other].into_iter().flatten().chain(plain(number)) {
                let reading = reading.times(Decimal::whole(factor)).unwrap_or(reading);
                if !found.contains(&(at, reading)) {
                    found.push((at, reading));
                }
            }
        }
        at = last + 1;
    }
    found
}

/// Letters directly behind a number that leave it the number it is.
fn number_only(suffix: &str) -> Option<i64> {
    matches!(
        suffix.to_ascii_lowercase().as_str(),
        "eur" | "usd" | "gbp" | "chf" | "st" | "nd" | "rd" | "th" | "x"
    )
    .then_some(1)
}

fn split_suffix(written: &str) -> (&str, &str) {
    let end = written.rfind(|char: char| char.is_ascii_digit()).map_or(0, |at| at + 1);
    written.split_at(end)
}
