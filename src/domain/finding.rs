//! A finding: what inspection has against a file, in words that name no value of the data.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Stable: `F3101`.
    pub code: String,
    /// One sentence: what is wrong and where.
    pub what: String,
    /// One sentence: what the producer does about it.
    pub fix: String,
}
