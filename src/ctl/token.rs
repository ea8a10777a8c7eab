//! A new token: made here, so that neither the daemon nor its log ever has more than its digest.

use super::{
    connection::{Answered, Caller},
    trouble::Trouble,
};
use crate::{
    domain::{
        credential::{TOKEN_BYTES, token_digest, token_text},
        ids::Slug,
        time::Day,
    },
    endpoints::control::request::Request,
    gateway::answers::TokenIssued,
};
use zeroize::Zeroizing;

/// Makes a token, has its digest recorded, and only then shows it.
pub async fn new(caller: &mut Caller, vendor: Slug, until: Day) -> Result<Answered<TokenIssued>, Trouble> {
    let nothing = |cause: &str| Trouble::Output { cause: std::io::Error::other(cause.to_owned()) };
    let mut random = Zeroizing::new([0; TOKEN_BYTES]);
    aws_lc_rs::rand::fill(&mut *random).map_err(|_| nothing("the system gave no randomness"))?;
    let text = token_text(&random);
    let token = token_digest(&text).ok_or_else(|| nothing("a token that is none was made"))?;
    let Answered { answer, .. } = caller.ask::<TokenIssued>(&Request::VendorToken { vendor, token, until }).await?;
    let answer = TokenIssued { secret: Some(text.to_string()), ..answer };
    let json = serde_json::to_value(&answer).map_err(|error| Trouble::Output { cause: error.into() })?;
    Ok(Answered { json, answer })
}
