//! What a vendor sees: listings, files, ranges and conditions.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD};

#[test]
fn a_vendor_finds_its_delivery_and_fetches_it_byte_for_byte() {
    let mut served = Served::new();
    let file = served.file(600_000);
    let mut client = served.client();
    let root: serde_json::Value = serde_json::from_slice(&client.get("/").body).unwrap();
    assert_eq!(root["entries"][0]["name"], served.ticket.to_string());
    assert_eq!(root["entries"][0]["kind"], "directory");
    let delivery = client.get(&format!("/{}/", file.delivery));
    let delivery: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
    let names: Vec<_> = delivery["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["MANIFEST.json", "SHA256SUMS", "orders.csv.age"]);
    assert_eq!(delivery["entries"][2]["path"], file.path);
    assert_eq!(delivery["entries"][2]["bytes"], file.bytes);
    assert_eq!(delivery["entries"][2]["sha256"], file.sha256.to_string());
    assert_eq!(served.begun(), 0, "looking is no transfer");

    let answer = client.get(&file.path);
    assert_eq!((answer.status, Digest::of(&answer.body)), (200, file.sha256));
    assert_eq!(answer.field("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.field("accept-ranges"), Some("bytes"));
    assert_eq!(answer.field("etag"), Some(&*format!("\"{}\"", file.sha256)));
    let digest = format!("sha-256=:{}:", STANDARD.encode(file.sha256.as_bytes()));
    assert_eq!(answer.field("repr-digest"), Some(&*digest));
    assert_eq!(answer.field("content-disposition"), Some("attachment; filename*=UTF-8''orders.csv.age"));
    assert!(answer.field("last-modified").unwrap().ends_with(" GMT"));
    let sums = client.get(&format!("/{}/SHA256SUMS", file.delivery));
    assert_eq!(sums.body, format!("{}  orders.csv.age\n", file.sha256).as_bytes());
    drop(client);
    assert_eq!(served.sessions(), [SessionEnd::Closed]);
    served.stop();
    let ended = served.transfers();
    assert!(ended.iter().all(|ended| ended.how == TransferEnd::Closed));
    assert_eq!(ended.iter().map(|ended| ended.bytes).max(), Some(Some(file.bytes)));
    let log = served.house.log();
    let line = log.iter().find_map(|record| match &record.detail {
        Some(crate::domain::event::Detail::Line { algorithms, .. }) => Some(algorithms.clone()),
        _ => None,
    });
    assert_eq!(line.as_deref(), Some("TLSv1_3 X25519MLKEM768 TLS13_AES_256_GCM_SHA384"));
}
