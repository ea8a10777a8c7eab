//! A vendor's client over HTTPS: TLS by rustls and one request, so that the check needs no program but this one.

use super::{place, vendors::Vendor};
use anyhow::{Context, ensure};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::TLS13,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// The gateway as a vendor knows it.
pub struct Gateway {
    pub address: SocketAddr,
    /// Trusted by itself.
    pub certificate: PathBuf,
}

/// What a vendor proves itself by.
#[derive(Clone, Copy)]
pub enum Proof {
    Certificate,
    Token,
}

pub struct Fetched {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Gateway {
    /// One GET over a connection of its own.
    pub async fn fetch(&self, vendor: &Vendor, proof: Proof, path: &str) -> anyhow::Result<Fetched> {
        let socket = TcpStream::connect(self.address).await.context("connecting")?;
        let connector = TlsConnector::from(Arc::new(self.config(vendor, proof)?));
        let mut stream = connector.connect(self.address.ip().into(), socket).await.context("the TLS handshake")?;
        let authorization = match proof {
            Proof::Certificate => String::new(),
            Proof::Token => format!("Authorization: Bearer {}\r\n", place::read(&vendor.token_file)?.trim()),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{authorization}Connection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.context("reading the answer")?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without an end of its fields")?;
        let head = std::str::from_utf8(&answer[..end])?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("an answer without a status")?;
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let body = answer.split_off(end + 4);
        ensure!(length.is_none_or(|length: usize| length == body.len()), "{} bytes came of {length:?}", body.len());
        Ok(Fetched { status, body })
    }

    fn config(&self, vendor: &Vendor, proof: Proof) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.certificate)?).context("the gateway's certificate")?;
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13])?.with_root_certificates(roots);
        Ok(match proof {
            Proof::Token => builder.with_no_client_auth(),
            Proof::Certificate => {
                let key = PrivateKeyDer::from_pem_file(&vendor.tls_key).context("the vendor's TLS key")?;
                builder.with_client_auth_cert(vec![certificate(&vendor.tls_cert)?], key)?
            }
        })
    }
}

fn certificate(file: &Path) -> anyhow::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(file).with_context(|| file.display().to_string())
}
