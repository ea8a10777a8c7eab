//! The TLS layer: TLS 1.3 and nothing before it, each connection a handshake of its own.

use super::{certificate::AnyKey, hosts::Host};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::{default_provider, kx_group},
    pki_types::{CertificateDer, PrivateKeyDer},
    server::NoServerSessionStorage,
    version::TLS13,
};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// What a connection begins with: the gateway's certificate, what it agrees to, and the names it answers to.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    hosts: Arc<[Host]>,
}

/// The gateway's own certificate or key is of no use.
#[derive(Debug, thiserror::Error)]
pub enum UnfitCertificate {
    #[error("there is no certificate in it")]
    Missing,
    #[error("the first certificate cannot be read")]
    Unreadable,
    #[error("the certificate names no host: it needs a subjectAltName, or https.hosts has to name one")]
    Nameless,
    #[error("certificate and key: {0}")]
    Tls(#[from] rustls::Error),
}

impl Tls {
    /// From a certificate, the chain above it, and its private key. It answers to the names in the certificate.
    ///
    /// # Errors
    /// A key that is not the certificate's, a certificate that cannot be read.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, UnfitCertificate> {
        let hosts = named(chain.first().ok_or(UnfitCertificate::Missing)?)?;
        let mut provider = default_provider();
        // The hybrid first: what is recorded today is not read when quantum computers come.
        provider.kx_groups = vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
        let algorithms = provider.signature_verification_algorithms;
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(AnyKey { algorithms }))
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // No resumption: who resumes is who once was, and a certificate that was revoked since would not be shown again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Self { config: Arc::new(config), hosts: hosts.into() })
    }

    /// The same for these names, if there are any, in place of the certificate's.
    ///
    /// # Errors
    /// No name at all, here or in the certificate: nobody could ask for anything.
    pub fn answering_to(self, hosts: &[Host]) -> Result<Self, UnfitCertificate> {
        let hosts = if hosts.is_empty() { self.hosts } else { hosts.into() };
        if hosts.is_empty() { Err(UnfitCertificate::Nameless) } else { Ok(Self { hosts, ..self }) }
    }

    pub fn hosts(&self) -> &Arc<[Host]> {
        &self.hosts
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The names of a certificate (RFC 5280 section 4.2.1.6).
fn named(certificate: &[u8]) -> Result<Vec<Host>, UnfitCertificate> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| UnfitCertificate::Unreadable)?;
    let names = certificate.subject_alternative_name().map_err(|_| UnfitCertificate::Unreadable)?;
    let host = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Host::parse(name).ok(),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(Host::address([a, b, c, d].into())),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| Host::address(bytes.into())),
        },
        _ => None,
    };
    Ok(names.map(|names| names.value.general_names.iter().filter_map(host).collect()).unwrap_or_default())
}
