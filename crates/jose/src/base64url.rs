//! Strict base64url (RFC 4648 §5, RFC 7515 §2): no padding, no line breaks, unused trailing bits zero.

use base64_simd::URL_SAFE_NO_PAD;

/// Decodes `text`; `None` for any character, length or trailing bit the encoder would not have made.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// Encodes without padding.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as ANOTHER;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_canonical_form_decodes() {
        assert_eq!(decode(b"").as_deref(), Some(&b""[..]));
        assert_eq!(decode(b"Zm9v").as_deref(), Some(&b"foo"[..]));
        assert_eq!(decode(b"_-8").as_deref(), Some(&[0xff, 0xef][..]));
        for bad in ["Zg==", "Zm8=", "Zh", "Zm9", "Z", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v", "Zm9v.", "Zm9vé"] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
        for length in 0..64_u8 {
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes));
        }
    }

    proptest! {
        /// Long enough for whole vector registers and every rest; one foreign byte anywhere, or none.
        #[test]
        fn decodes_what_another_decoder_decodes(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            (at, foreign, cut) in (any::<usize>(), any::<u8>(), 0..4_usize),
        ) {
            let mut text = encode(&bytes).into_bytes();
            prop_assert_eq!(&text, &ANOTHER.encode(&bytes).into_bytes());
            text.truncate(text.len().saturating_sub(cut));
            prop_assert_eq!(decode(&text), ANOTHER.decode(&text).ok());
            if !text.is_empty() {
                let at = at % text.len();
                text[at] = foreign;
                prop_assert_eq!(decode(&text), ANOTHER.decode(&text).ok());
            }
        }
    }
}
