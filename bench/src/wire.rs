//! The least of HTTP/1.1 that a load client has to know of an answer: its status and where it ends.

use crate::Result;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Bytes up to and with the empty line.
    pub bytes: usize,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Head {
    /// Reads the head once it is whole; `None` while it is not.
    ///
    /// # Errors
    /// When this is no answer, or one that only ends with its connection.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let head = &bytes[..end];
        let digits = head.get(9..12).filter(|_| head.starts_with(b"HTTP/1."));
        let status =
            digits.and_then(number).ok_or_else(|| "the answer does not begin as HTTP/1.1".to_owned())?;
        let status = u16::try_from(status).unwrap_or(u16::MAX);
        let mut framing = matches!(status, 204 | 304).then_some(Framing::Length(0));
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            if let Some(value) = value(line, b"content-length") {
                framing = Some(Framing::Length(number(value).ok_or("content-length is no number")?));
            } else if value(line, b"transfer-encoding")
                .is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"))
            {
                framing = Some(Framing::Chunked);
            }
        }
        let framing =
            framing.ok_or("the answer has neither content-length nor chunks: keep-alive is impossible")?;
        Ok(Some(Self { status, bytes: end + 4, framing }))
    }

    /// Where the answer ends, once all of it is there.
    ///
    /// # Errors
    /// When a chunk has no size.
    pub fn end(&self, bytes: &[u8]) -> Result<Option<usize>> {
        match self.framing {
            Framing::Length(length) => Ok(Some(self.bytes + length).filter(|end| *end <= bytes.len())),
            Framing::Chunked => chunks_end(bytes, self.bytes),
        }
    }
}

/// The value of a header line, if it is this header.
fn value<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (found, rest) = line.split_at_checked(name.len())?;
    let rest = rest.strip_prefix(b":").filter(|_| found.eq_ignore_ascii_case(name))?;
    Some(rest.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The end of a chunked body that starts at `at`. Trailers are not read: no SCIM server sends them unasked.
fn chunks_end(bytes: &[u8], mut at: usize) -> Result<Option<usize>> {
    loop {
        let Some(line) = bytes.get(at..).and_then(|rest| memchr::memmem::find(rest, b"\r\n")) else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes[at..at + line]).ok().and_then(|text| text.split(';').next());
        let size = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let size = size.ok_or("a chunk of the answer has no size")?;
        at += line + 2 + size + 2;
        if at > bytes.len() {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let head = Head::read(bytes).unwrap().unwrap();
        assert_eq!((head.status, head.bytes), (200, 38));
        assert_eq!(head.end(bytes), Ok(Some(43)));
        assert_eq!(head.end(&bytes[..42]), Ok(None));
        assert_eq!(Head::read(&bytes[..20]), Ok(None));
    }

    #[test]
    fn chunks_are_followed_to_the_last() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let head = Head::read(bytes).unwrap().unwrap();
        assert_eq!(head.end(bytes), Ok(Some(bytes.len())));
        assert_eq!(head.end(&bytes[..bytes.len() - 1]), Ok(None));
    }

    #[test]
    fn no_content_has_no_body_and_a_nameless_end_is_refused() {
        let bytes = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(Head::read(bytes).unwrap().unwrap().end(bytes), Ok(Some(bytes.len())));
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Head::read(b"SMTP ready\r\n\r\n").is_err());
    }
}
