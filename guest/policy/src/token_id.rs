//! Ids: what may be shown, logged and typed.

use minicbor::{Decode, Encode};

use crate::{digest::Digest, ports::Reading, seconds::Seconds};

/// Characters of sixteen bytes in base62.
const TEXT_LENGTH: usize = 22;
/// Characters of eight bytes in base62.
const HALF_LENGTH: usize = 11;
/// 48 bits of milliseconds reach beyond the year 10000.
const LAST_MOMENT: u64 = (1 << 48) - 1;

/// Sixteen bytes, shown as 22 characters of base62 with the order of the bytes.
pub(crate) fn to_base62(bytes: [u8; 16]) -> String {
    format!("{:0>TEXT_LENGTH$}", base62::encode(u128::from_be_bytes(bytes)))
}

/// Reads what [`to_base62`] wrote, and nothing else.
pub(crate) fn from_base62(text: &str) -> Option<[u8; 16]> {
    if text.len() != TEXT_LENGTH || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    base62::decode(text.as_bytes()).ok().map(u128::to_be_bytes)
}

/// The public id of a refresh token.
///
/// It begins with the inverted time of its making, so that the order of ids, and so of keys, is newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct TokenId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl TokenId {
    /// The id of a token made at `now`; `random` keeps it apart from all others of the same millisecond.
    #[must_use]
    pub fn new(now: Reading, random: [u8; 10]) -> Self {
        let milliseconds = now.seconds.0.saturating_mul(1000).saturating_add(u64::from(now.nanoseconds / 1_000_000));
        let inverted = LAST_MOMENT.saturating_sub(milliseconds.min(LAST_MOMENT));
        let mut bytes = [0; 16];
        let [_, _, time @ ..] = inverted.to_be_bytes();
        if let Some((head, tail)) = bytes.split_first_chunk_mut::<6>() {
            *head = time;
            tail.copy_from_slice(&random);
        }
        Self(bytes)
    }

    /// When it was made, by the clock of then.
    #[must_use]
    pub fn made_at(self) -> Seconds {
        let [a, b, c, d, e, f, ..] = self.0;
        let inverted = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Seconds(LAST_MOMENT.saturating_sub(inverted) / 1000)
    }

    /// Where the ids of tokens that were made before `at` begin. Those made at `at` or later stand before it.
    pub(crate) fn made_before(at: Seconds) -> Vec<u8> {
        let inverted = LAST_MOMENT.saturating_sub(at.0.saturating_mul(1000).min(LAST_MOMENT));
        if inverted == LAST_MOMENT {
            // Nothing was made before the beginning of time: a place behind every id.
            return vec![u8::MAX; 17];
        }
        let [_, _, time @ ..] = inverted.saturating_add(1).to_be_bytes();
        time.to_vec()
    }

    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_base62(text).map(Self)
    }
}

impl core::fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(&to_base62(self.0))
    }
}

/// What a cut names and a token carries in `lin`: a life of a refresh token or of an owner. A new one begins when the old one is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct LineageId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl core::fmt::Display for LineageId {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(&to_base62(self.0))
    }
}

/// The id of an access token: it tells its refresh token, epoch and time without a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jti {
    /// The refresh token that it was minted with.
    pub client: TokenId,
    /// The epoch's number.
    pub epoch: u64,
    /// The `iat`.
    pub issued_at: Seconds,
    /// Keeps it apart from all others: six random bytes, and [`LineageTag`].
    pub random: [u8; 8],
}

/// The first two bytes of SHA-256 over the lineage ids of an access token, as text one after the other, nearest first.
///
/// A `jti` ends with it. Where a refresh token began a new life in the very second of the `iat`, it tells which of the two lives
/// the access token descends from; it proves nothing, and nothing but an explanation looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineageTag(pub [u8; 2]);

impl LineageTag {
    /// The tag of these lineage ids.
    #[must_use]
    pub fn of<S: AsRef<str>>(lineage: &[S]) -> Self {
        let mut text = Vec::with_capacity(lineage.len().saturating_mul(TEXT_LENGTH));
        for id in lineage {
            text.extend_from_slice(id.as_ref().as_bytes());
        }
        let [first, second, ..] = Digest::of(&text).0;
        Self([first, second])
    }
}

impl Jti {
    /// The id of an access token that is minted now.
    #[must_use]
    pub fn new(client: TokenId, epoch: u64, issued_at: Seconds, random: [u8; 6], tag: LineageTag) -> Self {
        let [a, b, c, d, e, f] = random;
        let LineageTag([g, h]) = tag;
        Self { client, epoch, issued_at, random: [a, b, c, d, e, f, g, h] }
    }

