//! Names that a staged file may have: fit for every system it will be pulled to, and for a line of a listing.

use super::{limits::FILE_NAME_BYTES, shown::is_invisible};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What the gateway itself puts beside released files, or reads in staging.
const RESERVED: [&str; 5] = ["MANIFEST.json", "MANIFEST.json.sig", "SHA256SUMS", "README.txt", "schema.json"];

/// A producer's sign that the delivery is complete. Never released, so never a file's name.
pub const READY: &str = "_READY";

/// Endings that common clients give a file while they still write it.
const PARTIAL: [&str; 8] = [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".upload"];

const MANIFEST: &str = ".manifest.toml";

/// How a file is called that was encrypted to the gateway before it was dropped, and how every released file is.
const ENCRYPTED: &str = ".age";

/// Names that Windows takes for devices, with any extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3",
    "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Why a name may not exist. The name itself is not repeated: whoever shows it escapes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum NotAFileName {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than {FILE_NAME_BYTES} bytes")]
    TooLong,
    #[error("the name is not UTF-8")]
    NotUtf8,
    #[error("the name holds a slash")]
    Slash,
    #[error("the name holds a control character")]
    Control,
    #[error("the name holds an invisible or text-reordering character")]
    Invisible,
    #[error("the name begins with a dot, a hyphen or a tilde")]
    Beginning,
    #[error("the name begins or ends with a space")]
    Space,
    #[error("the name holds one of \\ : * ? \" < > |, ends with a dot or is a device on Windows")]
    Windows,
    #[error("the name ends in .age twice, or not in small letters")]
    Encrypted,
    #[error("the name is one that the gateway itself uses")]
    Reserved,
}

/// The name of a file that may be staged and released.
///
/// Being so in the type, no name reaches a path, a listing, a checksum file or a terminal with anything else in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FileName(String);

impl FileName {
    /// A name as the file system has it: bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAFileName> {
        std::str::from_utf8(bytes).map_err(|_| NotAFileName::NotUtf8)?.parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name says that the file is still being written. Such a file is not refused, it waits.
    pub fn is_partial(&self) -> bool {
        let name = self.0.to_ascii_lowercase();
        PARTIAL.iter().any(|ending| name.ends_with(ending))
    }

    /// The file that this one is the manifest of: `<file>.manifest.toml` accompanies `<file>`.
    pub fn manifest_of(&self) -> Option<Self> {
        self.0.strip_suffix(MANIFEST)?.parse().ok()
    }

    /// The name that this file's manifest has, unless it would be too long to exist.
    pub fn manifest(&self) -> Option<Self> {
        format!("{self}{MANIFEST}").parse().ok()
    }
}

/// The name of what is in a staged file: without the `.age` of one that was encrypted to the gateway before it was dropped.
pub fn content(name: &str) -> &str {
    name.strip_suffix(ENCRYPTED).unwrap_or(name)
}

/// The name that a staged file's vendor sees.
pub fn served(name: &str) -> String {
    format!("{}{ENCRYPTED}", content(name))
}

impl FromStr for FileName {
    type Err = NotAFileName;

    fn from_str(name: &str) -> Result<Self, NotAFileName> {
        let content = content(name);
        let any = |test: fn(char) -> bool| name.chars().any(test);
        let refused = [
            (name.is_empty(), NotAFileName::Empty),
            (name.len() > FILE_NAME_BYTES, NotAFileName::TooLong),
            (name.contains('/'), NotAFileName::Slash),
            (any(char::is_control), NotAFileName::Control),
            (any(is_invisible), NotAFileName::Invisible),
            (name.starts_with(['.', '-', '~']), NotAFileName::Beginning),
            (name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace), NotAFileName::Space),
            (name.contains(['\\', ':', '*', '?', '"', '<', '>', '|']) || name.ends_with('.'), NotAFileName::Windows),
            (is_device(name), NotAFileName::Windows),
            (content.to_ascii_lowercase().ends_with(ENCRYPTED), NotAFileName::Encrypted),
            (is_reserved(content), NotAFileName::Reserved),
        ];
        match refused.into_iter().find(|(holds, _)| *holds) {
            Some((_, why)) => Err(why),
            None => Ok(Self(name.to_owned())),
        }
    }
}

