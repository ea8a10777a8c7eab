//! `ticket draft`: a request that begins with what a sample of its data shows, written without a daemon.

use super::{page::Page, show::Show, signer, trouble::Trouble};
use crate::{
    domain::{
        form::draft::{Confidence, Draft, Extent, Sample},
        ids::Slug,
        policy::Policy,
        ticket::FieldType,
    },
    inspection::sample::{Appetite, Sampler},
};
use serde::Serialize;
use serde_json::Value;
use std::{io::Read, path::Path};

/// What `ticket draft` answers.
#[derive(Serialize)]
pub struct Drafted {
    /// The request as JSON; `ticket lint` reads it.
    draft: Value,
    fields: Vec<Suggested>,
    open: Vec<Open>,
    rows_sampled: u64,
    /// Whose classes they are; absent: those of config/policy.toml.
    #[serde(skip_serializing_if = "Option::is_none")]
    classes_of: Option<String>,
    #[serde(skip)]
    toml: String,
}

#[derive(Serialize)]
struct Suggested {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<FieldType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Slug>,
    unsure: bool,
    reason: String,
}

/// A question that a person still answers.
#[derive(Serialize)]
struct Open {
    path: String,
    ask: &'static str,
    why: &'static str,
    example: &'static str,
}

/// `policy`: its file and what stands in it.
pub fn draft(file: &Path, policy: Option<(&Path, String)>, vendor: Option<Slug>) -> Result<Drafted, Trouble> {
    let read = match &policy {
        Some((file, text)) => Policy::parse(text).map_err(|error| Trouble::content(file, error, "policy check"))?,
        None => Policy::parse(include_str!("../../config/policy.toml"))
            .map_err(|error| Trouble::content(file, error, "ticket draft"))?,
    };
    let sample = sample(file)?;
    let rows_sampled = sample.rows;
    let draft = Draft::new(sample, &read, vendor).map_err(|error| Trouble::content(file, error, "ticket draft"))?;
    let suggested = draft.fields.iter().map(|field| Suggested {
        name: field.name.clone(),
        r#type: field.kind,
        class: field.class.class.clone(),
        unsure: field.class.confidence == Confidence::Unsure,
        reason: field.class.reason.clone(),
    });
    let open = draft.open().into_iter();
    Ok(Drafted {
        draft: draft.to_json(),
        fields: suggested.collect(),
        open: open
            .map(|(path, question)| Open { path, ask: question.ask, why: question.why, example: question.example })
            .collect(),
        rows_sampled,
        classes_of: policy.map(|(file, _)| file.display().to_string()),
        toml: draft.to_toml(),
    })
}

fn sample(file: &Path) -> Result<Sample, Trouble> {
    let unread = |cause: String| Trouble::Document { file: file.to_owned(), cause };
    let mut source = signer::open(file).map_err(unread)?;
    let mut sampler = Sampler::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source.read(&mut chunk).map_err(|e| unread(e.to_string()))?;
        if read == 0 {
            return sampler.finish(Extent::Whole).map_err(|e| Trouble::content(file, e, "ticket draft"));
        }
        if sampler.update(&chunk[..read]).map_err(|e| Trouble::content(file, e, "ticket draft"))? == Appetite::Enough {
            return sampler.finish(Extent::Beginning).map_err(|e| Trouble::content(file, e, "ticket draft"));
        }
    }
}

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

impl Show for Drafted {
    fn show(&self, page: &mut Page) {
        page.block(&self.toml);
    }
}
