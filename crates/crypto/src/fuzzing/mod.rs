//! What the fuzz targets assert, one function a target. Their corpora lie in `testdata/fuzz/<target>` and are replayed
//! as an ordinary test.
#![expect(clippy::unwrap_used, reason = "a broken assertion ends the fuzzer's run")]

mod damage;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use zeroize::Zeroizing;

use self::damage::Damage;
use crate::{
    CellKey, FormatOne, KeyName, KeyNumber, Letter, OpenError, Passphrase, Place, Purpose, RootKey,
    RootKeyError, SecretKey, Stretch, Token, WrappingKey,
};

const HERE: Place<'static> = Place { table: "turns", column: "body", row: b"trn_1", schema: 1 };
/// Every place that differs from [`HERE`] in one part, or in where a part ends.
const ELSEWHERE: [Place<'static>; 5] = [
    Place { row: b"trn_2", ..HERE },
    Place { column: "bodz", ..HERE },
    Place { table: "turnt", ..HERE },
    Place { schema: 2, ..HERE },
    Place { table: "turnsb", column: "ody", ..HERE },
];
const TENANT: &str = "default";

static CELLS: LazyLock<CellKey> = LazyLock::new(|| secret(7).cells(name()));
static FORMAT_ONE: LazyLock<FormatOne> = LazyLock::new(|| secret(7).format_one());
static WRAPPING: LazyLock<WrappingKey> = LazyLock::new(|| secret(1).wrapping());
/// Whoever has no business with what the others seal: another key, and the same key by another name.
static STRANGERS: LazyLock<[CellKey; 3]> = LazyLock::new(|| {
    let [other, ..] = other_names();
    [secret(8).cells(name()), secret(7).cells(other), secret(1).cells(name())]
});

fn secret(byte: u8) -> SecretKey {
    SecretKey::from_bytes(Zeroizing::new([byte; SecretKey::BYTES]))
}

fn name() -> KeyName<'static> {
    KeyName { tenant: TENANT, purpose: Purpose::Subject, number: KeyNumber::new([3; 8]) }
}

/// Names that differ from [`name`] in one part.
fn other_names() -> [KeyName<'static>; 3] {
    [
        KeyName { number: KeyNumber::new([4; 8]), ..name() },
        KeyName { purpose: Purpose::System, ..name() },
        KeyName { tenant: "other", ..name() },
    ]
}

/// Cells of both formats, as a store would give them back: what opens is, byte for byte, what sealing writes there, and opens nowhere
/// else. The same bytes as a text and its place: it opens there alone, and damaged not at all.
pub fn crypto_cell(bytes: &[u8]) {
    let number = CellKey::number_of(bytes);
    assert_eq!(number.is_some(), bytes.starts_with(&[2, 1]) && bytes.len() >= 10);
    assert!(number.is_none() || !FormatOne::is_of(bytes));
    if let Some(number) = number {
        assert!(bytes.get(2..).unwrap().starts_with(number.as_bytes()));
    }
    if let Ok(plain) = CELLS.open(HERE, bytes) {
        let nonce = *bytes.get(10..).unwrap().first_chunk().unwrap();
        assert_eq!(CELLS.seal_with(nonce, HERE, &plain).unwrap(), bytes);
        assert_eq!(number, Some(CELLS.number()));
        stays_closed_elsewhere(bytes);
    }
    if let Ok(plain) = FORMAT_ONE.open(HERE, bytes) {
        let nonce = *bytes.get(1..).unwrap().first_chunk().unwrap();
        assert_eq!(FORMAT_ONE.seal_with(nonce, HERE, &plain).unwrap(), bytes);
        stays_closed_elsewhere(bytes);
    }
    let (damage, rest) = Damage::take(bytes);
    sealed_there(&damage, rest);
}

fn stays_closed_elsewhere(cell: &[u8]) {
    for place in ELSEWHERE {
        assert_eq!(CELLS.open(place, cell), Err(OpenError));
        assert_eq!(FORMAT_ONE.open(place, cell), Err(OpenError));
    }
    for stranger in &*STRANGERS {
        assert_eq!(stranger.open(HERE, cell), Err(OpenError));
    }
}