/// Without regard to case: a vendor's file system may have none.
fn is_reserved(name: &str) -> bool {
    RESERVED.iter().chain([&READY]).any(|reserved| reserved.eq_ignore_ascii_case(name))
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    DEVICES.iter().any(|device| device.eq_ignore_ascii_case(stem))
}

impl TryFrom<String> for FileName {
    type Error = NotAFileName;

    fn try_from(name: String) -> Result<Self, NotAFileName> {
        name.parse()
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_came_encrypted_is_served_under_the_name_of_one_that_did_not() {
        for name in ["orders.csv", "orders.csv.age"] {
            assert!(name.parse::<FileName>().is_ok());
            assert_eq!((content(name), served(name).as_str()), ("orders.csv", "orders.csv.age"));
        }
    }

    #[test]
    fn names_that_people_give_files_may_exist() {
        for good in
            ["customers.csv", "Kunden 2026-11.csv", "a", "データ.csv", "a~b-c.d", "x.csv.manifest.toml", "_ready.csv", "e\u{301}"]
        {
            assert_eq!(good.parse::<FileName>().unwrap().as_str(), good);
        }
        assert!("a".repeat(FILE_NAME_BYTES).parse::<FileName>().is_ok());
    }

    #[test]
    fn each_reason_refuses_its_names() {
        use NotAFileName as N;
        let long = "ä".repeat(FILE_NAME_BYTES / 2) + "x";
        for (bad, why) in [
            ("", N::Empty),
            (&long, N::TooLong),
            ("../etc", N::Slash),
            ("a/b", N::Slash),
            ("a\0b", N::Control),
            ("a\nb", N::Control),
            ("a\u{85}b", N::Control),
            ("a\u{7f}", N::Control),
            ("a\u{202e}vsc.exe", N::Invisible),
            ("a\u{200b}b", N::Invisible),
            ("a\u{fffd}", N::Invisible),
            ("\u{feff}a", N::Invisible),
            ("a\u{a0}", N::Invisible),
            ("a\u{e0041}", N::Invisible),
            (".", N::Beginning),
            ("..", N::Beginning),
            (".hidden", N::Beginning),
            ("-rf", N::Beginning),
            ("~root", N::Beginning),
            (" a", N::Space),
            ("a ", N::Space),
            ("a.", N::Windows),
            ("a:b", N::Windows),
            ("a\\b", N::Windows),
            ("a|b", N::Windows),
            ("NUL", N::Windows),
            ("com1.csv", N::Windows),
            ("a.csv.age.age", N::Encrypted),
            ("MANIFEST.json.age", N::Reserved),
            ("a.AGE", N::Encrypted),
            ("MANIFEST.json", N::Reserved),
            ("manifest.JSON", N::Reserved),
            ("SHA256SUMS", N::Reserved),
            ("README.txt", N::Reserved),
            ("_READY", N::Reserved),
        ] {
            assert_eq!(bad.parse::<FileName>(), Err(why), "{bad:?}");
        }
        assert_eq!(FileName::from_bytes(b"a\xff"), Err(N::NotUtf8));
        assert!(serde_json::from_str::<FileName>("\"../a\"").is_err());
    }

    #[test]
    fn partial_names_may_exist_and_say_that_they_are_not_complete() {
        for name in ["a.csv.part", "a.tmp", "a.csv.filepart", "a.CRDOWNLOAD"] {
            assert!(name.parse::<FileName>().unwrap().is_partial(), "{name}");
        }
        assert!(!"part.csv".parse::<FileName>().unwrap().is_partial());
    }

    #[test]
    fn a_manifest_accompanies_the_file_whose_name_it_bears() {
        let file: FileName = "a.csv".parse().unwrap();
        let manifest = file.manifest().unwrap();
        assert_eq!(manifest.as_str(), "a.csv.manifest.toml");
        assert_eq!(manifest.manifest_of(), Some(file.clone()));
        assert_eq!(file.manifest_of(), None);
        assert_eq!(".manifest.toml".parse::<FileName>(), Err(NotAFileName::Beginning));
        assert_eq!("a".repeat(FILE_NAME_BYTES).parse::<FileName>().unwrap().manifest(), None);
    }
}
