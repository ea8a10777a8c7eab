//! To which class of the policy a column may belong: by its name and by what its values look like. In doubt the more sensitive one.

use super::{Column, Shape};
use crate::domain::{
    form::wording,
    ids::Slug,
    policy::{Policy, Tier},
    shown::{grouped, many},
    ticket::FieldType,
};

/// A suggested class and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suggestion {
    /// None: the policy has no class at all.
    pub class: Option<Slug>,
    pub confidence: Confidence,
    /// Counts and words of ours; nothing that stands in the file.
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confidence {
    Suggested,
    /// The most sensitive class that is plausible; a person has to look.
    Unsure,
}

/// What a column may hold, the most sensitive first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Meaning {
    Credential,
    PaymentCard,
    GovernmentId,
    Health,
    Direct,
    Quasi,
    Pseudonym,
    Behaviour,
    Business,
}

impl Meaning {
    /// The class of config/policy.toml, and the least tier of a class that stands for it where there is none of that name.
    const fn class(self) -> (&'static str, Tier) {
        match self {
            Self::Credential => ("credential", Tier::T3),
            Self::PaymentCard => ("payment_card", Tier::T3),
            Self::GovernmentId => ("government_id", Tier::T3),
            Self::Health => ("health", Tier::T3),
            Self::Direct => ("direct_identifier", Tier::T2),
            Self::Quasi => ("quasi_identifier", Tier::T1),
            Self::Pseudonym => ("pseudonym", Tier::T1),
            Self::Behaviour => ("behaviour", Tier::T1),
            Self::Business => ("business", Tier::T0),
        }
    }

    const fn of_shape(shape: Shape) -> Self {
        match shape {
            Shape::CardNumber => Self::PaymentCard,
            Shape::NationalId => Self::GovernmentId,
            Shape::Email | Shape::BankAccount | Shape::Phone | Shape::IpAddress | Shape::FreeText => Self::Direct,
            Shape::BirthDate | Shape::Postcode => Self::Quasi,
            Shape::Token => Self::Pseudonym,
        }
    }
}

/// Words of columns' names, in some of the languages that people export in. A special category of GDPR Art. 9 stands with health.
const NAMES: &[(Meaning, &[&str])] = &[
    (
        Meaning::Credential,
        &[
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "secret",
            "api key",
            "private key",
            "access key",
            "access token",
            "refresh token",
            "auth token",
            "session token",
            "otp",
            "pin",
            "passwort",
            "senha",
        ],
    ),
    (Meaning::PaymentCard, &["card number", "credit card", "debit card", "card no", "pan", "cvv", "cvc", "cvv2", "kreditkarte"]),
    (
        Meaning::GovernmentId,
        &[
            "ssn",
            "social security",
            "passport",
            "tax id",
            "tax number",
            "tin",
            "national id",
            "identity card",
            "driving licence",
            "driver license",
            "drivers license",
            "nino",
            "cpf",
            "cnp",
            "nif",
            "dni",
            "ahv",
            "steuernummer",
            "steuer id",
            "sozialversicherungsnummer",
            "personalausweis",
            "reisepass",
        ],
    ),
    (
        Meaning::Health,
        &[
            "diagnosis",
            "diagnose",
            "diagnoses",
            "icd",
            "icd9",
            "icd10",
            "medication",
            "prescription",
            "allergy",
            "allergies",
            "patient",
            "disability",
            "symptom",
            "symptoms",
            "therapy",
            "blood",
            "mrn",
            "health",
            "pregnant",
            "religion",
            "ethnicity",
            "race",
            "sexual orientation",
            "trade union",
            "political",
            "biometric",
            "genetic",
            "genome",
        ],
    ),
    (
        Meaning::Direct,
        &[
            "email",
            "e mail",
            "mail",
            "phone",
            "telephone",
            "telefon",
            "mobile",
            "handy",
            "tel",
            "fax",
            "first name",
            "last name",
            "full name",
            "given name",
            "family name",
            "middle name",
            "maiden name",
            "surname",
            "forename",
            "fname",
            "lname",
            "vorname",
            "nachname",
            "nom",
            "prenom",
            "nombre",
            "apellido",
            "nome",
            "sobrenome",
            "customer name",
            "contact name",
            "person name",
            "user name",
            "username",
            "login",
            "address",
            "adresse",
            "street",
            "strasse",
            "iban",
            "bank account",
            "account number",
            "ip",
            "ip address",
            "device id",
            "cookie",
            "imei",
            "licence plate",
            "license plate",
            "photo",
            "signature",
        ],
    ),
    (
        Meaning::Quasi,
        &[
            "birth",
            "birthday",
            "dob",
            "geburtsdatum",
            "age",
            "gender",
            "sex",
            "geschlecht",
            "zip",
            "zip code",
            "zipcode",
            "postcode",
            "postal code",
            "post code",
            "plz",
            "cep",
            "city",
            "town",
            "ort",
            "region",
            "nationality",
            "occupation",
            "profession",
            "job",
            "employer",
            "income",
            "salary",
            "marital",
            "household",
            "education",
            "language",
            "latitude",
            "longitude",
            "lat",
            "lon",
            "location",
        ],
    ),
    (
        Meaning::Pseudonym,
        &[
            "token",
            "hash",
            "hashed",
            "uuid",
            "guid",
            "pseudonym",
            "customer id",
            "user id",
            "client id",
            "member id",
            "account id",
            "subscriber id",
            "kundennummer",
        ],
    ),
    (
        Meaning::Behaviour,
        &[
            "order",
            "ordered",
            "orders",
            "purchase",
            "purchased",
            "amount",
            "quantity",
            "qty",
            "visit",
            "visits",
            "click",
            "clicks",
            "session",
            "event",
            "basket",
            "cart",
            "usage",
            "duration",
            "rating",
            "score",
            "page",
            "channel",
            "campaign",
            "spend",
            "revenue",
        ],
    ),
    (
        Meaning::Business,
        &[
            "product",
            "sku",
            "price",
            "currency",
            "stock",
            "category",
            "brand",
            "supplier",
            "warehouse",
            "article",
            "ean",
            "gtin",
            "vat",
            "discount",
            "unit",
        ],
    ),
];

