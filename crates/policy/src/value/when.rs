//! Dates, times of day and durations, as programs and as people write them.

use super::words::Word;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// A day that exists in that month.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// Days since 1970-01-01. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    pub fn number(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day of that number.
    pub fn from_number(number: i64) -> Option<Self> {
        let shifted = number.checked_add(719_468)?;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let of_years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * of_years + of_years / 4 - of_years / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = (shifted_month + 2) % 12 + 1;
        let year = of_years + era * 400 + i64::from(month <= 2);
        Self::new(i32::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }

    /// The day `days` later.
    pub fn plus(self, days: i64) -> Option<Self> {
        Self::from_number(self.number().checked_add(days)?)
    }

    /// 0 for Monday.
    pub fn weekday(self) -> u8 {
        u8::try_from((self.number() + 3).rem_euclid(7)).unwrap_or_default()
    }
}

/// A date, a time of day, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct When {
    /// The day.
    pub date: Option<Date>,
    /// Minutes since midnight.
    pub minute: Option<u16>,
}

impl When {
    /// Reads what programs write: `2024-05-16`, `2024-05-16 10:00`, `2024-05-16T10:00:00Z`, `10:00`. Seconds and zones are passed over.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |from: usize, count: usize| -> Option<u32> {
            let piece = text.get(from..from + count)?;
            if piece.bytes().all(|byte| byte.is_ascii_digit()) { piece.parse().ok() } else { None }
        };
        let clock = |from: usize| -> Option<u16> {
            let (hour, minute) = (digits(from, 2)?, digits(from + 3, 2)?);
            let rest = text.get(from + 5..)?;
            let plain = rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'Z' | b'+' | b'-'));
            let is_clock =
                bytes.get(from + 2) == Some(&b':') && hour < 24 && minute < 60 && plain && rest.len() <= 22;
            is_clock.then(|| u16::try_from(hour * 60 + minute).ok()).flatten()
        };
        if bytes.get(2) == Some(&b':') {
            return clock(0).map(|minute| Self { date: None, minute: Some(minute) });
        }
        let year = i32::try_from(digits(0, 4)?).ok()?;
        let separator = bytes.get(4).filter(|byte| matches!(byte, b'-' | b'/'))?;
        if bytes.get(7) != Some(separator) {
            return None;
        }
        let date = Date::new(year, u8::try_from(digits(5, 2)?).ok()?, u8::try_from(digits(8, 2)?).ok()?)?;
        match bytes.get(10) {
            None => Some(Self { date: Some(date), minute: None }),
            Some(b' ' | b'T' | b't') => {
                clock(11).map(|minute| Self { date: Some(date), minute: Some(minute) })
            }
            Some(_) => None,
        }
    }

    /// Minutes since 1970, of a day with a time.
    pub fn minutes(self) -> Option<i64> {
        Some(self.date?.number() * 1440 + i64::from(self.minute?))
    }
}

/// A day as somebody named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DayNamed {
    /// With its year.
    Date(Date),
    /// Without: such a day of any year.
    OfYear {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// So many days from today.
    FromToday(i64),
    /// A day of the week: the next of that name, or the one after that. 0 for Monday.
    Weekday(u8),
}

impl DayNamed {
    /// Whether that is `date`, if it was named on `today`.
    pub fn is(self, date: Date, today: Date) -> bool {
        match self {
            Self::Date(named) => named == date,
            Self::OfYear { month, day } => (date.month, date.day) == (month, day),
            Self::FromToday(days) => today.plus(days) == Some(date),
            Self::Weekday(weekday) => {
                date.weekday() == weekday && (0..=14).contains(&(date.number() - today.number()))
            }
        }
    }
}

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// In minutes.
    Minutes(i64),
    /// In days, or nights.
    Days(i64),
}

/// What a text says of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Days.
    pub days: Vec<DayNamed>,
    /// Times of day, in minutes since midnight.
    pub minutes: Vec<u16>,
    /// Durations.
    pub spans: Vec<Span>,
}

/// Reads what a text says of time.
pub fn times_in(text: &str, words: &[Word]) -> Times {
    let mut times = Times::default();
    let walk = Walk { text, words };
    let mut at = 0;
    while at < words.len() {
        let taken = walk
            .date(at, &mut times)
            .or_else(|| walk.clock(at, &mut times))
            .or_else(|| walk.span(at, &mut times));
        at += taken.unwrap_or(1);
    }
    times
}

