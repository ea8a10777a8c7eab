//! A file's bytes on their way out: read when the connection takes more, into buffers that are used again.

use crate::{
    domain::limits,
    gateway::{Download, ReadError},
};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    ops::Range,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

/// A range of one file. An error ends the connection before the promised length: a cut never looks like an end.
pub(super) struct FileBody {
    /// Gone with the last buffer: what reads a file reads it until its last byte was taken.
    download: Option<Download>,
    rest: Range<u64>,
    buffers: Buffers,
}

impl FileBody {
    pub(super) fn new(download: Download, range: Range<u64>) -> Self {
        Self { download: Some(download), rest: range, buffers: Buffers::default() }
    }

    fn next(&mut self) -> Result<Bytes, ReadError> {
        let wanted = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX).min(limits::HTTPS_READ_BYTES);
        let mut buffer = self.buffers.take();
        let Some(download) = &mut self.download else { return Err(ReadError::Damaged) };
        // What is not in memory is waited for. Meanwhile this thread's other tasks go on elsewhere: a slow or hanging disk
        // must not keep anybody's revocation from running.
        tokio::task::block_in_place(|| {
            while buffer.filled < wanted {
                let from = self.rest.start + buffer.filled as u64;
                match download.read_at(from, &mut buffer.memory[buffer.filled..wanted])? {
                    0 => return Err(ReadError::Damaged),
                    read => buffer.filled += read,
                }
            }
            Ok(())
        })?;
        self.rest.start += wanted as u64;
        if self.rest.is_empty() {
            buffer.last_of = self.download.take();
        }
        Ok(Bytes::from_owner(buffer))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(self.next().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.end - self.rest.start)
    }
}

/// Memory that comes back when the connection has written it.
#[derive(Clone, Default)]
struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

struct Buffer {
    memory: Box<[u8]>,
    filled: usize,
    home: Buffers,
    last_of: Option<Download>,
}

impl Buffers {
    fn take(&self) -> Buffer {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = spare.unwrap_or_else(|| {
            #[cfg(test)]
            MADE.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            vec![0; limits::HTTPS_READ_BYTES].into_boxed_slice()
        });
        Buffer { memory, filled: 0, home: self.clone(), last_of: None }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.memory));
    }
}

/// Buffers that were made, over all transfers of a test.
#[cfg(test)]
pub(super) static MADE: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
