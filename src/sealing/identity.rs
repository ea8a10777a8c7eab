//! The gateway's own age identity: what producers may encrypt files to, and how such a file is read, in the stream.

use super::{at_rest::AtRestError, recipient::Recipient};
use crate::domain::limits::{AGE_HEADER_BYTES, AGE_HEADER_LINES};
use age::{DecryptError, Decryptor, stream::StreamReader};
use age_core::secrecy::ExposeSecret;
use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
    str::FromStr,
};
use zeroize::Zeroizing;

/// An X25519 identity (C2SP age): the private half of what `egressctl key show-recipient` shows.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

/// Why a text is no identity. It never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an age identity: one line AGE-SECRET-KEY-1…, as age-keygen writes it; lines that begin with # are skipped")]
pub struct NotAnIdentity;

/// Why an encrypted file cannot be read. All but the last are its producer's to mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("it is not a binary age file")]
    NotAge,
    #[error("it is encrypted to somebody else")]
    ForSomebodyElse,
    #[error("its header is longer than {AGE_HEADER_BYTES} bytes or {AGE_HEADER_LINES} lines")]
    HeaderTooLong,
    #[error("it is damaged or cut off")]
    Damaged,
    /// What it is read from failed.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for OpenError {
    /// An error of [`Unsealed::read`]: age's own, or that of what it reads from.
    fn from(error: io::Error) -> Self {
        let stored = error.get_ref().is_some_and(|inner| inner.is::<AtRestError>());
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof if !stored => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

impl Identity {
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// As `age-keygen` writes an identity file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("# public key: {}\n{}\n", self.0.to_public(), self.0.to_string().expose_secret()))
    }

    /// What producers encrypt to: `age -r`.
    pub fn recipient(&self) -> Recipient {
        self.0.to_public().to_string().parse().expect("an identity's own recipient is one")
    }

    /// Begins to read an encrypted file.
    pub fn open<R: Read>(&self, input: R) -> Result<Unsealed<R>, OpenError> {
        // 1. The header, of a bounded length: age collects it in memory, and reads it anew from its beginning after each line.
        let left = Rc::new(Cell::new(AGE_HEADER_BYTES));
        let input = Bounded { input: BufReader::new(input), left: Rc::clone(&left), lines: 0 };
        let decryptor = Decryptor::new_buffered(input).map_err(|error| refused(error, &left))?;
        if decryptor.is_scrypt() {
            return Err(OpenError::ForSomebodyElse);
        }
        // 2. The payload, as long as it is.
        left.set(u64::MAX);
        let plain = decryptor.decrypt(std::iter::once(&self.0 as &dyn age::Identity)).map_err(|error| refused(error, &left))?;
        Ok(Unsealed(plain))
    }
}

fn refused(error: DecryptError, left: &Cell<u64>) -> OpenError {
    match error {
        _ if left.get() == 0 => OpenError::HeaderTooLong,
        DecryptError::NoMatchingKeys | DecryptError::ExcessiveWork { .. } => OpenError::ForSomebodyElse,
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => OpenError::NotAge,
        DecryptError::Io(error) => error.into(),
        _ => OpenError::Damaged,
    }
}

impl FromStr for Identity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(NotAnIdentity) };
        line.parse().map(Self).map_err(|_| NotAnIdentity)
    }
}

/// The plaintext of an encrypted file. Each chunk is authenticated before a byte of it comes out; an end before the last chunk is an error.
pub struct Unsealed<R: Read>(StreamReader<Bounded<R>>);

impl<R: Read> Read for Unsealed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Gives out no more than is left.
struct Bounded<R> {
    input: BufReader<R>,
    left: Rc<Cell<u64>>,
    /// Of the header, so far.
    lines: u64,
}