struct Walk<'t> {
    text: &'t str,
    words: &'t [Word],
}

impl Walk<'_> {
    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// What stands between a word and the next.
    fn gap(&self, at: usize) -> &str {
        match (self.words.get(at), self.words.get(at + 1)) {
            (Some(here), Some(next)) => self.text.get(here.end..next.start).unwrap_or_default(),
            _ => "",
        }
    }

    fn number(&self, at: usize, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let word = self.word(at);
        let fits = digits.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| word.parse().ok()).flatten()
    }

    /// A day of a month: `15`, `15th`.
    fn day(&self, at: usize) -> Option<u8> {
        let word = self.word(at);
        let bare = ["st", "nd", "rd", "th", "er"]
            .iter()
            .find_map(|ending| word.strip_suffix(ending))
            .unwrap_or(word);
        let day: u8 = bare.parse().ok()?;
        ((1..=31).contains(&day) && bare.len() <= 2).then_some(day)
    }

    fn date(&self, at: usize, times: &mut Times) -> Option<usize> {
        self.date_in_digits(at, times)
            .or_else(|| self.date_in_words(at, times))
            .or_else(|| self.day_in_words(at, times))
    }

    fn date_in_digits(&self, at: usize, times: &mut Times) -> Option<usize> {
        let (one, two) = (self.gap(at), self.gap(at + 1));
        if one != two || !matches!(one, "-" | "/" | ".") {
            return None;
        }
        let small = |number: u32| u8::try_from(number).ok();
        let mut push = |year: u32, month: u32, day: u32| {
            let date = i32::try_from(year).ok().and_then(|year| Date::new(year, small(month)?, small(day)?));
            times.days.extend(date.map(DayNamed::Date));
            date.is_some()
        };
        if let Some(year) = self.number(at, 4..=4) {
            let (month, day) = (self.number(at + 1, 1..=2)?, self.number(at + 2, 1..=2)?);
            return push(year, month, day).then_some(3);
        }
        let (first, second) = (self.number(at, 1..=2)?, self.number(at + 1, 1..=2)?);
        let year =
            self.number(at + 2, 4..=4).or_else(|| self.number(at + 2, 2..=2).map(|year| 2000 + year))?;
        // Day first as in most of the world, month first as in the United States: it may be meant either way.
        let day_first = push(year, second, first);
        let month_first = one != "." && push(year, first, second);
        (day_first || month_first).then_some(3)
    }

    fn date_in_words(&self, at: usize, times: &mut Times) -> Option<usize> {
        let (month, day, mut taken) = if let Some(month) = month_named(self.word(at)) {
            (month, self.day(at + 1)?, 2)
        } else {
            let day = self.day(at)?;
            let skipped = usize::from(matches!(self.word(at + 1), "of" | "de" | "di"));
            (month_named(self.word(at + 1 + skipped))?, day, 2 + skipped)
        };
        let skipped = usize::from(matches!(self.word(at + taken), "of" | "de" | "del"));
        match self.number(at + taken + skipped, 4..=4).filter(|year| (1900..2200).contains(year)) {
            Some(year) => {
                taken += 1 + skipped;
                times.days.extend(Date::new(i32::try_from(year).ok()?, month, day).map(DayNamed::Date));
            }
            None => times.days.push(DayNamed::OfYear { month, day }),
        }
        Some(taken)
    }

    fn day_in_words(&self, at: usize, times: &mut Times) -> Option<usize> {
        let word = self.word(at);
        if let Some((_, days)) = FROM_TODAY.iter().find(|(words, _)| words.contains(&word)) {
            times.days.push(DayNamed::FromToday(*days));
            return Some(1);
        }
        if let Some(weekday) = WEEKDAYS.iter().position(|names| names.contains(&word)) {
            times.days.push(DayNamed::Weekday(u8::try_from(weekday).ok()?));
            return Some(1);
        }
        if matches!(word, "in" | "dans" | "en" | "tra" | "fra" | "over" | "em")
            && let Some(count) = self.count(at + 1)
            && let Some(Span::Days(days)) = unit(self.word(at + 2), count)
        {
            times.days.push(DayNamed::FromToday(days));
            return Some(3);
        }
        None
    }

    fn clock(&self, at: usize, times: &mut Times) -> Option<usize> {
        let word = self.word(at);
        match word {
            "noon" | "midday" | "mittag" | "midi" | "mediodía" => times.minutes.push(720),
            "midnight" | "mitternacht" | "minuit" | "medianoche" => times.minutes.push(0),
            _ => return self.clock_in_digits(at, times),
        }
        Some(1)
    }

    fn clock_in_digits(&self, at: usize, times: &mut Times) -> Option<usize> {
        let word = self.word(at);
        let half = |word: &str| match word {
            "am" => Some(0),
            "pm" => Some(12),
            _ => None,
        };
        // 10:00, 10:00 am, 10:00:00
        if let (Some(hour), ":") = (self.number(at, 1..=2), self.gap(at)) {
            let next = self.word(at + 1);
            let digits = next.bytes().take_while(u8::is_ascii_digit).count();
            let minute: u32 = next.get(..digits).filter(|digits| digits.len() == 2)?.parse().ok()?;
            let mut taken = 2;
            if self.gap(at + 1) == ":" && self.number(at + 2, 2..=2).is_some() {
                taken += 1;
            }
            let joined = half(next.get(digits..).unwrap_or_default());
            let spaced = half(self.word(at + taken)).inspect(|_| taken += usize::from(joined.is_none()));
            return push_clock(times, hour, minute, joined.or(spaced)).then_some(taken);
        }
        // 8am, 8 am, 16h30, 16h
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (hour, rest) = word.split_at_checked(digits)?;
        let hour: u32 = hour.parse().ok()?;
        if let Some(half) = half(rest) {
            return push_clock(times, hour, 0, Some(half)).then_some(1);
        }
        if rest.is_empty()
            && let Some(half) = half(self.word(at + 1))
        {
            return push_clock(times, hour, 0, Some(half)).then_some(2);
        }
        if rest.is_empty() && matches!(self.word(at + 1), "uhr" | "o" | "heures" | "h") {
            let o_clock = self.word(at + 1) != "o" || self.word(at + 2) == "clock";
            return (o_clock && push_clock(times, hour, 0, None)).then_some(2);
        }
        let minutes = rest.strip_prefix('h')?;
        let minute =
            if minutes.is_empty() { 0 } else { minutes.parse().ok().filter(|_| minutes.len() == 2)? };
        // `5h` is as well a duration: it is noted as both.
        if minutes.is_empty() {
            times.spans.push(Span::Minutes(i64::from(hour) * 60));
        }
        push_clock(times, hour, minute, None).then_some(1)
    }

    /// A count before a unit: `3`, `three`, `a`.
    fn count(&self, at: usize) -> Option<i64> {
        let word = self.word(at);
        if let Ok(count) = word.parse::<i64>() {
            return (word.len() <= 4).then_some(count);
        }
        COUNTS.iter().find(|(words, _)| words.contains(&word)).map(|(_, count)| *count)
    }

    fn span(&self, at: usize, times: &mut Times) -> Option<usize> {
        if matches!((self.word(at), self.word(at + 1)), ("half", "an" | "a"))
            && self.word(at + 2).starts_with("hour")
        {
            times.spans.push(Span::Minutes(30));
            return Some(3);
        }
        if let Some(joined) = joined_span(self.word(at)) {
            times.spans.push(joined);
            return Some(1);
        }
        let count = self.count(at)?;
        // 1.5 hours
        if self.gap(at) == "."
            && self.number(at, 1..=2).is_some()
            && let Some(tenth) = self.number(at + 1, 1..=1)
            && let Some(Span::Minutes(minutes)) = unit(self.word(at + 2), 1)
        {
            times.spans.push(Span::Minutes(count * minutes + i64::from(tenth) * minutes / 10));
            return Some(3);
        }
        times.spans.push(unit(self.word(at + 1), count)?);
        Some(2)
    }
}

