//! Fragments in request targets: no request has one (RFC 9112 section 3.2), and the HTTP library drops it without a word.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a peer says, with each `#` of a request's line made a `?`: a query, which no place has, so that what is written so is not found.
///
/// It follows the requests by their empty lines. They have no bodies: whoever sends one is answered and heard no further.
pub(super) struct WithoutFragments<S> {
    stream: S,
    within: Within,
}

/// Where in a request the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Within {
    /// Before its line, where empty ones are passed over (RFC 9112 section 2.2).
    Begin,
    Line,
    /// Where a field begins. Nothing of it has come, or a carriage return alone.
    Fields,
    Field,
}

impl<S> WithoutFragments<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, within: Within::Begin }
    }
}

impl Within {
    /// Takes the next byte, and makes of it what is heard.
    fn hear(&mut self, byte: &mut u8) {
        let next = match (*self, *byte) {
            (Self::Begin, b'\r' | b'\n') => Self::Begin,
            (Self::Begin | Self::Line, b'#') => {
                *byte = b'?';
                Self::Line
            }
            (Self::Line | Self::Field, b'\n') => Self::Fields,
            (Self::Begin | Self::Line, _) => Self::Line,
            (Self::Fields, b'\n') => Self::Begin,
            (Self::Fields, b'\r') => Self::Fields,
            (Self::Fields | Self::Field, _) => Self::Field,
        };
        *self = next;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WithoutFragments<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let known = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        buf.filled_mut()[known..].iter_mut().for_each(|byte| self.within.hear(byte));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WithoutFragments<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_made_a_query_in_a_requests_line_and_nowhere_else() {
        let mut within = Within::Begin;
        let mut hears = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            bytes.iter_mut().for_each(|byte| within.hear(byte));
            String::from_utf8(bytes).unwrap()
        };
        for (said, heard) in [
            ("GET /a#b HTTP/1.1\r\nX: #\r\n# \r\n\r\n", "GET /a?b HTTP/1.1\r\nX: #\r\n# \r\n\r\n"),
            ("\r\n\nGET /#", "\r\n\nGET /?"),
            ("x#y HTTP/1.1\nX: #\n\n", "x?y HTTP/1.1\nX: #\n\n"),
            ("#", "?"),
        ] {
            assert_eq!(hears(said), heard);
        }
    }
}
