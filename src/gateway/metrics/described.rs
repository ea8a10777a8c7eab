//! The metrics as a page describes them.

use super::{Metrics, text::classic};
use crate::clock::SystemClock;
use prometheus_client::encoding::text::encode_registry;
use std::sync::{Arc, PoisonError};

/// Every metric: its name, its type, what it says.
pub fn described() -> Vec<(String, String, String)> {
    let metrics = Metrics::new(Arc::new(SystemClock::new()));
    metrics.scrape.lock().unwrap_or_else(PoisonError::into_inner).exemplify();
    let mut text = String::new();
    encode_registry(&mut text, &metrics.registry).expect("a string takes everything");
    let text = classic(&text);
    let words = |prefix: &str| -> Vec<(String, String)> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix)?.split_once(' '));
        lines.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    };
    let (helps, types) = (words("# HELP "), words("# TYPE "));
    helps.into_iter().zip(types).map(|((name, help), (_, kind))| (name, kind, help)).collect()
}
