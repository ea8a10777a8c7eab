//! Which clients' certificates are refused for their key alone.

use super::*;
use crate::endpoints::https::certificate::{AnyKey, pin};
use rustls::{CertificateError, Error, pki_types::UnixTime, server::danger::ClientCertVerifier};

/// A certificate of this kind of key, by openssl.
fn certificate(kind: &[&str]) -> CertificateDer<'static> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-nodes", "-keyout", "/dev/null", "-days", "30", "-subj", "/CN=acme", "-newkey"]).args(kind);
    let made = openssl.output().unwrap();
    assert!(made.status.success(), "{made:?}");
    CertificateDer::from_pem_slice(&made.stdout).unwrap()
}

#[test]
fn keys_that_are_weak_or_on_other_curves_are_refused_before_anybody_asks_whose_they_are() {
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let verdict = |kind: &[&str]| AnyKey { algorithms }.verify_client_cert(&certificate(kind), &[], UnixTime::now());
    let curve = |name: &str| verdict(&["ec", "-pkeyopt", &format!("ec_paramgen_curve:{name}")]);
    let weak = Error::from(CertificateError::ApplicationVerificationFailure);
    assert_eq!(verdict(&["rsa:2048"]).unwrap_err(), weak);
    for name in ["secp224r1", "secp256k1", "brainpoolP256r1"] {
        assert_eq!(curve(name).unwrap_err(), weak, "{name}");
    }
    for kind in [["rsa:3072"], ["ed25519"]] {
        assert!(verdict(&kind).is_ok(), "{kind:?}");
    }
    for name in ["P-256", "P-384", "P-521"] {
        assert!(curve(name).is_ok(), "{name}");
    }
}

#[test]
fn a_confirmed_key_that_is_too_weak_is_refused_at_the_handshake() {
    let served = Served::new();
    let answered = |bits: &str| {
        let (certificate, key) = (served.path("acme.crt"), served.path("acme.key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=acme", "-newkey", bits]);
        fine(&openssl.arg("-out").arg(&certificate).arg("-keyout").arg(&key).output().unwrap());
        let pem = fs::read_to_string(&certificate).unwrap();
        let pin = pin(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap().0;
        let tls = TlsPair { certificate: pem, key: fs::read_to_string(&key).unwrap(), pin };
        let vendor = Vendor {
            id: served.vendor.id.clone(),
            login: served.vendor.login.clone(),
            recipient: served.vendor.recipient.clone(),
            tls,
        };
        served.runtime.block_on(served.house.file_vendor(&vendor));
        let mut curl = served.bare_curl();
        curl.arg("--cert").arg(&certificate).arg("--key").arg(&key);
        curl.args(["--fail", "-o", "/dev/null"]).arg(served.url("/")).output().unwrap().status.success()
    };
    assert!(!answered("rsa:2048"));
    served.until_rejected(1);
    assert!(answered("rsa:3072"));
}
