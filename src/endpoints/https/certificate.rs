//! A client's certificate: what the TLS layer asks of it, and the key that it is pinned by.
//!
//! No authority is asked who a vendor is: its key is filed, confirmed by three people, and found by its digest. So a
//! self-signed certificate is as good as any, and a chain proves nothing here. What is verified is that the peer holds the
//! key, that the certificate is well formed and in its time, and that the key is no weak one.

use crate::domain::{credential::TlsKey, digest::Digest, limits};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use x509_parser::{
    certificate::X509Certificate,
    oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519},
    prelude::FromDer,
    public_key::PublicKey,
    time::ASN1Time,
};

/// Why a certificate may not be shown here at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("not a certificate (X.509, DER)")]
    Unreadable,
    #[error("an RSA key of fewer than 3072 bits, or no key of RSA, P-256, P-384, P-521 or Ed25519")]
    WeakKey,
}

/// The key of a certificate, as a vendor file names it: the SHA-256 of its SubjectPublicKeyInfo (RFC 7469 section 2.4).
pub fn pin(certificate: &[u8]) -> Result<TlsKey, Unfit> {
    Ok(TlsKey(Digest::of(read(certificate)?.public_key().raw)))
}

fn read(certificate: &[u8]) -> Result<X509Certificate<'_>, Unfit> {
    match X509Certificate::from_der(certificate) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Unfit::Unreadable),
    }
}

fn fit(certificate: &X509Certificate<'_>) -> Result<(), Unfit> {
    let key = certificate.public_key();
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let fit = match key.parsed().map_err(|_| Unfit::Unreadable)? {
        PublicKey::RSA(rsa) => rsa.key_size() >= limits::RSA_BITS,
        PublicKey::EC(_) => curve.is_some_and(|curve| [OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521].contains(&curve)),
        _ => key.algorithm.algorithm == OID_SIG_ED25519,
    };
    if fit { Ok(()) } else { Err(Unfit::WeakKey) }
}

/// Takes any certificate whose key the peer proves to hold. Whose key it is, the gateway knows.
#[derive(Debug)]
pub(super) struct AnyKey {
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyKey {
    /// A vendor with a token has none.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let certificate = read(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).ok().and_then(|now| ASN1Time::from_timestamp(now).ok());
        let now = now.ok_or(CertificateError::Expired)?;
        if now < certificate.validity().not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > certificate.validity().not_after {
            return Err(CertificateError::Expired.into());
        }
        fit(&certificate).map_err(|_| CertificateError::ApplicationVerificationFailure)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