/// Seals what follows the first part of `bytes`, for a row of that name.
fn sealed_there(damage: &Damage, bytes: &[u8]) {
    let (row, plain) = bytes.split_at(damage.place(bytes.len() + 1).min(bytes.len()));
    let there = Place { row, ..HERE };
    let cell = CELLS.seal(there, plain).unwrap();
    let cell_one = FORMAT_ONE.seal_with([9; 12], there, plain).unwrap();
    assert_eq!(*CELLS.open(there, &cell).unwrap(), plain);
    assert_eq!(*FORMAT_ONE.open(there, &cell_one).unwrap(), plain);
    // Neither format passes for the other.
    assert_eq!(CELLS.open(there, &cell_one), Err(OpenError));
    assert_eq!(FORMAT_ONE.open(there, &cell), Err(OpenError));
    // A longer and a shorter row, and the whole text as the row.
    for row in [bytes, row.split_last().map_or(&b"x"[..], |(_, shorter)| shorter)] {
        assert_eq!(CELLS.open(Place { row, ..HERE }, &cell).is_ok(), row == there.row);
        assert_eq!(FORMAT_ONE.open(Place { row, ..HERE }, &cell_one).is_ok(), row == there.row);
    }
    if let Some(changed) = damage.to(&cell) {
        assert_eq!(CELLS.open(there, &changed), Err(OpenError));
    }
    if let Some(changed) = damage.to(&cell_one) {
        assert_eq!(FORMAT_ONE.open(there, &changed), Err(OpenError));
    }
}

/// Wrapped keys and letters, as a store or a service would give them back, and made of the bytes: the same promises as for cells.
pub fn crypto_key(bytes: &[u8]) {
    if let Ok(key) = WRAPPING.unwrap(name(), bytes) {
        let nonce = *bytes.get(1..).unwrap().first_chunk().unwrap();
        assert_eq!(WRAPPING.wrap_with(nonce, name(), &key).unwrap(), bytes);
        assert!(secret(2).wrapping().unwrap(name(), bytes).is_err());
        assert!(other_names().iter().all(|other| WRAPPING.unwrap(*other, bytes).is_err()));
    }
    if let Ok(key) = Letter::open(name(), bytes) {
        assert_eq!(Letter::new(name(), &key).expose().as_slice(), bytes);
        assert!(other_names().iter().all(|other| Letter::open(*other, bytes).is_err()));
    }
    let (damage, rest) = Damage::take(bytes);
    let Some((key, _)) = rest.split_first_chunk() else { return };
    let key = SecretKey::from_bytes(Zeroizing::new(*key));
    let (wrapped, letter) = (WRAPPING.wrap(name(), &key).unwrap(), Letter::new(name(), &key));
    assert!(WRAPPING.unwrap(name(), &wrapped).unwrap().is(&key));
    assert!(Letter::open(name(), letter.expose()).unwrap().is(&key));
    if let Some(changed) = damage.to(&wrapped) {
        assert!(WRAPPING.unwrap(name(), &changed).is_err());
    }
    // A letter is for a service to keep from change; its form alone says whose it is.
    if let Some(Ok(other)) = damage.to(letter.expose()).map(|changed| Letter::open(name(), &changed)) {
        assert!(!other.is(&key));
    }
}

/// What stands in the files of root keys, salts and passphrases, and the small texts beside them: one spelling each, within its bounds.
pub fn crypto_root(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    if let Ok(key) = RootKey::parse(bytes) {
        assert!(bytes.len() <= RootKey::FILE_BYTES_MAX);
        assert_eq!(key.expose_text().strip_suffix('\n'), Some(line));
    }
    if let Some(key) = bytes.first_chunk() {
        match RootKey::from_bytes(Zeroizing::new(*key)) {
            Ok(key) => {
                let again = RootKey::parse(key.expose_text().as_bytes()).unwrap();
                assert_eq!(again.number(), key.number());
            }
            Err(error) => assert_eq!(error, RootKeyError::Weak),
        }
    }
    if let Ok(stretch) = text.parse::<Stretch>() {
        assert!(bytes.len() <= Stretch::TEXT_BYTES_MAX);
        assert_eq!(stretch.to_string(), line);
        // Whoever writes the file cannot make a start take all memory, or for ever.
        assert!(between(line, " m=", 64 << 10, 1 << 20) && between(line, " t=", 3, 64));
    }
    if let Ok(token) = Token::parse(&text) {
        assert_eq!(token.expose(), text);
        assert_eq!(Token::encode(&Token::decode(&text).unwrap()).expose(), text);
    }
    if Passphrase::new(Zeroizing::new(text.to_string())).is_ok() {
        assert!(text.len() <= Passphrase::BYTES_MAX && text.chars().count() >= Passphrase::CHARS_MIN);
    }
    if let Ok(purpose) = text.parse::<Purpose>() {
        assert_eq!(purpose.as_str(), text);
    }
    assert_eq!(KeyNumber::from_stored(bytes).is_some(), bytes.len() == 8);
}

/// Whether the number after `name` lies within bounds.
fn between(line: &str, name: &str, min: u64, max: u64) -> bool {
    let number = line.split_once(name).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    number.is_some_and(|number: u64| (min..=max).contains(&number))
}
