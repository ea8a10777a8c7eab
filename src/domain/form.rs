//! The request form: every question that a ticket answers, why it is asked, and what a good answer looks like.
//!
//! One table for all who need it: the linter, the draft, the review and docs/request-form.md. The types of
//! [`crate::domain::ticket`] hold the answers; a test keeps the two the same.

pub mod draft;
pub mod lint;
pub mod located;
pub mod wording;
mod written;

use super::limits;

/// What an answer has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The version of the form.
    Version,
    /// A short text that lists show.
    Title,
    /// Sentences that a reviewer can judge: no "tbd", no "as discussed".
    Prose,
    /// A person, team, address or reference by name.
    Name,
    Id,
    OneOf(&'static [&'static str]),
    Whole {
        least: i64,
        most: i64,
    },
    /// `"2026-12-31"`
    Day,
    /// `scheme://` and all that follows: no wildcard, nothing relative, nothing collective.
    Place,
    /// The exact path of one field.
    FieldName,
    /// A class of the policy.
    Class,
    /// An ISO 3166 code.
    Jurisdiction,
    List(&'static Self),
    /// Names and what is filed under each.
    References,
}

/// Whether a question has to be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    Always,
    Never,
    When(Case),
}

/// What a request may be that makes more questions necessary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// `kind = "recurring"`
    Recurring,
    /// `kind = "portability"`
    Portability,
    /// `legal.basis = "consent"`
    Consent,
}

impl Case {
    /// In words, after "asked when".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Recurring => "the request is recurring",
            Self::Portability => "a person asked for their own data",
            Self::Consent => "the legal basis is consent",
        }
    }
}

/// One question of the form.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Where the answer stands: `alternatives.in_house`; `field.source` in each `[[field]]`.
    pub path: &'static str,
    pub answer: Answer,
    pub need: Need,
    pub ask: &'static str,
    pub why: &'static str,
    /// A good answer, as it is written in TOML.
    pub example: &'static str,
}

impl Question {
    /// The table that it stands in; empty for the document itself.
    pub fn table(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(table, _)| table)
    }

    pub fn key(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, key)| key)
    }
}

pub const KINDS: &[&str] = &["one_off", "recurring", "portability"];
pub const TRANSFERS: &[&str] = &["internal", "external", "cross_border"];
pub const ENVIRONMENTS: &[&str] = &["production", "non_production"];
pub const BASES: &[&str] =
    &["not_personal", "consent", "contract", "legal_obligation", "vital_interest", "public_task", "legitimate_interest"];
pub const TYPES: &[&str] = &["text", "integer", "decimal", "boolean", "date", "timestamp"];
/// Those that can be promised.
pub const TREATMENTS: &[&str] = &["as_is"];
/// Those that nothing verifies yet: known by name, offered to nobody.
pub const PLANNED_TREATMENTS: &[&str] = &["drop", "mask", "hmac", "tokenise", "generalise", "truncate_date"];
pub const PERIODS: &[&str] = &["day", "week", "month", "quarter"];

/// What canonical JSON holds exactly; nobody stages eight pebibytes.
pub const LARGEST: i64 = super::canonical::LARGEST_INTEGER;

macro_rules! questions {
    ($($path:literal $answer:expr, $need:expr; $ask:literal why $why:literal example $example:literal)*) => {
        pub const QUESTIONS: &[Question] =
            &[$(Question { path: $path, answer: $answer, need: $need, ask: $ask, why: $why, example: $example }),*];
    };
}

use Answer::{Class, Day, FieldName, Id, List, Name, OneOf, Place, Prose, References, Title, Version, Whole};
use Need::{Always, Never, When};

const COUNT: Answer = Whole { least: 1, most: u32::MAX as i64 };
const SIZE: Answer = Whole { least: 1, most: LARGEST };

