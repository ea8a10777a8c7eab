//! Jurisdictions: whose law applies, as an ISO 3166 code. Only codes that exist: a condition of the policy that looks for `DE` is not
//! to be passed by with "Germany", or with a letter that looks like one of these.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A country (ISO 3166-1 alpha-2) or a part of one (ISO 3166-2): `DE`, `US-CA`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Jurisdiction(String);

/// ISO 3166-1 alpha-2, as of 2024.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG \
    GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR \
    NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ \
    TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

impl Jurisdiction {
    /// Whether it is `other` or a part of it: `US-CA` is within `US`.
    pub fn is_within(&self, other: &Self) -> bool {
        self == other || self.0.strip_prefix(&other.0).is_some_and(|rest| rest.starts_with('-'))
    }
}

impl FromStr for Jurisdiction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (country, part) = text.split_once('-').map_or((text, None), |(country, part)| (country, Some(part)));
        let is_country = COUNTRIES.split(' ').any(|known| known == country);
        let is_part =
            |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        match is_country && part.is_none_or(is_part) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{} is no ISO 3166 code such as DE or US-CA", super::shown::shown(text))),
        }
    }
}

impl TryFrom<String> for Jurisdiction {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Jurisdiction> for String {
    fn from(jurisdiction: Jurisdiction) -> Self {
        jurisdiction.0
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_one_spelling_and_its_parts_are_within_it() {
        let code = |text: &str| text.parse::<Jurisdiction>();
        for other in ["Germany", "de", "D\u{415}", "DE ", "XX", "DEU", "DE-", "DE-abc", "US-CALI", ""] {
            assert!(code(other).is_err(), "{other}");
        }
        assert!(
            code("US-CA").unwrap().is_within(&code("US").unwrap()) && !code("US").unwrap().is_within(&code("US-CA").unwrap())
        );
        assert_eq!(COUNTRIES.split(' ').count(), 249);
    }
}
