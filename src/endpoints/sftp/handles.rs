//! The names of open files and directories in one session.

use std::fmt;

/// A handle: a counter within its session, 16 hexadecimal digits on the wire. It is never given out twice, and says
/// nothing to anyone but the session that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct HandleId(u64);

impl HandleId {
    pub(super) const fn nth(n: u64) -> Self {
        Self(n)
    }

    /// A handle that we may have written; whether it is open is another question.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let digit = |c: &u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 16 || !text.iter().all(digit) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