questions! {
    "ticket" Version, Always; "Which version of the form is this?"
        why "A later form may ask other questions." example "1"
    "title" Title, Always; "What is it, in one line?"
        why "Lists and logs show it." example "\"Fortnightly orders for demand forecasting\""
    "vendor" Id, Always; "Which vendor receives it?"
        why "One ticket, one vendor: its keys, its assessment, its addresses." example "\"acme\""
    "unit" Id, Never; "For which business unit is it?"
        why "The policy may give a unit's requests to reviewers of its own." example "\"supply-planning\""
    "kind" OneOf(KINDS), Always; "Is it sent once, again and again, or because a person asked for their own data?"
        why "A recurring feed needs a schedule and a cap; a person's request has a clock." example "\"recurring\""
    "purpose" Prose, Always; "What does the vendor do with the data?"
        why "Every gate judges the fields against this purpose, and no other use is approved."
        example "\"Forecast demand per product and region, to plan stock for the next quarter\""
    "justification" Prose, Always; "Why does the data have to leave at all?"
        why "What is not sent cannot be lost."
        example "\"The forecast needs single orders: sums per week lose the repeat purchases that carry the signal\""
    "benefit" Prose, Always; "What do we, or the persons concerned, have of it?"
        why "A risk is weighed against something."
        example "\"A fifth less stock in the warehouses, measured each quarter by supply planning\""
    "transfer" OneOf(TRANSFERS), Always; "Does it stay within the organisation, leave it, or leave the country?"
        why "Other laws apply, and other gates." example "\"external\""
    "environment" OneOf(ENVIRONMENTS), Always; "Into what kind of environment does it go?"
        why "Test systems are guarded less: names and addresses as they are never go there." example "\"production\""
    "format" OneOf(&["csv"]), Always; "How is the data written?"
        why "Each file is parsed whole before it leaves; what cannot be parsed cannot be checked." example "\"csv\""
    "protocols" List(&OneOf(&["sftp", "https"])), Always; "How may the vendor pull?"
        why "The listener refuses every other way." example "[\"sftp\", \"https\"]"
    "retention_days" Whole { least: 1, most: 366 }, Always; "For how many days after its release may the vendor find a file here?"
        why "Then its bytes are destroyed; the policy bounds it for each tier." example "30"

    "window.opens" Day, Always; "From which day on may files leave?"
        why "Before it nothing leaves, approved or not." example "\"2026-11-01\""
    "window.closes" Day, Always; "Until which day, it included?"
        why "A request without an end is a permission for ever." example "\"2027-01-31\""

    "alternatives.not_sending" Prose, Always; "What if nothing were sent?"
        why "The first alternative to sending data is not to." example "\"Stock is planned from last year's totals, and a fifth of it stays unsold\""
    "alternatives.anonymised" Prose, Always; "Why do anonymised or aggregated data not do?"
        why "What identifies nobody harms nobody." example "\"The model learns from the order of single purchases; sums per week were tried in May and miss it\""
    "alternatives.in_house" Prose, Always; "Why is it not done in house?"
        why "Data that stays needs no trust in others." example "\"There is no forecasting team before the season; two quotes for tools came to more than the vendor\""

    "legal.basis" OneOf(BASES), Always; "On which legal basis does it leave?"
        why "Without one, personal data may not be passed on (GDPR Art. 6, LGPD Art. 7 and others)." example "\"contract\""
    "legal.jurisdictions" List(&Answer::Jurisdiction), Always; "Under whose law do the persons or records stand, as ISO 3166 codes?"
        why "They decide which regimes apply." example "[\"DE\", \"US-CA\"]"
    "legal.consent" Name, When(Case::Consent); "Where is the consent on record?"
        why "Consent that nobody can show is none." example "\"consent register CR-2026-11, version 4 of the notice\""
    "legal.suppression" Name, When(Case::Consent); "Which list of those who said no was applied, and when?"
        why "Who withdrew must not be in the file." example "\"opt-outs of 2026-11-20, dwh://privacy/opt_outs\""
    "legal.references" References, Never; "Under which numbers are the papers filed that a regime needs?"
        why "A policy's conditions name the ones without which a request waits." example "{ dpia = \"DPIA-2026-7\", baa = \"BAA-2026-3\" }"

    "at_vendor.stored_in" Place, Always; "Where does the vendor store it?"
        why "A place that can be named can be audited and emptied." example "\"s3://acme-lake-eu/raw/orders\""
    "at_vendor.access" List(&Name), Always; "Who there has access, by name or by team?"
        why "\"Staff\" is everybody." example "[\"forecasting team (6)\", \"J. Doe, platform engineer\"]"
    "at_vendor.kept_days" Whole { least: 1, most: 3_660 }, Always; "For how many days do they keep it?"
        why "Then they delete it and attest that." example "90"
    "at_vendor.encryption" Prose, Always; "How is it encrypted there, and who holds the keys?"
        why "Our encryption ends where they decrypt." example "\"AES-256 by the store, keys in their own KMS, rotated each year\""
    "at_vendor.breach_detection" Prose, Always; "How would we know that it was breached?"
        why "A breach that nobody notices is never ended." example "\"Access logs are watched by their SOC; they call our security desk within 24 hours\""
    "at_vendor.breach_contact" Name, Always; "Whom does one reach there, day and night?"
        why "The first hour counts." example "\"soc@acme.example, +49 30 901820\""
    "at_vendor.backup" Prose, Always; "What do we do if this delivery has to be stopped?"
        why "What can be done without can be revoked at once; it is shown with the revocation." example "\"Planning falls back to last year's totals; nobody waits for a day\""
    "at_vendor.revocation" Prose, Always; "How is their access ended, beyond our own cut?"
        why "Copies live on after the pipe is closed." example "\"They disable the forecasting role within an hour of our call and confirm in writing\""
    "at_vendor.deletion" Prose, Always; "How do we verify that it was deleted?"
        why "Deletion that is not shown has not happened." example "\"A signed attestation within 14 days, with the deletion job's log\""

    "schedule.every" OneOf(PERIODS), When(Case::Recurring); "How often is a delivery due?"
        why "A feed that is late, and one that is too often, are both noticed." example "\"week\""
    "schedule.late_after_hours" Whole { least: 1, most: 2_400 }, When(Case::Recurring); "After how many hours is it late?"
        why "Then somebody is told." example "24"

    "portability.requested_on" Day, When(Case::Portability); "When did the person ask?"
        why "The 30 days run from there." example "\"2026-11-02\""
    "portability.told" Prose, When(Case::Portability); "What was the person told of when, how and in which format?"
        why "They are to be told before they ask again." example "\"By letter on 2026-11-04: CSV by our portal's download, before the end of the month\""

    "limits.max_deliveries" COUNT, When(Case::Recurring); "How many deliveries in all?"
        why "One approval is not for ever." example "26"
    "limits.max_bytes" SIZE, Never; "How many bytes may one file have?"
        why "What is larger than expected is not what was approved." example "1073741824"
    "limits.min_rows" Whole { least: 0, most: LARGEST }, Never; "How few rows may one file have?"
        why "A file about two persons is about these two." example "100"
    "limits.max_rows" SIZE, Never; "How many rows may one file have?"
        why "What is larger than expected is not what was approved." example "100000"
    "limits.max_downloads" COUNT, Never; "In how many sessions may the vendor read one file?"
        why "One that is read every night has become a service." example "50"

    "field.name" FieldName, Always; "What is the field called, exactly?"
        why "Reviewers approve fields by name; a collective name could hold anything." example "\"order_id\""
    "field.type" OneOf(TYPES), Always; "Of which type are its values?"
        why "Each value is checked against it." example "\"text\""
    "field.class" Class, Always; "To which class of the policy do its values belong?"
        why "The class decides the tier, and the tier the gates." example "\"behaviour\""
    "field.source" Place, Always; "Where do the values come from?"
        why "What is known to come from one place can be traced back to it." example "\"dwh://sales/orders/order_id\""
    "field.destination" Place, Always; "Where does the vendor store them?"
        why "A field without a place there is not needed there." example "\"s3://acme-lake-eu/raw/orders/order_id\""
    "field.necessity" Name, Always; "What is it needed for?"
        why "What serves no purpose is left out (GDPR Art. 5: minimisation)." example "\"joins an order with its lines\""
    "field.treatment" OneOf(TREATMENTS), Always; "What is done to its values before they leave?"
        why "Verified on every row; what is masked in the form and not in the file is held." example "\"as_is\""
}

/// Characters of one answer, at most.
pub const fn longest(answer: Answer) -> usize {
    match answer {
        Answer::Title | Answer::Name | Answer::Id | Answer::FieldName | Answer::Class | Answer::Day => limits::NAME_CHARS,
        _ => limits::TEXT_CHARS,
    }
}

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;
