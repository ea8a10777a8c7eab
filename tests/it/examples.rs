//! Examples: everything in config/ is what this program reads.

use crate::house::{House, OPERATOR};
use egressd::domain::acceptance::AcceptanceDocument;
use std::{fs, path::Path};

#[test]
fn every_file_in_config_is_read_by_this_program() {
    let mut house = House::configured(|gateway| {
        let policy = fs::read_to_string(config("policy.toml")).unwrap();
        assert_eq!(fs::read_to_string(gateway.join("policy.toml")).unwrap(), policy, "init writes another policy");
    });
    let mut names: Vec<_> =
        fs::read_dir(config("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["egressd.toml", "policy.toml", "prometheus-rules.yml", "risk.toml", "ticket.toml", "vendor.toml"],
        "each example has its line below"
    );
    // egressd.toml and policy.toml are served by every house; Prometheus reads its rules in a test of its own. The vendor's and then its ticket, as anybody would file them:
    house.file_vendor(OPERATOR, &fs::read_to_string(config("vendor.toml")).unwrap()).done();
    let submitted = house.submit(&fs::read_to_string(config("ticket.toml")).unwrap()).done();
    AcceptanceDocument::parse(&fs::read_to_string(config("risk.toml")).unwrap()).unwrap();
    assert!(!submitted["gates"].as_array().unwrap().is_empty(), "{submitted}");
    house.check();
}

fn config(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}
