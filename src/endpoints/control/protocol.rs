//! The control socket's protocol (docs/control-protocol.md): frames, and what stands in them. Shared with the command line.

use super::request::Request;
use crate::domain::{
    canonical,
    digest::Digest,
    ids::Slug,
    refusal::Refusal,
    signature::{NAMESPACE_REQUEST, Signature, SignatureRefused},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version of the protocol that this program speaks.
pub const VERSION: u8 = 1;

/// What the server says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromServer {
    Hello(Hello),
    /// One of `gateway::answers`.
    Result(Value),
    Refusal(RefusalNote),
    Fault(FaultNote),
}

/// What the client says: one call on a connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FromClient {
    Call(Call),
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hello {
    pub v: u8,
    pub nonce: Nonce,
}

/// 32 random bytes, drawn for one connection: a signature over it is good there and nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(Digest);

impl Nonce {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub v: u8,
    /// A [`Request`] as JSON text. It is text because these very bytes are signed.
    pub request: String,
    /// An armoured SSHSIG over [`signed_bytes`]; absent for the daemon's own user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signature: Option<String>,
    /// Who the caller means to be. It is compared with the key's owner and grants nothing.
    #[serde(skip_serializing_if = "Option::is_none", default, rename = "as")]
    pub named: Option<Slug>,
}

impl Call {
    /// The signature, if there is one: parsed, and checked against this connection's nonce and this very text.
    pub fn verify(&self, nonce: Nonce) -> Result<Option<Signature>, SignatureRefused> {
        let Some(armoured) = &self.signature else { return Ok(None) };
        let signature = Signature::parse(armoured)?;
        signature.check(NAMESPACE_REQUEST, &signed_bytes(nonce, &self.request))?;
        Ok(Some(signature))
    }

    pub fn request(&self) -> Result<Request, serde_json::Error> {
        serde_json::from_str(&self.request)
    }
}

/// What a call's signature covers: the canonical JSON of `{"nonce":…,"request":…,"v":1}`.
pub fn signed_bytes(nonce: Nonce, request: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Signed<'a> {
        v: u8,
        nonce: Nonce,
        request: &'a str,
    }
    canonical::to_bytes(&Signed { v: VERSION, nonce, request }).expect("a small number and two strings are canonical")
}

/// A refusal as it is told: every refusal says what, why, who can help and what they type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusalNote {
    /// `E2101`
    pub code: String,
    pub what: String,
    pub why: String,
    pub who: String,
    pub command: String,
}

impl From<&Refusal> for RefusalNote {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: format!("E{:04}", refusal.code()),
            what: refusal.what(),
            why: refusal.why().to_owned(),
            who: refusal.who().to_owned(),
            command: refusal.command(),
        }
    }
}

/// Something broke inside. The causes stand in the daemon's own log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FaultNote {
    pub message: String,
}

#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("the connection was closed")]
    Closed,
    #[error("a frame of no bytes says nothing")]
    Empty,
    #[error("a frame of {bytes} bytes is longer than the {most} that are read here")]
    TooLong { bytes: usize, most: usize },
    #[error("the connection ended in the middle of a frame")]
    Cut,
    #[error("a message came that does not belong at this point")]
    OutOfTurn,
    #[error("the frame is not one of this protocol: {0}")]
    Foreign(#[from] serde_json::Error),
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads one frame of at most `most` bytes. Memory grows with what arrives, not with what a length claims.
pub async fn read_frame<R: AsyncRead + Unpin>(stream: &mut R, most: usize) -> Result<Vec<u8>, FrameError> {
    let mut length = [0; 4];
    match stream.read(&mut length[..1]).await? {
        0 => return Err(FrameError::Closed),
        _ => stream.read_exact(&mut length[1..]).await.map_err(|_| FrameError::Cut)?,
    };
    let bytes = u32::from_be_bytes(length) as usize;
    if bytes == 0 {
        return Err(FrameError::Empty);
    }
    if bytes > most {
        return Err(FrameError::TooLong { bytes, most });
    }
    let mut frame = Vec::new();
    stream.take(bytes as u64).read_to_end(&mut frame).await?;
    if frame.len() < bytes { Err(FrameError::Cut) } else { Ok(frame) }
}

/// `message` as one frame of at most `most` bytes.
pub fn encode_frame<T: Serialize>(message: &T, most: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let bytes = frame.len() - 4;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= most).ok_or(FrameError::TooLong { bytes, most })?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

pub async fn write_frame<W: AsyncWrite + Unpin, T: Serialize>(
    stream: &mut W,
    message: &T,
    most: usize,
) -> Result<(), FrameError> {
    stream.write_all(&encode_frame(message, most)?).await?;
    stream.flush().await?;
    Ok(())
}