impl<R: Read> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.input.fill_buf()?;
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        Ok(&buffer[..most])
    }

    fn consume(&mut self, count: usize) {
        if self.left.get() != u64::MAX {
            let taken = &self.input.buffer()[..count];
            self.lines += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
            let left = if self.lines > AGE_HEADER_LINES { 0 } else { self.left.get().saturating_sub(count as u64) };
            self.left.set(left);
        }
        self.input.consume(count);
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::Sealer;
    use std::io::Write;

    /// A file as a producer makes it, to one recipient or several.
    fn encrypted(plain: &[u8], recipients: &[Recipient]) -> Vec<u8> {
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        let mut sealer = Sealer::new(recipients, &mut header, &mut payload).unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap();
        [header, payload].concat()
    }

    fn read(identity: &Identity, bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut plain = Vec::new();
        identity.open(bytes)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_is_encrypted_to_the_gateway_comes_out_whole() {
        let identity = Identity::generate();
        for length in [0, 1, 65_536, 200_000] {
            let plain = vec![b'x'; length];
            let file = encrypted(&plain, &[Identity::generate().recipient(), identity.recipient()]);
            assert_eq!(read(&identity, &file).unwrap(), plain, "{length}");
        }
    }

    #[test]
    fn a_file_for_somebody_else_and_one_that_is_no_age_file_are_told_apart() {
        let identity = Identity::generate();
        let file = encrypted(b"x", &[Identity::generate().recipient()]);
        assert!(matches!(read(&identity, &file), Err(OpenError::ForSomebodyElse)));
        assert!(matches!(read(&identity, b"customer,month\n1,2\n"), Err(OpenError::NotAge)));
        assert!(matches!(read(&identity, b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n"), Err(OpenError::NotAge)));
        assert!(matches!(read(&identity, b""), Err(OpenError::Damaged)));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_of_the_payload_is_noticed() {
        let identity = Identity::generate();
        let plain = vec![b'x'; 70_000];
        let file = encrypted(&plain, &[identity.recipient()]);
        for end in [1, 100, file.len() - 70_000, file.len() - 65_000, file.len() - 1] {
            assert!(matches!(read(&identity, &file[..end]), Err(OpenError::Damaged)), "{end}");
        }
        for at in (0..file.len()).step_by(997) {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(read(&identity, &damaged).is_err(), "{at}");
        }
        let longer = [&file[..], b"x"].concat();
        assert!(read(&identity, &longer).is_err(), "something follows the last chunk");
    }

    #[test]
    fn a_header_without_end_is_given_up() {
        let endless = b"age-encryption.org/v1\n".iter().copied().chain(b"-> X25519 a\nYQ\n".iter().copied().cycle());
        struct Endless<I>(I);
        impl<I: Iterator<Item = u8>> Read for Endless<I> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.iter_mut().zip(&mut self.0).for_each(|(to, from)| *to = from);
                Ok(buffer.len())
            }
        }
        assert!(matches!(Identity::generate().open(Endless(endless)), Err(OpenError::HeaderTooLong)));
    }

    #[test]
    fn a_header_of_many_short_lines_is_given_up_long_before_its_bytes_are_used_up() {
        let header = ["age-encryption.org/v1\n", &"-> a\n\n".repeat(10_000), "--- "].concat();
        let read = Cell::new(0);
        struct Counted<'a>(&'a [u8], &'a Cell<usize>);
        impl Read for Counted<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.read(&mut buffer[..1])?;
                self.1.set(self.1.get() + count);
                Ok(count)
            }
        }
        let opened = Identity::generate().open(Counted(header.as_bytes(), &read));
        assert!(matches!(opened, Err(OpenError::HeaderTooLong)));
        assert!(read.get() < 5_000, "{} bytes were read", read.get());
    }

    #[test]
    fn an_identity_is_read_back_and_a_recipient_is_none() {
        let identity = Identity::generate();
        let again: Identity = identity.to_text().parse().unwrap();
        assert_eq!(again.recipient(), identity.recipient());
        assert_eq!(identity.recipient().to_string().parse::<Identity>().err(), Some(NotAnIdentity));
        let two = format!("{}{}", *identity.to_text(), *identity.to_text());
        assert_eq!(two.parse::<Identity>().err(), Some(NotAnIdentity));
    }
}
