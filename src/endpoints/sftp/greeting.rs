//! What a client says in clear before encryption begins: its version and its algorithms. russh tells neither in time for
//! the record of the login, so they are overheard on the way to it.

use super::transport::{self, Offer};
use crate::domain::limits;
use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was agreed, for the record: printable ASCII, bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    /// The client's version line without `SSH-2.0-`.
    pub(super) client: String,
    /// Key exchange, host key, and our sending direction's cipher and MAC.
    pub(super) algorithms: String,
}

/// Filled in once the client's first KEXINIT has passed, which is before anyone can log in.
pub(super) type Heard = Arc<OnceLock<Greeting>>;

/// Passes bytes through and listens until it has heard the greeting.
pub(super) struct Overheard<S> {
    stream: S,
    ours: Arc<Offer>,
    heard: Heard,
    listening: Option<Vec<u8>>,
}

impl<S> Overheard<S> {
    pub(super) fn new(stream: S, ours: Arc<Offer>) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { stream, ours, heard: heard.clone(), listening: Some(Vec::new()) }, heard)
    }

    fn listen(&mut self, bytes: &[u8]) -> Result<(), Unfit> {
        let Some(said) = &mut self.listening else { return Ok(()) };
        said.extend_from_slice(&bytes[..bytes.len().min(limits::SSH_GREETING_BYTES)]);
        match greeting(said, &self.ours) {
            Ok(Some(greeting)) => {
                let _ = self.heard.set(greeting);
                self.listening = None;
            }
            Ok(None) if said.len() <= limits::SSH_GREETING_BYTES => {}
            // russh comes to the same end, and tells the client.
            Err(Unfit::NothingInCommon) => self.listening = None,
            Ok(None) | Err(Unfit::Malformed | Unfit::PrefixTruncation) => return Err(Unfit::Malformed),
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    Malformed,
    NothingInCommon,
    /// ChaCha20-Poly1305 without strict key exchange: a prefix of the stream could be cut away unnoticed
    /// (CVE-2023-48795).
    PrefixTruncation,
}

/// The greeting, once all of it is there (RFC 4253 sections 4.2, 6 and 7.1).
fn greeting(said: &[u8], ours: &Offer) -> Result<Option<Greeting>, Unfit> {
    let Some((version, mut rest)) = version(said) else { return Ok(None) };
    let Some(length) = word(&mut rest) else { return Ok(None) };
    if length as usize > limits::SSH_GREETING_BYTES {
        return Err(Unfit::Malformed);
    }
    let Some(packet) = rest.get(..length as usize) else { return Ok(None) };
    // Padding length, SSH_MSG_KEXINIT, a cookie of sixteen bytes; then the lists.
    let mut lists = packet.get(18..).filter(|_| packet[1] == 20).ok_or(Unfit::Malformed)?;
    let mut next = || list(&mut lists).ok_or(Unfit::Malformed);
    let [kex, host_key, _to_us, cipher, _mac_to_us, mac] = [next()?, next()?, next()?, next()?, next()?, next()?];
    let agreed_cipher = agreed(cipher, &ours.cipher)?;
    let agreed_mac = match agreed_cipher {
        transport::CHACHA20 if !kex.split(',').any(|name| name == transport::STRICT_CLIENT) => {
            return Err(Unfit::PrefixTruncation);
        }
        name if transport::is_aead(name) => "aead",
        _ => agreed(mac, &ours.mac)?,
    };
    let algorithms = [agreed(kex, &ours.kex)?, agreed(host_key, &ours.host_key)?, agreed_cipher, agreed_mac].join(" ");
    Ok(Some(Greeting { client: printable(version), algorithms }))
}

/// The version without its prefix, and what follows its line. Other lines may come before it.
fn version(mut said: &[u8]) -> Option<(&[u8], &[u8])> {
    loop {
        let end = said.iter().position(|&c| c == b'\n')?;
        let (line, rest) = (&said[..end], &said[end + 1..]);
        if let Some(version) = line.strip_prefix(b"SSH-2.0-") {
            return Some((version.strip_suffix(b"\r").unwrap_or(version), rest));
        }
        said = rest;
    }
}

fn word(bytes: &mut &[u8]) -> Option<u32> {
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*word))
}

fn list<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = word(bytes)? as usize;
    let (list, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    std::str::from_utf8(list).ok()
}

