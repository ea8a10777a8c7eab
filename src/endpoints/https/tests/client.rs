//! A client that says what it is told to, byte for byte, and reads no further than a test wants.

use crate::gateway::fixture::TlsPair;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

pub(super) struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    port: u16,
}

/// One response, its body read to the promised length.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Lower-case names, in the order in which they came.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All of it but the time of day.
    pub(super) fn timeless(&self) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let fields = self.fields.iter().filter(|(name, _)| name != "date").cloned().collect();
        (self.status, fields, self.body.clone())
    }
}

pub(super) fn config(server: &TlsPair, client: Option<&TlsPair>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(server.certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).unwrap();
    let builder = builder.with_root_certificates(roots);
    match client {
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()).unwrap()
        }
        None => builder.with_no_client_auth(),
    }
}

impl Client {
    /// Shakes hands. Whether a client's certificate is accepted shows with the first answer only (RFC 8446 section 4.4.4).
    pub(super) fn connect(port: u16, server: &TlsPair, client: Option<&TlsPair>) -> io::Result<Self> {
        Self::with(port, Arc::new(config(server, client)))
    }

    pub(super) fn with(port: u16, config: Arc<ClientConfig>) -> io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(120)))?;
        let connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream, port })
    }

    pub(super) fn tls(&self) -> &ClientConnection {
        &self.stream.conn
    }

    pub(super) fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Asks with these further fields.
    pub(super) fn begin(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> io::Result<()> {
        let more: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let host = self.port;
        self.say(format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{host}\r\n{more}\r\n"))
    }

    pub(super) fn ask(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        self.begin(method, target, fields)?;
        self.answer(method)
    }

    pub(super) fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, &[]).unwrap()
    }

    pub(super) fn head(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if self.stream.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let field = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())).unwrap();
        Ok(Answer { status, fields: lines.map(field).collect(), body: Vec::new() })
    }

    pub(super) fn answer(&mut self, method: &str) -> io::Result<Answer> {
        let mut answer = self.head()?;
        let length = answer.field("content-length").map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" && answer.status != 304 {
            answer.body = vec![0; length];
            self.stream.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    pub(super) fn read(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; bytes];
        self.stream.read_exact(&mut body).map(|()| body)
    }

    /// Everything that still comes, and whether the end was an orderly one.
    pub(super) fn rest(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut body = Vec::new();
        let ended = self.stream.read_to_end(&mut body).map(drop);
        (body, ended)
    }
}
