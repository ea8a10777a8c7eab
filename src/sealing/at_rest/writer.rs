//! Writing a stored object: one pass, one buffered chunk.

use super::{ObjectKey, aad, chunks::ChunkWriter, stored_len};
use crate::domain::ids::ObjectId;
use std::io::{self, Write};

/// What a finished object measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub plain_len: u64,
    pub stored_len: u64,
}

/// Encrypts what is written to it. Dropped without [`Writer::finish`], it leaves bytes that no reader takes for an object.
///
/// After an error nothing more is written: the object is begun again, with another key.
#[must_use = "only finish() makes an object of it"]
pub struct Writer<W: Write>(ChunkWriter<W>);

impl<W: Write> Writer<W> {
    /// Consumes the key, since a second writer under it would use its nonces again. To keep it, wrap it before.
    ///
    /// An unwrapped key could be handed in as well, and must not be: it has an object already.
    pub fn new(key: ObjectKey, id: ObjectId, sink: W) -> Self {
        Self(ChunkWriter::new(key.cipher(), aad(id).to_vec(), sink))
    }

    /// Writes the last chunk and flushes the sink. Making the bytes durable is the sink's owner's.
    pub fn finish(self) -> io::Result<(W, Written)> {
        let (sink, plain_len) = self.0.finish()?;
        let stored_len = stored_len(plain_len).expect("the writer refuses longer objects");
        Ok((sink, Written { plain_len, stored_len }))
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }

    /// Flushes the sink. The chunk that may be the last stays here until it is known.
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
