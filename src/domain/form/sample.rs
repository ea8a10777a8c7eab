//! Answers that tests do not care about, so that a ticket of theirs is complete.

/// Keys of the document itself: they stand before its first table.
pub const KEYS: &str = r#"
kind = "one_off"
benefit = "a fifth less unsold stock in the warehouses"
transfer = "external"
environment = "production"
"#;

pub const TABLES: &str = r#"
[alternatives]
not_sending = "stock is planned from last year's totals"
anonymised = "sums per week were tried and miss the signal"
in_house = "there is no team for it before the season"
[legal]
basis = "contract"
jurisdictions = ["CH"]
[at_vendor]
stored_in = "s3://lake/raw/orders"
access = ["the forecasting team"]
kept_days = 90
encryption = "AES-256 by the store with keys of their own"
breach_detection = "their SOC watches the access logs and calls us"
breach_contact = "soc@vendor.example"
backup = "planning falls back to last year's totals"
revocation = "they disable the role within an hour of our call"
deletion = "a signed attestation within fourteen days"
"#;
