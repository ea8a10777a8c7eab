//! What a requester answered, as reviewers see it: everything that a gate's question names.

use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldView {
    pub name: String,
    pub r#type: String,
    pub class: String,
    pub treatment: String,
    pub source: String,
    pub destination: String,
    pub necessity: String,
}

/// One answer of the form, `legal.basis` and what was written there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AnswerView {
    pub path: String,
    pub question: String,
    pub answer: String,
}
