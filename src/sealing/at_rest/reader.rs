//! Reading a stored object at any offset: every chunk is authenticated before a byte of it is served.

use super::{
    ObjectKey, aad,
    chunks::{CHUNK, Place, SEALED_CHUNK, TAG, nonce},
    plain_len,
};
use crate::domain::ids::ObjectId;
use aws_lc_rs::aead::{Aad, LessSafeKey};
use std::{fs::File, io, os::unix::fs::FileExt};
use zeroize::Zeroizing;

/// Why an object cannot be read. Except for `Io`, it is not the object that was written.
#[derive(Debug, thiserror::Error)]
pub enum AtRestError {
    #[error("the store could not be read: {0}")]
    Io(#[from] io::Error),
    #[error("no stored object is {stored} bytes long: it was cut or added to")]
    Length { stored: u64 },
    #[error("chunk {chunk} is not what was written for this object")]
    Damaged { chunk: u64 },
    #[error("the object ends within chunk {chunk}: it became shorter while it was open")]
    CutShort { chunk: u64 },
}

/// Bytes that can be read at an offset, as `pread(2)` does.
#[expect(clippy::len_without_is_empty, reason = "the length of a file, which can fail")]
pub trait ReadAt {
    /// Reads some bytes at `offset`; 0 at the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    fn len(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Decrypts a stored object where it is asked to. One buffer of at most one stored chunk, allocated once.
///
/// A chunk that a read covers whole is decrypted straight into the caller's buffer; a chunk that it covers in part is
/// kept, so that sequential reads of any size decrypt each chunk once.
pub struct Reader<S> {
    source: S,
    key: LessSafeKey,
    aad: [u8; 17],
    plain_len: u64,
    /// A stored chunk; once decrypted in place, its plaintext.
    chunk: Zeroizing<Vec<u8>>,
    /// Whose plaintext `chunk` begins with.
    held: Option<u64>,
}

impl<S: ReadAt> Reader<S> {
    /// Authenticates the last chunk, so that [`Reader::plain_len`] is a fact before the first byte is served: a file cut at a
    /// chunk's border ends in a chunk that was not sealed as the last. An object of one chunk is then read already.
    pub fn new(key: ObjectKey, id: ObjectId, source: S) -> Result<Self, AtRestError> {
        let stored = source.len()?;
        let plain_len = plain_len(stored).ok_or(AtRestError::Length { stored })?;
        let buffer = usize::try_from(stored).map_or(SEALED_CHUNK, |stored| stored.min(SEALED_CHUNK));
        let chunk = Zeroizing::new(vec![0; buffer]);
        let mut reader = Self { source, key: key.cipher(), aad: aad(id), plain_len, chunk, held: None };
        reader.hold(reader.last_chunk())?;
        Ok(reader)
    }

    pub fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Fills `buf` from `offset` on, as far as the object goes: fewer bytes come only at its end, and 0 beyond it.
    ///
    /// On an error nothing is served: `buf` holds zeros.
    pub fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, AtRestError> {
        let left = usize::try_from(self.plain_len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        let buf = &mut buf[..wanted];
        let served = self.serve(offset, buf);
        if served.is_err() {
            buf.fill(0);
        }
        served.map(|()| wanted)
    }

    /// From the beginning to the end, for whoever takes an [`io::Read`].
    pub fn sequential(self) -> Sequential<S> {
        Sequential { reader: self, offset: 0 }
    }

    fn serve(&mut self, mut offset: u64, mut buf: &mut [u8]) -> Result<(), AtRestError> {
        while !buf.is_empty() {
            let (index, start) = (offset / CHUNK as u64, (offset % CHUNK as u64) as usize);
            let len = self.chunk_len(index);
            let (piece, rest) = buf.split_at_mut(buf.len().min(len - start));
            if piece.len() == len && self.held != Some(index) {
                self.open_into(index, piece)?;
            } else {
                self.hold(index)?;
                piece.copy_from_slice(&self.chunk[start..start + piece.len()]);
            }
            offset += piece.len() as u64;
            buf = rest;
        }
        Ok(())
    }

    /// Decrypts a whole chunk into `plain`, which is exactly as long.
    fn open_into(&mut self, index: u64, plain: &mut [u8]) -> Result<(), AtRestError> {
        self.fetch(index, plain.len())?;
        let (ciphertext, tag) = self.chunk[..plain.len() + TAG].split_at(plain.len());
        self.key
            .open_separate_gather(nonce(index, self.place(index)), Aad::from(&self.aad), ciphertext, tag, plain)
            .map_err(|_| AtRestError::Damaged { chunk: index })
    }

    /// Decrypts a chunk in the reader's own buffer, unless it is there.
    fn hold(&mut self, index: u64) -> Result<(), AtRestError> {
        if self.held == Some(index) {
            return Ok(());
        }
        let len = self.chunk_len(index);
        self.fetch(index, len)?;
        let (nonce, aad) = (nonce(index, self.place(index)), Aad::from(&self.aad));
        self.key.open_in_place(nonce, aad, &mut self.chunk[..len + TAG]).map_err(|_| AtRestError::Damaged { chunk: index })?;
        self.held = Some(index);
        Ok(())
    }

    /// Reads the stored bytes of a chunk with `len` bytes of plaintext.
    fn fetch(&mut self, index: u64, len: usize) -> Result<(), AtRestError> {
        self.held = None;
        let mut offset = index * SEALED_CHUNK as u64;
        let mut missing = &mut self.chunk[..len + TAG];
        while !missing.is_empty() {
            match self.source.read_at(offset, missing) {
                Ok(0) => return Err(AtRestError::CutShort { chunk: index }),
                Ok(n) => {
                    offset += n as u64;
                    missing = &mut missing[n..];
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(AtRestError::Io(e)),
            }
        }
        Ok(())
    }

    fn last_chunk(&self) -> u64 {
        self.plain_len.saturating_sub(1) / CHUNK as u64
    }

    fn place(&self, index: u64) -> Place {
        if index == self.last_chunk() { Place::Last } else { Place::Inner }
    }

    fn chunk_len(&self, index: u64) -> usize {
        (self.plain_len - index * CHUNK as u64).min(CHUNK as u64) as usize
    }
}

/// A [`Reader`] with a position. An error is an error, never the end.
pub struct Sequential<S> {
    reader: Reader<S>,
    offset: u64,
}

impl<S: ReadAt> io::Read for Sequential<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read_at(self.offset, buf).map_err(|e| match e {
            AtRestError::Io(e) => e,
            damage => io::Error::new(io::ErrorKind::InvalidData, damage),
        })?;
        self.offset += n as u64;
        Ok(n)
    }
}