fn push_clock(times: &mut Times, hour: u32, minute: u32, half: Option<u32>) -> bool {
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        None if hour < 24 => hour,
        _ => return false,
    };
    let is_clock = minute < 60;
    if is_clock {
        times.minutes.extend(u16::try_from(hour * 60 + minute));
    }
    is_clock
}

fn unit(word: &str, count: i64) -> Option<Span> {
    let is = |words: &[&str]| words.contains(&word);
    if is(&["minute", "minutes", "min", "mins", "minuten", "minuto", "minutos", "minuti", "minuut"]) {
        Some(Span::Minutes(count))
    } else if is(&[
        "hour", "hours", "hr", "hrs", "h", "stunde", "stunden", "heure", "heures", "hora", "horas", "ora",
        "ore", "uur", "uren",
    ]) {
        count.checked_mul(60).map(Span::Minutes)
    } else if is(&[
        "day", "days", "night", "nights", "tag", "tage", "tagen", "nacht", "nächte", "nächten", "jour",
        "jours", "nuit", "nuits", "día", "días", "noche", "noches", "giorno", "giorni", "notte", "notti",
        "dag", "dagen", "nachten", "dia", "dias", "noite", "noites",
    ]) {
        Some(Span::Days(count))
    } else if is(&[
        "week",
        "weeks",
        "woche",
        "wochen",
        "semaine",
        "semaines",
        "semana",
        "semanas",
        "settimana",
        "settimane",
        "weken",
    ]) {
        count.checked_mul(7).map(Span::Days)
    } else {
        None
    }
}