    /// What it tells of the lineage.
    #[must_use]
    pub fn tag(&self) -> LineageTag {
        let [.., first, second] = self.random;
        LineageTag([first, second])
    }

    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (client, rest) = text.split_at_checked(TEXT_LENGTH)?;
        let (origin, random) = rest.split_at_checked(TEXT_LENGTH)?;
        let origin = u128::from_be_bytes(from_base62(origin)?);
        if random.len() != HALF_LENGTH || !random.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let random = u64::try_from(base62::decode(random.as_bytes()).ok()?).ok()?;
        Some(Self {
            client: TokenId::parse(client)?,
            epoch: u64::try_from(origin >> 64).ok()?,
            issued_at: Seconds(u64::try_from(origin & u128::from(u64::MAX)).ok()?),
            random: random.to_be_bytes(),
        })
    }
}

impl core::fmt::Display for Jti {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let origin = (u128::from(self.epoch) << 64) | u128::from(self.issued_at.0);
        let random = base62::encode(u64::from_be_bytes(self.random));
        write!(formatter, "{}{}{random:0>HALF_LENGTH$}", self.client, to_base62(origin.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_reads_back_and_keeps_its_order(a: [u8; 16], b: [u8; 16]) {
            let (one, other) = (TokenId(a), TokenId(b));
            prop_assert_eq!(TokenId::parse(&one.to_string()), Some(one));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        #[test]
        fn every_jti_reads_back(client: [u8; 16], epoch: u64, iat: u64, random: [u8; 8]) {
            let jti = Jti { client: TokenId(client), epoch, issued_at: Seconds(iat), random };
            prop_assert_eq!(Jti::parse(&jti.to_string()), Some(jti));
            prop_assert_eq!(jti.to_string().len(), 55);
        }

        #[test]
        fn other_text_is_no_id(text in ".{0,60}") {
            if let Some(id) = TokenId::parse(&text) { prop_assert_eq!(id.to_string(), text.clone()); }
            if let Some(jti) = Jti::parse(&text) { prop_assert_eq!(jti.to_string(), text); }
        }
    }

    #[test]
    fn newer_ids_come_first() {
        let at = |milliseconds: u32| Reading { seconds: Seconds(1_000), nanoseconds: milliseconds * 1_000_000 };
        assert!(TokenId::new(at(2), [0xff; 10]) < TokenId::new(at(1), [0; 10]));
        assert!(TokenId::new(Reading::at(1_001), [0xff; 10]) < TokenId::new(at(999), [0; 10]));
    }

    #[test]
    fn an_id_tells_the_second_in_which_it_was_made() {
        for milliseconds in [0, 1, 999] {
            let at = Reading { seconds: Seconds(1_000), nanoseconds: milliseconds * 1_000_000 };
            assert_eq!(TokenId::new(at, [0xff; 10]).made_at(), Seconds(1_000), "{milliseconds}");
        }
    }

    #[test]
    fn what_was_made_before_a_moment_stands_behind_its_place_and_the_rest_before_it() {
        let place = TokenId::made_before(Seconds(1_000));
        let last_before = Reading { seconds: Seconds(999), nanoseconds: 999_999_999 };
        assert!(place.as_slice() <= TokenId::new(last_before, [0; 10]).0.as_slice());
        assert!(place.as_slice() > TokenId::new(Reading::at(1_000), [0xff; 10]).0.as_slice());
        assert!(TokenId::made_before(Seconds(0)).as_slice() > [0xff; 16].as_slice(), "nothing is older than time");
    }

    #[test]
    fn an_id_tells_when_it_was_made_from_the_beginning_of_time_on() {
        for seconds in [0, 1, 1_800_000_000, LAST_MOMENT / 1000] {
            assert_eq!(TokenId::new(Reading::at(seconds), [7; 10]).made_at(), Seconds(seconds));
        }
    }

    #[test]
    fn a_jti_that_lacks_a_character_is_none() {
        assert!(Jti::parse(&"0".repeat(55)).is_some());
        assert_eq!(Jti::parse(&"0".repeat(54)), None);
        assert_eq!(Jti::parse(&"0".repeat(56)), None);
    }

    #[test]
    fn a_number_beyond_sixteen_bytes_is_no_id() {
        assert_eq!(TokenId::parse(&"z".repeat(22)), None);
        assert_eq!(TokenId::parse(&"7".repeat(21)), None);
        assert_eq!(Jti::parse(&"z".repeat(55)), None);
    }
}
