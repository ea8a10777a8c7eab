//! UTF-8 over bytes that arrive in pieces: where a sequence is not well formed (RFC 3629).

/// Finds ill-formed sequences whatever the chunks. Holds at most three bytes between them.
#[derive(Debug, Default)]
pub(super) struct Utf8Check {
    /// The beginning of a character that the last chunk cut.
    begun: [u8; 4],
    held: usize,
    /// Offset of the next byte of the file.
    offset: u64,
    /// Line feeds before that offset.
    lines: u64,
}

/// Where an ill-formed sequence begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IllFormed {
    /// Offset in the file, from 0.
    pub byte: u64,
    /// Line, from 1.
    pub line: u64,
}

impl Utf8Check {
    /// Takes the next chunk and reports each maximal ill-formed sequence once.
    pub fn update(&mut self, mut chunk: &[u8], report: &mut impl FnMut(IllFormed)) {
        while self.held > 0 {
            let Some((&next, rest)) = chunk.split_first() else { return };
            self.begun[self.held] = next;
            match std::str::from_utf8(&self.begun[..=self.held]) {
                Ok(_) => self.held = 0,
                Err(error) if error.error_len().is_none() => self.held += 1,
                Err(_) => {
                    // What was held is ill-formed; the next byte begins anew and is looked at again below.
                    report(IllFormed { byte: self.offset - self.held as u64, line: self.lines + 1 });
                    self.held = 0;
                    break;
                }
            }
            self.offset += 1;
            chunk = rest;
        }
        self.whole_characters(chunk, report);
    }

    /// Reports a character that the end of the file cuts.
    pub fn finish(self, report: &mut impl FnMut(IllFormed)) {
        if self.held > 0 {
            report(IllFormed { byte: self.offset - self.held as u64, line: self.lines + 1 });
        }
    }

    fn whole_characters(&mut self, mut chunk: &[u8], report: &mut impl FnMut(IllFormed)) {
        while let Err(error) = std::str::from_utf8(chunk) {
            let (good, bad) = chunk.split_at(error.valid_up_to());
            self.pass(good);
            match error.error_len() {
                Some(length) => {
                    report(IllFormed { byte: self.offset, line: self.lines + 1 });
                    self.offset += length as u64;
                    chunk = &bad[length..];
                }
                None => {
                    self.begun[..bad.len()].copy_from_slice(bad);
                    self.held = bad.len();
                    self.offset += bad.len() as u64;
                    return;
                }
            }
        }
        self.pass(chunk);
    }

    fn pass(&mut self, good: &[u8]) {
        self.offset += good.len() as u64;
        // Counted in bytes, at most 255 at a time: the compiler then adds sixteen and more of them at once.
        let line_feeds = |part: &[u8]| part.iter().map(|&byte| u8::from(byte == b'\n')).sum::<u8>();
        self.lines += good.chunks(usize::from(u8::MAX)).map(|part| u64::from(line_feeds(part))).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&[u8]]) -> Vec<(u64, u64)> {
        let mut found = Vec::new();
        let mut report = |bad: IllFormed| found.push((bad.byte, bad.line));
        let mut check = Utf8Check::default();
        for chunk in chunks {
            check.update(chunk, &mut report);
        }
        check.finish(&mut report);
        found
    }

    #[test]
    fn well_formed_text_passes_whole_and_byte_by_byte() {
        let text = "a\né€\u{10ffff}z".as_bytes();
        assert_eq!(check(&[text]), []);
        assert_eq!(check(&text.chunks(1).collect::<Vec<_>>()), []);
    }

    #[test]
    fn ill_formed_sequences_have_one_place_however_the_file_is_cut() {
        // A lone continuation, an overlong slash, a surrogate, a cut character before text, one at the end.
        let bytes = b"a\x80\nb\xc0\xafc\xed\xa0\x80d\n\xe2\x82e\xf0\x9f\x98";
        let whole = check(&[bytes]);
        assert_eq!(whole, [(1, 1), (4, 2), (5, 2), (7, 2), (8, 2), (9, 2), (12, 3), (15, 3)]);
        for cut in 0..=bytes.len() {
            for other in cut..=bytes.len() {
                assert_eq!(check(&[&bytes[..cut], &bytes[cut..other], &bytes[other..]]), whole, "{cut} {other}");
            }
        }
    }
}