/// `90min`, `2hrs`.
fn joined_span(word: &str) -> Option<Span> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = word.split_at_checked(digits)?;
    if rest == "h" {
        return None; // a time of day as well: see there
    }
    unit(rest, count.parse().ok().filter(|_| count.len() <= 4)?)
}

fn month_named(word: &str) -> Option<u8> {
    let at = MONTHS.iter().position(|names| names.contains(&word))?;
    u8::try_from(at + 1).ok()
}

const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "januar", "jänner", "janvier", "enero", "gennaio", "januari", "janeiro"],
    &["february", "feb", "februar", "février", "febrero", "febbraio", "februari", "fevereiro"],
    &["march", "mar", "märz", "mars", "marzo", "maart", "março"],
    &["april", "apr", "avril", "abril", "aprile"],
    &["may", "mai", "mayo", "maggio", "mei", "maio"],
    &["june", "jun", "juni", "juin", "junio", "giugno", "junho"],
    &["july", "jul", "juli", "juillet", "julio", "luglio", "julho"],
    &["august", "aug", "août", "agosto", "augustus"],
    &["september", "sep", "sept", "septembre", "septiembre", "settembre", "setembro"],
    &["october", "oct", "oktober", "octobre", "octubre", "ottobre", "outubro"],
    &["november", "nov", "novembre", "noviembre", "novembro"],
    &["december", "dec", "dezember", "décembre", "diciembre", "dicembre", "dezembro"],
];

const WEEKDAYS: [&[&str]; 7] = [
    &["monday", "montag", "lundi", "lunes", "lunedì", "maandag"],
    &["tuesday", "dienstag", "mardi", "martes", "martedì", "dinsdag"],
    &["wednesday", "mittwoch", "mercredi", "miércoles", "mercoledì", "woensdag"],
    &["thursday", "donnerstag", "jeudi", "jueves", "giovedì", "donderdag"],
    &["friday", "freitag", "vendredi", "viernes", "venerdì", "vrijdag"],
    &["saturday", "samstag", "samedi", "sábado", "sabato", "zaterdag"],
    &["sunday", "sonntag", "dimanche", "domingo", "domenica", "zondag"],
];

const FROM_TODAY: &[(&[&str], i64)] = &[
    (&["today", "tonight", "heute", "aujourd", "hoy", "oggi", "vandaag", "hoje"], 0),
    (&["tomorrow", "morgen", "demain", "mañana", "domani", "amanhã"], 1),
    (&["yesterday", "gestern", "hier", "ayer", "ieri", "gisteren", "ontem"], -1),
    (&["übermorgen", "dopodomani", "overmorgen"], 2),
];

const COUNTS: &[(&[&str], i64)] = &[
    (&["a", "an", "one", "ein", "eine", "einen", "une", "un", "una", "uno", "een", "um", "uma"], 1),
    (&["two", "zwei", "deux", "dos", "due", "twee", "dois", "duas"], 2),
    (&["three", "drei", "trois", "tres", "tre", "drie", "três"], 3),
    (&["four", "vier", "quatre", "cuatro", "quattro", "quatro"], 4),
    (&["five", "fünf", "cinq", "cinco", "cinque", "vijf"], 5),
    (&["six", "sechs", "seis", "sei", "zes"], 6),
    (&["seven", "sieben", "sept", "siete", "sette", "zeven", "sete"], 7),
    (&["eight", "acht", "huit", "ocho", "otto", "oito"], 8),
    (&["nine", "neun", "neuf", "nueve", "nove", "negen"], 9),
    (&["ten", "zehn", "dix", "diez", "dieci", "tien", "dez"], 10),
];
