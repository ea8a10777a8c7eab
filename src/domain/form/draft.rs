//! A draft of a request from a sample of its data: what the sample shows is filled in, with a reason; all else is left open, and
//! [`super::lint`] names it. No value of the sample comes in here: only names, types and counts.

mod class;
mod written;

pub use class::{Confidence, Suggestion};

use super::{Answer, Need, QUESTIONS, Question};
use crate::domain::{
    ids::Slug,
    limits,
    policy::Policy,
    ticket::{FieldType, word},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a value may look like.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shape {
    CardNumber,
    NationalId,
    Email,
    BankAccount,
    Phone,
    IpAddress,
    FreeText,
    BirthDate,
    Postcode,
    Token,
}

impl Shape {
    pub const ALL: [Self; 10] = [
        Self::CardNumber,
        Self::NationalId,
        Self::Email,
        Self::BankAccount,
        Self::Phone,
        Self::IpAddress,
        Self::FreeText,
        Self::BirthDate,
        Self::Postcode,
        Self::Token,
    ];

    /// Whether one value alone is no column's name.
    pub fn is_telling(self) -> bool {
        self != Self::FreeText
    }

    /// After "look like".
    pub const fn words(self) -> &'static str {
        match self {
            Self::CardNumber => "card numbers (their check digit is right)",
            Self::NationalId => "social security numbers",
            Self::Email => "e-mail addresses",
            Self::BankAccount => "bank accounts (IBAN, their check digits are right)",
            Self::Phone => "telephone numbers",
            Self::IpAddress => "IP addresses",
            Self::FreeText => "free text, which can hold anything",
            Self::BirthDate => "dates of birth",
            Self::Postcode => "postcodes",
            Self::Token => "tokens or hashes",
        }
    }

    /// How many of a hundred values have to look like it. One address in a column of notes is one too many; a tenth of
    /// all long numbers have a card's check digit by chance.
    const fn least_percent(self) -> u64 {
        match self {
            Self::NationalId | Self::Email | Self::BankAccount => 0,
            Self::CardNumber | Self::FreeText => 25,
            Self::Phone | Self::IpAddress | Self::Postcode | Self::Token => 50,
            Self::BirthDate => 90,
        }
    }
}

/// One column as a sample shows it.
#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    /// The narrowest type of all its values. None: it has none.
    pub kind: Option<FieldType>,
    /// Values that are not empty.
    pub values: u64,
    pub shapes: BTreeMap<Shape, u64>,
}

impl Column {
    pub fn named(name: String) -> Self {
        Self { name, kind: None, values: 0, shapes: BTreeMap::new() }
    }
}

/// How much of the file the sample is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Extent {
    Whole,
    Beginning,
}

/// The columns of a file, in its order.
#[derive(Clone, Debug)]
pub struct Sample {
    pub columns: Vec<Column>,
    pub rows: u64,
    pub extent: Extent,
}

/// Why there is no draft.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDrafted {
    #[error("it has {columns} columns, and a request names at most {most}: take out what is not needed")]
    TooManyColumns { columns: usize, most: usize },
    #[error("the draft would have {bytes} bytes, and a ticket file may have {most}: take out columns that are not needed")]
    TooLarge { bytes: usize, most: usize },
}

/// One field of the draft.
#[derive(Clone, Debug)]
pub struct DraftField {
    pub name: String,
    pub kind: Option<FieldType>,
    pub class: Suggestion,
}

/// A request of which a machine knows the beginning.
#[derive(Clone, Debug)]
pub struct Draft {
    vendor: Option<Slug>,
    rows: u64,
    extent: Extent,
    pub fields: Vec<DraftField>,
}

impl Draft {
    /// `policy`: the classes that there are.
    pub fn new(sample: Sample, policy: &Policy, vendor: Option<Slug>) -> Result<Self, NotDrafted> {
        let (columns, most) = (sample.columns.len(), limits::INVENTORY_FIELDS);
        if columns > most {
            return Err(NotDrafted::TooManyColumns { columns, most });
        }
        let field = |column: Column| DraftField { class: class::suggest(&column, policy), name: column.name, kind: column.kind };
        let fields = sample.columns.into_iter().map(field).collect();
        let draft = Self { vendor, rows: sample.rows, extent: sample.extent, fields };
        let (bytes, most) = (draft.to_toml().len(), limits::DOCUMENT_BYTES);
        if bytes > most { Err(NotDrafted::TooLarge { bytes, most }) } else { Ok(draft) }
    }

    /// What the draft itself answers outside its fields.
    fn known(&self, question: &Question) -> Option<Value> {
        match question.path {
            "ticket" => Some(1.into()),
            "format" => Some("csv".into()),
            "vendor" => self.vendor.as_ref().map(|vendor| vendor.as_str().into()),
            _ => None,
        }
    }

    /// The questions that every request answers and that this one leaves open: `field[2].source`.
    pub fn open(&self) -> Vec<(String, &'static Question)> {
        let asked = QUESTIONS.iter().filter(|question| question.need == Need::Always);
        let (fields, others): (Vec<&'static Question>, Vec<&'static Question>) =
            asked.partition(|question| question.table() == "field");
        let of_fields = self.fields.iter().enumerate().flat_map(|(i, field)| {
            let open = fields.iter().filter(|question| field.answer(question).is_none());
            open.map(move |question| (format!("field[{}].{}", i + 1, question.key()), *question))
        });
        let of_others = others.into_iter().filter(|question| self.known(question).is_none());
        of_others.map(|question| (question.path.to_owned(), question)).chain(of_fields).collect()
    }

    /// The same request as JSON, which has no room for comments: what is open is empty, or absent where it is a number.
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        for question in QUESTIONS.iter().filter(|question| question.need == Need::Always && question.table() != "field") {
            let Some(answer) = self.known(question).or_else(|| empty(question.answer)) else { continue };
            let table = match question.table() {
                "" => &mut document,
                name => {
                    let table = document.entry(name).or_insert_with(|| Value::Object(Map::new()));
                    table.as_object_mut().expect("only objects were put there")
                }
            };
            table.insert(question.key().to_owned(), answer);
        }
        document.insert("field".to_owned(), self.fields.iter().map(DraftField::to_json).collect());
        Value::Object(document)
    }
}

impl DraftField {
    fn answer(&self, question: &Question) -> Option<Value> {
        match question.key() {
            "name" => Some(self.name.as_str().into()),
            "type" => self.kind.map(|kind| word(&kind).into()),
            "class" => self.class.class.as_ref().map(|class| class.as_str().into()),
            _ => None,
        }
    }

    fn to_json(&self) -> Value {
        let asked = QUESTIONS.iter().filter(|question| question.table() == "field");
        let answers = asked
            .filter_map(|question| Some((question.key().to_owned(), self.answer(question).or_else(|| empty(question.answer))?)));
        Value::Object(answers.collect())
    }
}

/// What stands for no answer: the linter takes it for one that is missing, whatever the policy's wording.
fn empty(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Version | Answer::Whole { .. } | Answer::References => None,
        Answer::List(_) => Some(Value::Array(Vec::new())),
        _ => Some("".into()),
    }
}

#[cfg(test)]
mod tests;
