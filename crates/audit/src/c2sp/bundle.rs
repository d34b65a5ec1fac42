//! Entry bundles: entries one after the other, each with its length in two bytes, big-endian. Source: c2sp.org/tlog-tiles.

/// Bytes of the longest entry: what two bytes can count.
pub(crate) const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// The bytes are no entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry is cut short")]
pub(crate) struct Cut;

/// The entries in `bytes`; after an error there is nothing.
pub(crate) fn entries(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], Cut>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let taken = bytes
            .split_first_chunk()
            .and_then(|(length, after)| after.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        let Some((entry, after)) = taken else { return Some(Err(Cut)) };
        rest = Some(after);
        Some(Ok(entry))
    })
}

/// Appends one entry; false, and nothing is appended, if it is too long.
pub(crate) fn push(entry: &[u8], bundle: &mut Vec<u8>) -> bool {
    write(bundle, |to| to.extend_from_slice(entry)).is_ok()
}

/// Appends the entry that `write` appends, and gives it; or, if it is too long, tells its bytes and appends nothing.
pub(crate) fn write(bundle: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<&[u8], usize> {
    let start = bundle.len();
    bundle.extend_from_slice(&[0; 2]);
    write(bundle);
    let (_, entry) = bundle.split_at(start + 2);
    let got = entry.len();
    let (Ok(length), Some(place)) = (u16::try_from(got), bundle.get_mut(start..start + 2)) else {
        bundle.truncate(start);
        return Err(got);
    };
    place.copy_from_slice(&length.to_be_bytes());
    Ok(bundle.get(start + 2..).unwrap_or_default())
}