/// The class among the policy's, and the evidence that speaks for the most sensitive one.
pub(super) fn suggest(column: &Column, policy: &Policy) -> Suggestion {
    let named = by_name(&column.name);
    let found = by_shapes(column).chain(named).min_by_key(|(meaning, ..)| (std::cmp::Reverse(meaning.class().1), *meaning));
    let (meaning, confidence, reason) = found.unwrap_or_else(|| unknown(column));
    let (name, least) = meaning.class();
    if let Some(class) = policy.class_names().find(|class| class.as_str() == name) {
        return Suggestion { class: Some(class.clone()), confidence, reason };
    }
    let reason = format!("{reason}; the policy has no class {name}, this one is the nearest by its tier");
    Suggestion { class: nearest_by_tier(least, policy), confidence: Confidence::Unsure, reason }
}

type Evidence = (Meaning, Confidence, String);

fn by_name(name: &str) -> Option<Evidence> {
    let words = wording::words(name);
    let (spaced, joined) = (format!(" {} ", words.join(" ")), words.concat());
    let says = |phrase: &str| spaced.contains(&format!(" {phrase} ")) || joined == phrase.replace(' ', "");
    for (meaning, phrases) in NAMES {
        if let Some(phrase) = phrases.iter().find(|phrase| says(phrase)) {
            return Some((*meaning, Confidence::Suggested, format!("its name says \"{phrase}\"")));
        }
    }
    match words.last().map(String::as_str) {
        Some("name") if words.len() == 1 => Some((Meaning::Direct, Confidence::Unsure, "its name says \"name\"".to_owned())),
        Some("id" | "key" | "number" | "no" | "nr" | "code") => Some((
            Meaning::Pseudonym,
            Confidence::Unsure,
            "its name says that it identifies something; perhaps a person".to_owned(),
        )),
        _ => None,
    }
}

fn by_shapes(column: &Column) -> impl Iterator<Item = Evidence> {
    column.shapes.iter().filter(|(shape, count)| **count * 100 >= column.values * shape.least_percent()).map(|(shape, count)| {
        let confidence = if *shape == Shape::FreeText { Confidence::Unsure } else { Confidence::Suggested };
        let (count, values) = (grouped(*count), grouped(column.values));
        (Meaning::of_shape(*shape), confidence, format!("{count} of {values} sampled values look like {}", shape.words()))
    })
}

/// Neither name nor values say anything. A text may be somebody's name; what is a number, a day or a yes helps to find out who.
fn unknown(column: &Column) -> Evidence {
    let meaning = match column.kind {
        None | Some(FieldType::Text) => Meaning::Direct,
        Some(_) => Meaning::Quasi,
    };
    let values = match column.values {
        0 => "it has no value in the sample, and its name does not say what it is".to_owned(),
        values => format!("neither its name nor {} say what it is", many(values, "sampled value")),
    };
    (meaning, Confidence::Unsure, format!("{values}; this is the most sensitive class that is plausible"))
}

/// The least sensitive class of at least that tier, or the most sensitive one.
fn nearest_by_tier(least: Tier, policy: &Policy) -> Option<Slug> {
    let classes = || policy.class_names().filter_map(|name| Some((policy.class(name)?.tier, name)));
    let enough = classes().filter(|(tier, _)| *tier >= least).min_by_key(|(tier, _)| *tier);
    enough.or_else(|| classes().max_by_key(|(tier, _)| *tier)).map(|(_, class)| class.clone())
}
