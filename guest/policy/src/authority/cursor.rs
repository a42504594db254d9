//! Cursors: where the next page begins. Opaque to everyone else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{digest::Digest, store::MAX_KEY};

/// Bytes of the digest that ties a cursor to its query.
const SEAL: usize = 12;

/// Writes the place after which the next page begins, tied to `query`.
///
/// The seal is no secret: whoever forges one names a place within their own query, and learns nothing that the query would not show.
pub(super) fn write(query: &[u8], after: &[u8]) -> String {
    let mut bytes = seal(query, after).to_vec();
    bytes.extend_from_slice(after);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a place that [`write`] wrote for the same `query`.
pub(super) fn read(query: &[u8], cursor: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (found, after) = bytes.split_first_chunk::<SEAL>()?;
    (*found == seal(query, after)).then(|| after.to_vec())
}

/// Reads a key below `prefix` that [`write`] wrote for the same `query`. Whoever forged it names no key that no store takes.
pub(super) fn read_key(query: &[u8], cursor: &str, prefix: &[u8]) -> Option<Vec<u8>> {
    read(query, cursor).filter(|key| key.starts_with(prefix) && key.len() <= MAX_KEY)
}

fn seal(query: &[u8], after: &[u8]) -> [u8; SEAL] {
    let mut text = Digest::of(query).0.to_vec();
    text.extend_from_slice(after);
    let mut seal = [0; SEAL];
    for (place, byte) in seal.iter_mut().zip(Digest::of(&text).0) {
        *place = byte;
    }
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_cursor_names_no_key_that_no_store_takes() {
        let read = |key: &[u8]| read_key(b"query", &write(b"query", key), b"token/").is_some();
        assert!(read(b"token/") && read(b"token/a"));
        assert!(!read(b"owner/a") && !read(b""));
        let longest = [b"token/".to_vec(), vec![0; MAX_KEY - 6]].concat();
        assert!(read(&longest) && !read(&[longest, vec![0]].concat()));
    }
}
