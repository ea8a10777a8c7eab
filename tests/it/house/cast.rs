//! Who is who: the staff and their roles, the vendors' keys and files, the tickets that most tests file.

use super::{CANARY, House, run};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::Value;
use std::{fmt::Write, fs, path::Path, process::Command};

pub const REQUESTER: &str = "carol";
pub const OPERATOR: &str = "bob";
pub const RESPONDER: &str = "alice";
pub const SECURITY: &str = "grace";
pub const AUDITOR: &str = "ivan";

/// Everybody on the staff. The machine's owner enrols the first two. judy could hold several gates, and carol could vote
/// at business if it were not her own ticket.
pub const STAFF: [(&str, &str); 11] = [
    (RESPONDER, "sysadmin,security_responder"),
    (OPERATOR, "operator,vendor_risk_analyst"),
    (REQUESTER, "requester,business_approver"),
    ("dave", "business_approver"),
    ("erin", "data_owner"),
    ("frank", "privacy_reviewer"),
    (SECURITY, "security_reviewer"),
    ("olivia", "operator,vendor_risk_analyst"),
    ("heidi", "legal_reviewer,executive"),
    (AUDITOR, "auditor,sysadmin"),
    ("judy", "data_owner,privacy_reviewer,security_reviewer"),
];

/// Who votes at a gate.
pub fn gate_keeper(gate: &str) -> &'static str {
    match gate {
        "business" => "dave",
        "data_owner" => "erin",
        "privacy" => "frank",
        "security" => SECURITY,
        "vendor_risk" => "olivia",
        "legal" | "executive" => "heidi",
        other => panic!("there is no gate {other}"),
    }
}

/// A day as tickets write it, so many days from today (UTC).
pub fn day(from_today: i32) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.checked_add(from_today.days()).unwrap().to_string()
}

/// The form's answers that no test looks at; first the keys, then the tables.
const KEYS: &str = r#"kind = "one_off"
benefit = "a fifth less unsold stock in the warehouses"
transfer = "external"
environment = "production"
"#;
const TABLES: &str = r#"[alternatives]
not_sending = "stock is planned from last year's totals"
anonymised = "sums per week were tried and miss the signal"
in_house = "there is no team for it before the season"
[legal]
basis = "contract"
jurisdictions = ["CH"]
[at_vendor]
stored_in = "s3://lake/raw/orders"
access = ["the forecasting team"]
kept_days = 90
encryption = "AES-256 by the store with keys of their own"
breach_detection = "their SOC watches the access logs and calls us"
breach_contact = "soc@vendor.example"
backup = "planning falls back to last year's totals"
revocation = "they disable the role within an hour of our call"
deletion = "a signed attestation within fourteen days"
"#;

/// A ticket for `vendor`: three columns of monthly orders, tier T1, open from yesterday for 20 days.
pub fn ticket_file(vendor: &str) -> String {
    let field = |name: &str, kind: &str, class: &str| {
        format!(
            "[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\nclass = \"{class}\"\nsource = \"warehouse://sales/orders/{name}\"\n\
             destination = \"lake://orders/{name}\"\nnecessity = \"the forecast needs it\"\ntreatment = \"as_is\"\n"
        )
    };
    format!(
        "ticket = 1\ntitle = \"Monthly orders\"\nvendor = \"{vendor}\"\npurpose = \"Forecast of the stock of next month\"\n\
         justification = \"The contract asks for it; aggregates were tried and do not suffice\"\nformat = \"csv\"\n\
         protocols = [\"sftp\", \"https\"]\nretention_days = 30\n{KEYS}[window]\nopens = \"{}\"\ncloses = \"{}\"\n{TABLES}[limits]\nmax_rows = 20000000\n\
         {}{}{}",
        day(-1),
        day(20),
        field("customer", "text", "pseudonym"),
        field("month", "text", "business"),
        field("orders", "integer", "business"),
    )
}

/// A CSV of so many rows that fits [`ticket_file`]. Every row holds the canary that no stored object may show.
pub fn orders(rows: usize) -> String {
    let mut csv = String::from("customer,month,orders\n");
    for row in 0..rows {
        writeln!(csv, "{CANARY}-{row:08},2026-10,{}", row % 97).unwrap();
    }
    csv
}

impl House {
    /// Enrols everybody of [`STAFF`].
    pub(super) fn enrol_everybody(&self) {
        for (i, (name, roles)) in STAFF.iter().enumerate() {
            if i < 2 {
                self.owner(self.enrolment(name, roles)).done();
            } else {
                self.enrol(name, roles);
            }
        }
    }

    /// Enrols a person by two of the staff. A key is made where there is none.
    #[track_caller]
    pub fn enrol(&self, name: &str, roles: &str) {
        let key = self.path("people").join(name);
        if !key.exists() {
            self.ssh_key(&key);
        }
        let first = self.ctl(RESPONDER, self.enrolment(name, roles)).done();
        assert_eq!(first["state"], "waits_for_second", "{first}");
        let second = self.ctl(OPERATOR, self.enrolment(name, roles)).done();
        assert_eq!(second["state"], "done", "{second}");
    }