/// The client's first name that is also ours.
fn agreed<'a>(theirs: &str, ours: &'a [String]) -> Result<&'a str, Unfit> {
    let mine = |name| ours.iter().find(|our| *our == name);
    theirs.split(',').find_map(mine).map(String::as_str).ok_or(Unfit::NothingInCommon)
}

fn printable(version: &[u8]) -> String {
    let plain = |c: u8| if c.is_ascii_graphic() || c == b' ' { c as char } else { '?' };
    version.iter().take(limits::SSH_VERSION_CHARS).map(|&c| plain(c)).collect()
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if self.listening.is_some() && self.listen(&buf.filled()[before..]).is_err() {
            // Who answers with an error has read nothing: that is what AsyncRead's callers go by.
            buf.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "no greeting of ours")));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
    use crate::endpoints::sftp::transport::Ciphers;
    use tokio::io::AsyncReadExt;

    const KEX: &str = "sntrup761x25519-sha512,curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh.com";

    fn said(version: &str, kex: &str, ciphers: &str) -> Vec<u8> {
        let mut payload = vec![6, 20];
        payload.extend([0; 16]);
        for list in [kex, "ssh-ed25519", "none", ciphers, "none", "hmac-sha1,hmac-sha2-256-etm@openssh.com"] {
            payload.extend((list.len() as u32).to_be_bytes());
            payload.extend(list.as_bytes());
        }
        [version.as_bytes(), &(payload.len() as u32).to_be_bytes(), &payload].concat()
    }

    fn ours(ciphers: Ciphers) -> Offer {
        let key = russh::keys::PrivateKey::random(&mut russh::keys::key::safe_rng(), russh::keys::Algorithm::Ed25519).unwrap();
        transport::Transport::new(vec![key], ciphers).unwrap().offer().as_ref().clone()
    }

    #[test]
    fn the_first_of_the_clients_names_that_is_ours_is_agreed() {
        let heard = |ciphers| greeting(&said("SSH-2.0-OpenSSH_9.2 x\r\n", KEX, ciphers), &ours(Ciphers::Aes)).unwrap().unwrap();
        let gcm = heard("chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com");
        assert_eq!(gcm.algorithms, "curve25519-sha256 ssh-ed25519 aes256-gcm@openssh.com aead");
        assert_eq!(gcm.client, "OpenSSH_9.2 x");
        let ctr = heard("aes256-ctr");
        assert_eq!(ctr.algorithms, "curve25519-sha256 ssh-ed25519 aes256-ctr hmac-sha2-256-etm@openssh.com");
    }

    #[test]
    fn chacha_is_agreed_only_where_it_is_offered_and_only_with_strict_key_exchange() {
        let said = |kex| said("SSH-2.0-x\n", kex, "chacha20-poly1305@openssh.com");
        assert_eq!(greeting(&said(KEX), &ours(Ciphers::Aes)), Err(Unfit::NothingInCommon));
        assert!(greeting(&said(KEX), &ours(Ciphers::AesAndChaCha20)).unwrap().is_some());
        assert_eq!(greeting(&said("curve25519-sha256"), &ours(Ciphers::AesAndChaCha20)), Err(Unfit::PrefixTruncation));
    }

    #[test]
    fn a_greeting_is_heard_in_any_pieces_and_its_version_is_made_printable() {
        let ours = ours(Ciphers::Aes);
        let said = said("hello\r\nSSH-2.0-\x1b[2Jevil\r\n", KEX, "aes256-ctr");
        for end in 0..said.len() {
            assert_eq!(greeting(&said[..end], &ours), Ok(None), "{end}");
        }
        assert_eq!(greeting(&said, &ours).unwrap().unwrap().client, "?[2Jevil");
    }

    #[tokio::test]
    async fn what_is_no_greeting_ends_the_connection_and_is_not_kept() {
        for junk in
            [vec![b'x'; 1 << 20], said("SSH-2.0-x\n", KEX, "aes256-ctr").iter().map(|&c| if c == 20 { 21 } else { c }).collect()]
        {
            let (mut stream, heard) = Overheard::new(std::io::Cursor::new(junk), Arc::new(ours(Ciphers::Aes)));
            assert!(stream.read_to_end(&mut Vec::new()).await.is_err());
            assert!(heard.get().is_none());
        }
    }
}
