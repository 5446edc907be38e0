//! Signatures of Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body, under a secret of the webhook.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::Sha256;

use crate::kernel::problem::{Problem, Result};
use crate::kernel::rng::Rng;
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;

/// What the text of a secret begins with.
const PREFIX: &str = "whsec_";

/// A fresh secret, 32 random bytes.
pub fn fresh(rng: &Rng) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(rng.bytes::<32>())))
}

/// The headers of a message, signed with each of the secrets.
///
/// # Errors
/// `Internal` where a stored secret is damaged.
pub fn headers(secrets: &[&Secret], id: &str, now: Timestamp, body: &Bytes) -> Result<HeaderMap> {
    let secs = now.secs().to_string();
    let signatures =
        secrets.iter().map(|secret| signature(secret, id, &secs, body)).collect::<Result<Vec<_>>>()?;
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        let value = HeaderValue::try_from(value)
            .map_err(|_| Problem::internal(format!("{name} of a webhook's message is no header")))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok::<_, Problem>(())
    };
    put("webhook-id", id)?;
    put("webhook-timestamp", &secs)?;
    put("webhook-signature", &signatures.join(" "))?;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

fn signature(secret: &Secret, id: &str, secs: &str, body: &[u8]) -> Result<String> {
    let damaged = || Problem::internal("the stored secret of a webhook is damaged");
    let coded = secret.expose().strip_prefix(PREFIX).ok_or_else(damaged)?;
    let key = STANDARD.decode(coded).map_err(|_| damaged())?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| damaged())?;
    for part in [id.as_bytes(), b".", secs.as_bytes(), b".", body] {
        mac.update(part);
    }
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the specification's libraries share.
    #[test]
    fn the_known_example_has_the_known_signature() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let body = Bytes::from_static(br#"{"test": 2432232314}"#);
        let now = Timestamp::from_millis(1_614_265_330_000);
        let headers = headers(&[&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", now, &body).unwrap();
        assert_eq!(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers["webhook-timestamp"], "1614265330");
    }

    #[test]
    fn two_secrets_sign_and_a_damaged_one_does_not() {
        let rng = Rng::seeded(7);
        let (one, other) = (fresh(&rng), fresh(&rng));
        assert_eq!(one.expose().len(), PREFIX.len() + 44);
        let sign = |secrets: &[&Secret]| headers(secrets, "i", Timestamp::from_millis(0), &Bytes::new());
        let both = sign(&[&one, &other]).unwrap();
        let text = both["webhook-signature"].to_str().unwrap();
        assert_eq!(text.split(' ').filter(|part| part.starts_with("v1,")).count(), 2, "{text}");
        assert!(sign(&[&Secret::new("whsec_***")]).is_err());
    }
}
