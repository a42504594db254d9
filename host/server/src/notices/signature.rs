//! The signature of a webhook, as Standard Webhooks has it: HMAC-SHA-256 over id, time and body, by a secret that receiver and
//! sender share.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes that a secret has, as the standard asks.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// Secrets at a time: the one in force, and the one that receivers still go by.
const MAX_SECRETS: usize = 2;

/// What webhooks are signed with. Has no `Debug`: it is secret.
pub struct Secrets(Vec<Zeroizing<Vec<u8>>>);

/// Why a text is no secret. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must hold `whsec_` and 24 to 64 bytes in base64: `printf 'whsec_%s\\n' \"$(head -c 32 /dev/urandom | base64)\"` makes one; \
     while receivers change over, a second line holds the one before"
)]
pub struct SecretMalformed;

impl Secrets {
    /// Those of a file: one a line.
    ///
    /// # Errors
    /// [`SecretMalformed`].
    pub fn read(text: &str) -> Result<Self, SecretMalformed> {
        let secret = |line: &str| {
            let encoded = line.trim().strip_prefix(PREFIX)?;
            let secret = Zeroizing::new(STANDARD.decode(encoded).ok()?);
            LENGTHS.contains(&secret.len()).then_some(secret)
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let secrets: Vec<_> = lines.map(secret).collect::<Option<_>>().ok_or(SecretMalformed)?;
        if (1..=MAX_SECRETS).contains(&secrets.len()) { Ok(Self(secrets)) } else { Err(SecretMalformed) }
    }

    /// The value of `webhook-signature` for a message: one signature for each secret.
    #[must_use]
    pub fn sign(&self, id: &str, at: u64, body: &str) -> String {
        let signed = |secret: &Zeroizing<Vec<u8>>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        self.0.iter().filter_map(signed).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn a_message_is_signed_as_the_standards_libraries_sign_it() {
        let secrets = Secrets::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signature = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_sign_twice_and_what_is_none_is_refused() {
        let line = |bytes: usize| format!("whsec_{}\n", STANDARD.encode(vec![7; bytes]));
        let both = Secrets::read(&format!("{}{}", line(32), line(24))).unwrap().sign("id", 1, "{}");
        assert_eq!(both.split(' ').count(), 2);
        for bad in [
            String::new(),
            line(23),
            line(65),
            line(32).replace("whsec_", ""),
            line(32).repeat(3),
            "whsec_*".to_owned(),
        ] {
            assert!(Secrets::read(&bad).is_err(), "{bad}");
        }
    }
}
