//! The example configuration, what it refuses, and the key files that nobody may serve with.

use super::*;

#[test]
fn the_commented_example_says_what_the_defaults_are() {
    let document: Document = document::parse(include_str!("../../config/egressd.toml"), "").unwrap();
    assert_eq!(document.sftp, Sftp::default());
    assert_eq!(document.internal, Internal::default());
    assert_eq!(document.https, Https::default());
    assert_eq!(document.files, Files::default());
    assert_eq!(document.syslog, syslog::Document::default());
}

#[test]
fn a_configuration_that_was_named_from_here_names_its_places_from_the_root() {
    let config = Config::read(Path::new("config/egressd.toml")).unwrap();
    for place in [&config.staging, &config.state, &config.control_socket] {
        assert!(place.is_absolute(), "{}", place.display());
    }
}

#[test]
fn a_mistyped_key_is_located_and_the_nearest_is_named() {
    let text = include_str!("../../config/egressd.toml").replace("settle_seconds", "setle_seconds");
    let error = document::parse::<Document>(&text, "").unwrap_err();
    assert!(error.line.is_some() && error.hint.as_deref() == Some("did you mean settle_seconds?"), "{error}");
}

#[test]
fn limits_of_nothing_and_beyond_everything_are_refused() {
    assert!(settings(&Files { settle_seconds: 0, ..Files::default() }).is_err());
    assert!(settings(&Files { held_hours: 0, ..Files::default() }).is_err());
    assert!(settings(&Files { max_bytes: u64::MAX, ..Files::default() }).is_err());
    assert!(settings(&Files::default()).unwrap().delivery_quiet.is_none());
}

#[test]
fn every_published_key_is_refused_and_a_new_one_is_not() {
    for text in [
        include_str!("../../keys-example/master.key"),
        include_str!("../../keys-example/log.key"),
        include_str!("../../keys-example/ssh_host_ed25519"),
        include_str!("../../keys-example/staging.age"),
        include_str!("../../keys-example/tls.key"),
    ] {
        assert!(is_example(text) && is_example(text.trim_end()));
    }
    assert!(!is_example(&MasterKey::generate().to_text()));
}

#[test]
fn a_log_key_is_read_back_with_its_origin() {
    let origin: Origin = "gateway.example/egressd".parse().unwrap();
    let (signer, der) = Signer::generate(origin.clone()).unwrap();
    let text = log_key_text(&origin, &der);
    assert_eq!(log_signer(&text).unwrap().verifier().to_string(), signer.verifier().to_string());
    assert!(log_signer("egressd-log-key-v1 x").is_err());
}