    /// The command that enrols a person.
    pub fn enrolment(&self, name: &str, roles: &str) -> Vec<String> {
        let key = self.path("people").join(format!("{name}.pub"));
        ["staff", "enroll", name, "--roles", roles, "--public-key", key.to_str().unwrap()].map(String::from).to_vec()
    }

    /// A new Ed25519 key of Debian's ssh-keygen, `path` and `path.pub`.
    pub fn ssh_key(&self, path: &Path) {
        let name = path.file_name().unwrap();
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C"]).arg(name).arg("-f").arg(path));
    }

    /// Files a vendor with new keys and has it confirmed by two more people.
    #[track_caller]
    pub fn vendor(&self, id: &str) {
        let filed = self.file_vendor(OPERATOR, &self.vendor_file(id)).done();
        let revision = filed["revision"].as_str().unwrap();
        for person in ["olivia", SECURITY] {
            self.ctl(person, ["vendor", "confirm", id, revision]).done();
        }
    }

    /// Files a vendor's file as `person`.
    pub fn file_vendor(&self, person: &str, text: &str) -> super::Answer {
        let file = self.path(format!("vendor-{}.toml", uuid::Uuid::new_v4()));
        fs::write(&file, text).unwrap();
        self.ctl(person, ["vendor", "add", file.to_str().unwrap()])
    }

    /// A vendor's file, with the keys under `vendors/<id>/`, which are made where there are none.
    pub fn vendor_file(&self, id: &str) -> String {
        let directory = self.path("vendors").join(id);
        if !directory.exists() {
            fs::create_dir_all(directory.join("pulled")).unwrap();
            self.ssh_key(&directory.join("login"));
            run(Command::new("age-keygen").arg("-o").arg(directory.join("age.txt")));
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "3650", "-subj"]).arg(format!("/CN={id}"));
            run(openssl.arg("-keyout").arg(directory.join("tls.key")).arg("-out").arg(directory.join("tls.crt")));
        }
        // As config/vendor.toml tells the vendor to.
        let pin = "openssl x509 -in tls.crt -noout -pubkey | openssl pkey -pubin -outform der \
                   | openssl dgst -sha256 -binary | base64 | sed 's/^/SHA256:/'";
        let pin = run(Command::new("sh").args(["-ec", pin]).current_dir(&directory));
        let login = fs::read_to_string(directory.join("login.pub")).unwrap();
        let recipient = run(Command::new("age-keygen").arg("-y").arg(directory.join("age.txt")));
        format!(
            "vendor = 1\nid = \"{id}\"\nname = \"{id} Analytics\"\ncontact = \"security@{id}.example\"\n\
             login_keys = [\"{}\"]\nrecipients = [\"{}\"]\naddresses = [\"127.0.0.0/8\"]\ntls_keys = [\"{}\"]\n\
             [assessment]\nreference = \"VRA-17\"\nvalid_until = \"{}\"\ncontract = \"DPA of 2026\"\n",
            login.trim(),
            recipient.trim(),
            pin.trim(),
            day(400),
        )
    }

    /// Submits a ticket as its requester. It waits for its gates.
    pub fn submit(&self, text: &str) -> super::Answer {
        let file = self.path(format!("ticket-{}.toml", uuid::Uuid::new_v4()));
        fs::write(&file, text).unwrap();
        self.ctl(REQUESTER, ["ticket", "submit", file.to_str().unwrap()])
    }

    /// The operator asks and security agrees, once the suspension is on record.
    #[track_caller]
    pub fn resume(&self, ticket: &str) {
        let resume = |who| self.ctl(who, ["ticket", "resume", ticket, "--reason", "its cause is gone"]);
        super::until("the suspension is on record", || (resume(OPERATOR).code == 0).then_some(()));
        assert_eq!(resume(RESPONDER).done()["state"], "done");
    }

    /// Votes yes at a gate.
    #[track_caller]
    pub fn approve(&self, person: &str, ticket: &str, gate: &str) -> super::Answer {
        self.ctl(person, ["ticket", "vote", ticket, "--gate", gate, "--approve", "--reason", "seen and agreed"])
    }

    /// Has every gate of a submitted ticket approve it.
    #[track_caller]
    pub fn approve_all(&self, submitted: &Value) -> String {
        let ticket = submitted["ticket"].as_str().unwrap();
        for gate in submitted["gates"].as_array().unwrap() {
            let gate = gate.as_str().unwrap();
            self.approve(gate_keeper(gate), ticket, gate).done();
        }
        ticket.to_owned()
    }

    /// Submits a ticket, has all its gates approve it and activates it. Answers its number.
    #[track_caller]
    pub fn ticket(&self, text: &str) -> String {
        let ticket = self.approve_all(&self.submit(text).done());
        self.ctl(OPERATOR, ["ticket", "activate", &ticket]).done();
        ticket
    }
}
