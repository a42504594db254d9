//! The second factor: time-based one-time passwords (RFC 6238), and recovery codes for when the device is lost.

use minicbor::{Decode, Encode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret};
use zeroize::{Zeroize as _, Zeroizing};

use super::{code, random};

/// Bytes of a secret: as long as the hash (RFC 4226 section 4 recommends 160 bits).
const SECRET_BYTES: usize = 20;
/// Recovery codes that are handed out together.
pub const RECOVERY_CODES: usize = 10;

/// A secret that a device was shown and that is not in force yet. Has no `Debug`.
#[derive(Clone)]
pub struct Offered(Zeroizing<[u8; SECRET_BYTES]>);

/// A second factor in force. What it takes to check a code makes one as well, so whoever reads the store has this factor.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecondFactor {
    #[cbor(n(0), with = "minicbor::bytes")]
    secret: [u8; SECRET_BYTES],
    /// The time step of the last code that was taken: none is taken twice (RFC 6238 section 5.2).
    #[n(1)]
    last_step: u64,
    /// SHA-256 of the recovery codes that are left.
    #[n(2)]
    recovery: Vec<minicbor::bytes::ByteArray<32>>,
}

impl Drop for SecondFactor {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl Offered {
    /// A new secret.
    #[must_use]
    pub fn draw() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// As it is typed into a device that cannot read a link.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(data_encoding::BASE32_NOPAD.encode(self.0.as_slice()))
    }

    /// The one that [`Offered::to_base32`] wrote.
    #[must_use]
    pub fn of_base32(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(data_encoding::BASE32_NOPAD.decode(text.as_bytes()).ok()?);
        Some(Self(Zeroizing::new(decoded.as_slice().try_into().ok()?)))
    }

    /// As devices take it over (the `otpauth` URI of Google Authenticator, which all of them read).
    #[must_use]
    pub fn to_uri(&self, account: &str) -> Zeroizing<String> {
        let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
        Zeroizing::new(format!("otpauth://totp/Jeton:{account}?secret={}&issuer=Jeton", self.to_base32().as_str()))
    }

    /// The second factor, in force, where the device shows the right code at `now`; and the recovery codes, to be shown once.
    #[must_use]
    pub fn accepted(&self, shown: &str, now: u64) -> Option<(SecondFactor, Vec<Zeroizing<String>>)> {
        let last_step = step(&self.0, shown, now)?;
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| code::draw()).collect();
        let recovery = codes.iter().map(|code| code::digest(code).into()).collect();
        Some((SecondFactor { secret: *self.0, last_step, recovery }, codes))
    }
}

impl SecondFactor {
    /// Takes a code of the device or a recovery code, and spends it. `false`: it is neither.
    pub fn take(&mut self, shown: &str, now: u64) -> bool {
        if let Some(step) = step(&self.secret, shown, now) {
            let is_new = step > self.last_step;
            self.last_step = self.last_step.max(step);
            return is_new;
        }
        let digest = code::digest(shown);
        let place = self.recovery.iter().position(|one| constant_time_eq::constant_time_eq_32(one, &digest));
        place.map(|place| self.recovery.remove(place)).is_some()
    }

    /// Recovery codes that are left.
    #[must_use]
    pub fn recovery_codes_left(&self) -> usize {
        self.recovery.len()
    }
}

/// The time step that a code belongs to: the present one, or the one before or after, as clocks differ.
fn step(secret: &[u8; SECRET_BYTES], shown: &str, now: u64) -> Option<u64> {
    let totp = Builder::new().with_secret(Secret::from(secret.as_slice())).build().ok()?;
    totp.check(shown.trim(), now)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what went wrong by panicking")]
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn code_at(offered: &Offered, now: u64) -> String {
        let totp = Builder::new().with_secret(Secret::from(offered.0.as_slice())).build().unwrap();
        totp.generate(now).to_string()
    }

    #[test]
    fn a_device_that_shows_the_right_code_is_accepted_and_none_is_taken_twice() {
        let offered = Offered::draw();
        assert!(offered.accepted("000000000", NOW).is_none());
        let offered = Offered::of_base32(&offered.to_base32()).unwrap();
        let first = code_at(&offered, NOW);
        let (mut factor, _) = offered.accepted(&first, NOW).unwrap();
        assert!(!factor.take(&first, NOW), "it was shown before");
        let next = code_at(&offered, NOW + 30);
        assert!(factor.take(&format!(" {next} "), NOW + 30) && !factor.take(&next, NOW + 31));
        assert!(!factor.take(&code_at(&offered, NOW + 90), NOW), "a code of the future");
    }

    #[test]
    fn each_recovery_code_is_taken_once() {
        let offered = Offered::draw();
        let (mut factor, codes) = offered.accepted(&code_at(&offered, NOW), NOW).unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(factor.take(&codes[3].to_lowercase(), NOW) && !factor.take(&codes[3], NOW));
        assert!(!factor.take("", NOW));
        assert_eq!(factor.recovery_codes_left(), RECOVERY_CODES - 1);
    }

    #[test]
    fn the_link_for_devices_says_whose_it_is() {
        let offered = Offered::draw();
        let (link, secret) = (offered.to_uri("a+b@c.example"), offered.to_base32());
        assert_eq!(
            link.as_str(),
            format!("otpauth://totp/Jeton:a%2Bb%40c%2Eexample?secret={}&issuer=Jeton", secret.as_str())
        );
    }
}
