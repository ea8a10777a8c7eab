//! Refusals: expected answers with a stable code, a reason in words, and what to do about it.

mod entry;

pub use entry::Entry;

use super::{
    digest::Digest,
    ids::Slug,
    signature::{SignatureRefused, openssh_fingerprint},
};
use std::fmt;

/// What an outsider may learn of a refusal. "Unknown" and "not yours" are one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    NoSuchFile,
    Denied,
    TryLater,
    /// The vendor itself is too many.
    TooMany,
}

/// A key's digest, shown as OpenSSH shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub Digest);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&openssh_fingerprint(self.0))
    }
}

/// Of a vote: each way in which a signature does not hold has a code of its own.
impl From<SignatureRefused> for Refusal {
    fn from(error: SignatureRefused) -> Self {
        match error {
            SignatureRefused::Namespace => Self::SignatureElsewhere {},
            SignatureRefused::OtherKey => Self::SignatureOfAnother {},
            SignatureRefused::Weak => Self::SignatureWeak {},
            SignatureRefused::Unreadable | SignatureRefused::Wrong | SignatureRefused::Key(_) => {
                Self::SignatureRefused { why: error.to_string() }
            }
        }
    }
}

/// A sentence without variable parts says by itself what its code means.
macro_rules! meaning {
    ($what:literal) => {
        $what
    };
    ($what:literal $means:literal) => {
        $means
    };
}

macro_rules! refusals {
    ($($code:literal $name:ident { $($field:ident : $kind:ty),* } $what:literal $(means $means:literal)?
        why $why:literal who $who:literal command $command:literal $(commands [$($general:literal),*])?)*) => {
        /// An expected answer. Exhaustive: whoever adds one writes its words here, once.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Refusal {
            $($name { $($field: $kind),* },)*
        }

        /// Every code, for `egressctl explain CODE`.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            code: $code,
            name: stringify!($name),
            what: $what,
            means: meaning!($what $($means)?),
            why: $why,
            who: $who,
            command: $command,
            commands: &[$($($general),*)?],
        }),*];

        #[allow(unused_variables, reason = "a field may be used by the sentence, by the command, or by both")]
        impl Refusal {
            pub const fn code(&self) -> u16 {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// What was refused, in one sentence.
            pub fn what(&self) -> String {
                match self { $(Self::$name { $($field),* } => format!($what),)* }
            }

            pub const fn why(&self) -> &'static str {
                match self { $(Self::$name { .. } => $why,)* }
            }

            pub const fn who(&self) -> &'static str {
                match self { $(Self::$name { .. } => $who,)* }
            }

            /// The command to type next.
            pub fn command(&self) -> String {
                match self { $(Self::$name { $($field),* } => format!($command),)* }
            }
        }
    };
}

refusals! {
    // 1xxx: who asks, and what
    1001 RequestUnreadable { why: String } "the request could not be read: {why}"
        means "the request could not be read"
        why "Requests are read strictly: what is not understood is not guessed."
        who "you" command "egressctl --help"
    1002 SignatureMissing {} "the request carries no signature"
        why "Every request is signed by the person who makes it, so that the record says who did what."
        who "you" command "egressctl --key ~/.ssh/id_ed25519 whoami"
    1003 SignatureRefused { why: String } "the signature does not hold: {why}"
        means "the signature does not hold"
        why "A signature counts for one text, in one namespace, by one key."
        who "you" command "egressctl --key ~/.ssh/id_ed25519 whoami"
    1004 KeyUnknown { key: Fingerprint } "the key {key} belongs to nobody on the staff"
        means "the key belongs to nobody on the staff"
        why "Only enrolled people act; every key is enrolled by two of the staff."
        who "you, with the key that was enrolled; else two enrolled people, who enrol this one (egressctl staff enroll --help)"
        command "egressctl --key KEY_FILE whoami"
    1005 NotThatPerson { named: Slug, signed: Slug } "the key is {signed}'s, not {named}'s"
        means "the key is somebody else's than the person whom --as names"
        why "--as chooses a key; it grants nothing."
        who "you" command "egressctl whoami"
    1006 RoleNeeded { role: String, act: String } "{act} needs the role {role}"
        means "the act needs a role that this person does not have"
        why "Every act is allowed by a role, and no role allows everything."
        who "a holder of that role" command "egressctl staff list"
    1008 NotInTheFirstTwo {} "two people are enrolled already: from now on two of the staff enrol together"
        why "The owner of the machine could otherwise make reviewers at will."
        who "any two enrolled people, one of them a sysadmin or security_responder"
        command "egressctl staff enroll --help"
    1009 NameTaken { name: String } "{name} is enrolled already"
        means "somebody of this name is enrolled already"
        why "One name is one person for ever, so that the record stays readable."
        who "you" command "egressctl staff list"
    1010 KeyTaken { key: Fingerprint } "the key {key} already belongs to somebody"
        means "the key already belongs to somebody"
        why "A key that two people share proves nothing about either."
        who "you" command "egressctl key list"
    1011 SamePerson { act: String } "{act} needs a second person: you did the first half"
        means "the act needs a second person: who did the first half cannot do the second"
        why "What opens a door takes two people."
        who "another enrolled person" command "egressctl staff list"
    1012 TrustedRoleNeeded {} "one of the two who enrol must be a sysadmin or a security_responder"
        why "Enrolment decides who may ever vote."
        who "a sysadmin or security_responder" command "egressctl staff list"
    1013 UnknownSubject { text: String, list: &'static str } "{text} is no ticket, file, delivery, vendor, key, session or code known here"
        means "nothing of that name or number is known here"
        why "Everything that has an id can be explained."
        who "you" command "egressctl {list}" commands ["egressctl explain --help", "egressctl ticket list", "egressctl vendor list"]
    1014 TooLong { text: String, limit: usize } "{text} is longer than {limit} characters"
        means "a text is longer than it may be"
        why "Every input has a limit."
        who "you" command "egressctl --help"
    1015 SignatureElsewhere {} "the signature was made for another purpose: its namespace is not egressd-vote"
        why "A signature that was given for one thing counts for no other."
        who "you" command "egressctl ticket vote --help"
    1016 SignatureOfAnother {} "the signature was made with another key than the one that is enrolled for you"
        why "A vote is its voter's own."
        who "you, with the key that was enrolled" command "egressctl --key KEY_FILE whoami"
    1017 SignatureWeak {} "the signature is too weak: SHA-1, or a FIDO key that nobody touched"
        why "A signature has to show that its person was there."
        who "you" command "egressctl --key KEY_FILE whoami"

    // 2xxx: tickets and votes
    2001 BadDocument { reason: String, act: &'static str } "{reason}"
        means "the document was not understood"
        why "Tickets, vendors and policies are read strictly: what is not understood is not guessed."
        who "whoever wrote the file: the message names the line" command "egressctl {act} FILE"
        commands ["egressctl ticket submit FILE", "egressctl vendor add FILE"]
    2002 NoSuchTicket { ticket: String } "there is no ticket {ticket}"
        means "there is no such ticket"
        why "A ticket has its number from the moment it was submitted."
        who "you" command "egressctl ticket list"
    2004 UnknownClass { field: String, class: String, nearest: String } "field {field}: the policy knows no class {class}{nearest}"
        means "the policy does not know the class of a field"
        why "A field's class decides the gates; one that the policy does not know decides nothing."
        who "the requester" command "egressctl ticket submit FILE"
    2005 RetentionOutOfBounds { days: u32, least: u32, most: u32, tier: String } "retention of {days} days is outside the {least} to {most} days that tier {tier} allows"
        means "the retention is outside the days that the ticket's tier allows"
        why "The policy bounds how long a vendor may find a file here."
        who "the requester" command "egressctl ticket submit FILE"
    2007 UnknownVendor { vendor: String } "there is no vendor {vendor}"
        means "there is no such vendor"
        why "A ticket names a vendor whose keys two people have confirmed."
        who "an operator or vendor_risk_analyst" command "egressctl vendor add FILE"
    2008 TicketEnded { ticket: String, state: String } "{ticket} is {state}: nothing leads out of that"
        means "the ticket has ended, and nothing leads out of that"
        why "Terminal states are final, so that a stopped ticket stays stopped."
        who "the requester, with a new ticket" command "egressctl ticket submit FILE"
    2009 NotRequester { ticket: String } "only the person who submitted {ticket} may withdraw it"
        means "only the person who submitted a ticket may withdraw it"
        why "A request belongs to its requester; others vote or revoke."
        who "the requester" command "egressctl ticket show {ticket}"
    2011 NotWithdrawable { ticket: String, state: String } "{ticket} is {state}: what was activated is not withdrawn, it is revoked"
        means "what was activated is not withdrawn, it is revoked"
        why "From activation on others rely on the ticket; security ends it, with a receipt."
        who "a security_responder" command "egressctl revoke ticket {ticket} --reason \"WHY\""
    2012 Incomplete { percent: u32, problems: String } "the request is {percent} % complete. What is missing or not usable:\n{problems}"
        means "a request is submitted when it is complete"
        why "A request that is vague is answered at once and with everything, not after weeks of questions."
        who "the requester" command "egressctl ticket lint FILE"
    2013 ReferenceMissing { condition: String, reference: String } "the policy's condition \"{condition}\" asks for legal.references.{reference}, and the request has none"
        means "the request lacks a paper that a condition of the policy asks for"
        why "A regime's papers are filed before the data leave."
        who "the requester, with a new request" command "egressctl ticket lint FILE"
    2014 RowsOutOfBounds { condition: String, rows: u64, most: u64 } "max_rows = {rows} is above the {most} of the policy's condition \"{condition}\""
        means "the request's max_rows is above what a condition of the policy allows"
        why "What the policy bounds no request can widen."
        who "the requester, with a new request" command "egressctl ticket lint FILE"
    2015 UnchangedTicket { ticket: String, number: usize } "this is revision {number} of {ticket} already"
        means "this is a revision of the ticket already"
        why "A revision differs from every one before it, so that a vote on one is a vote on no other."
        who "you" command "egressctl ticket show {ticket}"
    2016 OtherVendor { ticket: String, vendor: String } "{ticket} is for {vendor}: a revision cannot send it to somebody else"
        means "a revision of a ticket names another vendor than the ticket"
        why "What was promised about one vendor says nothing about another."
        who "you, with a new ticket" command "egressctl ticket submit FILE"
    2017 RevisedMeanwhile { ticket: String, number: usize } "{ticket} is at revision {number} already"
        means "the ticket was revised by somebody else meanwhile"
        why "A revision answers the one that its writer has read."
        who "you" command "egressctl ticket show {ticket}"
    2021 AnswerMissing { condition: String, question: String } "the policy's condition \"{condition}\" asks for {question}, and the request does not say"
        means "the request leaves a question open that a condition of the policy asks"
        why "What the form leaves open, a policy may need to know."
        who "the requester, with a new request" command "egressctl ticket lint FILE"
    2022 BasisNeeded { tier: String } "legal.basis = \"not_personal\", but the fields make the request tier {tier}: it is about persons"
        means "the request says that it is not about persons, and its fields say that it is"
        why "Personal data leave on a legal basis or not at all (GDPR Art. 6, LGPD Art. 7)."
        who "the requester, with a new request" command "egressctl ticket lint FILE"
    2023 DirectInNonProduction { field: String } "field {field}: direct identifiers as they are never go into a non-production environment"
        means "a field that names or reaches a person would go into a non-production environment as it is"
        why "Test systems are guarded less."
        who "the requester, with a new request" command "egressctl ticket lint FILE"
    2101 RequesterMayNotVote { ticket: String } "you requested {ticket}, so you hold none of its gates"
        means "you requested this ticket, so you hold none of its gates"
        why "Nobody approves their own request."
        who "another holder of the gate's role" command "egressctl ticket show {ticket}"
    2102 OneGateEach { ticket: String, held: String } "you voted at {ticket}'s gate {held} already: one person holds at most one gate of a ticket"
        means "you voted at another gate of this ticket: one person holds at most one gate of a ticket"
        why "Each gate is a different pair of eyes."
        who "another holder of the gate's role" command "egressctl ticket show {ticket}"
    2103 GateNotNeeded { ticket: String, gate: String } "{ticket} has no gate {gate}"
        means "the ticket has no such gate"
        why "The policy maps the fields' classes to the gates."
        who "you" command "egressctl ticket show {ticket}"
    2104 QuestionChanged { ticket: String } "what was signed is not the question that {ticket} asks now"
        means "what was signed is not the question that the ticket asks now"
        why "A vote counts for the question it answers, and for no other."
        who "you" command "egressctl ticket show {ticket}"
    2105 ReasonNeeded { act: &'static str } "{act} needs a reason: --reason \"WHY\""
        means "a reason is needed: --reason \"WHY\""
        why "Nothing is rejected, discarded or revoked without saying why."
        who "you" command "egressctl {act} --help"
        commands ["egressctl ticket vote --help", "egressctl file discard --help", "egressctl revoke --help"]
    2106 NotInReview { ticket: String, state: String } "{ticket} is {state}: it takes no votes"
        means "the ticket is not in review: it takes no votes"
        why "Votes are given while a ticket is in review."
        who "you" command "egressctl explain {ticket}"
    2107 VotedAlready { ticket: String, gate: String } "you voted at {ticket}'s gate {gate} already"
        means "you voted at this gate of the ticket already"
        why "One person, one vote."
        who "you" command "egressctl ticket show {ticket}"
    2108 GateComesLater { ticket: String, gate: String, first: String } "{ticket}'s gate {gate} takes votes after {first} has approved"
        means "the policy puts another gate before this one"
        why "What a later gate judges rests on what an earlier one has settled."
        who "the holders of the earlier gate" command "egressctl ticket show {ticket}"
    2109 ReasonCodeNeeded { known: String } "a vote that does not approve names its reason's code: --because CODE, one of {known}"
        means "a vote that does not approve names the code of its reason"
        why "Codes can be counted: what requests fail by is what the form should ask better."
        who "you" command "egressctl ticket vote --help"
    2110 ReasonCodeUnknown { code: String, known: String } "the policy has no reason {code}; it has {known}"
        means "the policy has no such reason"
        why "Codes can be counted only while everybody uses the same."
        who "you" command "egressctl ticket vote --help"
    2111 CommentNeeded {} "who asks for changes says where: --comment PLACE=TEXT, at least once"
        why "A request that comes back without a place is a request to guess."
        who "you" command "egressctl ticket vote --help"
    2112 CommentNowhere { on: String, hint: String } "the request has no place {on}{hint}"
        means "a comment stands on a place that the request does not have"
        why "A comment belongs to one answer: purpose, at_vendor.backup, field.NAME or field.NAME.treatment."
        who "you" command "egressctl ticket vote --help"
    2113 TermRefused { term: String, why: String } "the term {term} cannot be set: {why}"
        means "a term of the vote cannot be set"
        why "A term is checked by the gateway from then on, so it has to mean something there."
        who "you" command "egressctl ticket vote --help"
    2114 TooMany { what: &'static str, limit: usize } "there are more than {limit} {what}"
        means "there are too many of them"
        why "Everything has a limit."
        who "you" command "egressctl --help"
    2115 InvisibleText {} "the vote's text has characters in it that nobody sees, or that reorder what is seen"
        why "What is signed is what was read."
        who "you" command "egressctl ticket vote --help"
    2121 OutOfScope { ticket: String, role: String } "the policy gives {ticket} to other holders of the role {role}"
        means "the policy gives the ticket to other holders of the gate's role"
        why "Who knows a vendor, a class of data or a business unit judges what concerns it."
        who "a holder of the role whom a [[scope]] of the policy admits" command "egressctl ticket show {ticket}"
    2122 KeptApart { act: &'static str, done: &'static str } "the policy keeps {act} apart from {done}, which you did"
        means "the policy keeps an act apart from another one around the same ticket, which you did"
        why "Two acts of one person are one pair of eyes."
        who "another person" command "egressctl staff list"
    2201 NotApproved { ticket: String, missing: String } "{ticket} is not approved: {missing}"
        means "the ticket is not approved"
        why "Every gate must be green for the current revision's question under today's policy."
        who "the holders of the missing gates" command "egressctl ticket show {ticket}"
    2202 NotActive { ticket: String, state: String } "{ticket} is {state}, not active"
        means "the ticket is not active"
        why "Bytes leave only under an active ticket."
        who "an operator, once it is approved" command "egressctl ticket activate {ticket}"
    2203 WindowNotOpen { ticket: String, opens: String } "{ticket}'s window opens on {opens}"
        means "the ticket's window is not open yet"
        why "A ticket is for a time."
        who "nobody: it opens by itself" command "egressctl ticket show {ticket}"
    2204 ActiveAlready { ticket: String } "{ticket} is active already"
        means "the ticket is active already"
        why "A ticket is activated once."
        who "nobody" command "egressctl ticket show {ticket}"
    2205 OnHold { vendor: String, reason: String } "{vendor} may receive nothing: {reason}"
        means "the vendor may receive nothing yet, or no more, so its tickets wait"
        why "A vendor without confirmed keys and a valid assessment receives nothing."
        who "a vendor_risk_analyst and a security_reviewer" command "egressctl vendor show {vendor}"

    2211 RiskNotAccepted { ticket: String, flag: &'static str, what: String } "{ticket} waits for an executive to accept a risk: its vendor's red flag {flag}: {what}"
        means "the ticket waits for an executive to accept a red flag of its vendor"
        why "The policy lets this red flag pass only while somebody answers for it by name, for this revision and until a day."
        who "an executive with no part in the ticket; or whoever cures the red flag" command "egressctl risk accept {ticket} --file RISK_FILE"
    2212 AcceptorInvolved { ticket: String, how: &'static str } "you cannot accept a risk of {ticket}: {how}"
        means "whoever requested a ticket or holds a gate of it accepts no risk of it"
        why "Who answers for a risk is another pair of eyes than those who asked for it or judged it."
        who "another executive" command "egressctl ticket show {ticket}"
    2213 NothingToAccept { ticket: String, flag: &'static str, why: &'static str } "there is nothing to accept in {flag} for {ticket}: {why}"
        means "the red flag that an acceptance names waits for none" why "An acceptance counts for what is up and waits for it, never ahead of time."
        who "you" command "egressctl ticket show {ticket}"
    2214 AcceptanceUntil { until: String, last: String } "an acceptance until {until} is over already or lasts too long: the last day it may have is {last}"
        means "the acceptance's last day is over already or too far away" why "A risk that is accepted for ever is one that nobody looks at again."
        who "you, with another day in the risk file" command "egressctl risk accept --help"

    // 23xx: vendors
    2301 VendorRevoked { vendor: String } "the vendor {vendor} is revoked"
        means "the vendor is revoked"
        why "Revocation of a vendor is final."
        who "nobody; file it anew under another name" command "egressctl vendor show {vendor}"
    2302 NothingToConfirm { vendor: String, revision: String } "{vendor} has no revision {revision} that waits for confirmation"
        means "the vendor has no such revision that waits for confirmation"
        why "A confirmation counts for exactly the keys that were shown."
        who "you" command "egressctl vendor show {vendor}"
    2303 ConfirmedAlready { vendor: String } "you filed or confirmed this revision of {vendor} already"
        means "you filed or confirmed this revision of the vendor already"
        why "Three people stand behind a vendor's keys: one files, two confirm, one of these a security_reviewer."
        who "another person" command "egressctl vendor show {vendor}"
    2304 LoginKeyTaken { key: String } "the login key {key} belongs to another vendor"
        means "the login key belongs to another vendor"
        why "A login key belongs to exactly one vendor."
        who "the vendor, with a key of its own" command "egressctl key list"
    2305 BadKey { line: String, reason: String } "{line}: {reason}"
        means "a key in the vendor file cannot be used"
        why "Keys are parsed when they are filed, not when they are needed."
        who "whoever wrote the file" command "egressctl vendor add FILE"
    2306 NoSuchKey { key: String } "no vendor has a key {key}"
        means "no vendor has such a key"
        why "Keys are named by their fingerprint."
        who "you" command "egressctl key list"
    2307 UnchangedVendor { vendor: String } "this is already the filed revision of {vendor}"
        means "this is already the filed revision of the vendor"
        why "A revision differs from the one before it."
        who "you" command "egressctl vendor show {vendor}"

    2308 NoSuchToken { vendor: String, token: Fingerprint } "{vendor} has no token {token} that waits for confirmation"
        means "the vendor has no such token that waits for confirmation"
        why "A confirmation counts for exactly the token that was issued."
        who "you" command "egressctl vendor show {vendor}"
    2309 TokenUntil { until: String, last: String } "a token until {until} is over already or lasts too long: the last day it may have is {last}"
        means "the token's last day is over already or too far away"
        why "A token that never ends is a password that everybody has forgotten."
        who "you" command "egressctl vendor token --help"
    2310 TooManyTokens { vendor: String, most: usize } "{vendor} has {most} tokens that count or wait for confirmation"
        means "the vendor has as many tokens as it may have"
        why "Each token is a way in that somebody has to know of."
        who "a security_responder, who revokes one" command "egressctl vendor show {vendor}"

    // 3xxx: files and deliveries
    3001 NoSuchFile { file: String } "there is no file {file}"
        means "there is no such file"
        why "A file has its id from the moment it was staged."
        who "you" command "egressctl file list"
    3002 NoSuchDelivery { delivery: String } "there is no delivery {delivery}"
        means "there is no such delivery"
        why "Deliveries count from 0001 within their ticket."
        who "you" command "egressctl delivery list"
    3003 NotHeld { file: String, state: String } "{file} is {state}, not held"
        means "the file is not held"
        why "Only a held file can be checked again."
        who "you" command "egressctl file show {file}"
    3004 NotDiscardable { file: String, state: String } "{file} is {state}: it cannot be discarded any more"
        means "the file cannot be discarded any more"
        why "A released file leaves by retention or revocation, so that its delivery stays whole."
        who "a security_responder" command "egressctl revoke file {file} --reason \"WHY\""
    3005 DeliveryNotOpen { delivery: String, state: String } "{delivery} is {state}"
        means "the delivery is not open"
        why "A delivery closes once."
        who "you" command "egressctl delivery show {delivery}"
    3006 DeliveryEmpty { delivery: String } "{delivery} holds no file"
        means "the delivery holds no file"
        why "An empty delivery would tell the vendor that all is there."
        who "whoever produces the files" command "egressctl file list"
    3007 NoOpenDelivery { ticket: String } "no delivery of {ticket} is open"
        means "no delivery of the ticket is open"
        why "A delivery opens with its first file, and a closed one stays closed."
        who "whoever produces the files, by dropping one" command "egressctl delivery list --ticket {ticket}"

    3101 TicketUnknown { directory: String } "no ticket is called {directory}: the file is held"
        means "the file lies in a directory that names no ticket: it is held"
        why "A file leaves under a ticket; a directory that names none is somebody's mistake."
        who "an operator" command "egressctl file list"
    3102 TicketNotApproved { ticket: String } "{ticket} is not approved and active yet: the file waits"
        means "the file's ticket is not approved and active yet: the file waits"
        why "Inspection and sealing name the revision that was approved."
        who "the ticket's reviewers, then an operator" command "egressctl explain {ticket}"
    3103 TicketOver { ticket: String, state: String } "{ticket} is {state}: the file is held"
        means "the file's ticket has ended: the file is held"
        why "A ticket that has ended releases nothing more."
        who "an operator, or the requester with a new ticket" command "egressctl explain {ticket}"
    3104 DeliveryOpen { delivery: String } "{delivery} is not closed: the file is sealed and waits for the rest"
        means "the delivery is not closed: the file is sealed and waits for the rest"
        why "A delivery appears whole or not at all."
        who "whoever produces the files" command "egressctl delivery close {delivery}"
    3105 DeliveryHeld { delivery: String } "a file of {delivery} is held: nothing of it is released"
        means "a file of the delivery is held: nothing of it is released"
        why "A delivery appears whole or not at all."
        who "an operator" command "egressctl delivery show {delivery}"

    3106 SameName { ticket: String } "a file of this name is already in {ticket}'s open delivery: this one is held"
        means "a file of the same name is already in the ticket's open delivery: this one is held"
        why "Which of two files of one name was meant is not guessed."
        who "an operator: close the delivery, or discard one of the two" command "egressctl delivery list"
    3107 DeliveriesUsedUp { ticket: String, limit: u32 } "{ticket} allows {limit} deliveries, and all are used: the file is held"
        means "the ticket's deliveries are used up: the file is held"
        why "The ticket's reviewers approved that many."
        who "the requester, with a new ticket" command "egressctl ticket show {ticket}"
    3108 DeliveryFull { ticket: String, limit: usize } "{ticket}'s open delivery has {limit} files, as many as one can hold: the file is held"
        means "the ticket's open delivery has as many files as one can hold: the file is held"
        why "The record of a release lists every file of it."
        who "an operator: close the delivery, then discard this file and drop it again" command "egressctl delivery close {ticket}"
    3110 DeliveryBroken { delivery: String, file: String } "{delivery} has lost {file}, which nobody discarded: nothing of it is released"
        means "the delivery has lost a file that nobody discarded: nothing of it is released"
        why "A delivery appears whole or not at all."
        who "an operator, who revokes or discards what is left; the producer, who drops all of it again"
        command "egressctl delivery show {delivery}"

    // 4xxx: vendors' access
    4001 NotYours {} "there is no such file"
        why "Unknown and not yours are one answer."
        who "nobody" command "egressctl transfer list"
    4002 Frozen {} "the gateway is frozen"
        why "A freeze ends everything until two people lift it."
        who "two people, one of them a security_responder" command "egressctl unfreeze --reason \"WHY\""
    4003 Revoked { scope: String, history: String } "{scope} is revoked"
        means "what it rests on is revoked"
        why "Revocation takes effect at once and is final."
        who "nobody" command "egressctl {history}"
        commands ["egressctl audit tail", "egressctl explain --help"]
    4004 AddressNotAllowed { address: String } "{address} is not among the vendor's source addresses"
        means "the address is not among the vendor's source addresses"
        why "A vendor names the networks it pulls from."
        who "an operator, with a new revision of the vendor" command "egressctl vendor add FILE"
    4005 RetentionOver {} "the delivery's retention is over"
        why "A file may be fetched until its retention ends."
        who "nobody" command "egressctl file list"
    4006 DownloadLimit { limit: u32 } "the ticket allows {limit} downloads of a file"
        means "the file was downloaded as often as its ticket allows"
        why "The ticket's reviewers approved that many."
        who "the requester, with a new ticket" command "egressctl ticket submit FILE"
    4007 ProtocolNotApproved { protocol: String } "the ticket does not allow {protocol}"
        means "the ticket does not allow this protocol"
        why "Reviewers approve the protocols with the rest."
        who "the requester, with a new ticket" command "egressctl ticket submit FILE"
    4008 NotDurable {} "the gateway cannot write its log, so it serves nothing"
        why "No byte leaves before the record that says so is durable."
        who "the machine's administrator" command "egressctl status"
    4009 PapersDisagree { reason: String } "the file's papers do not agree: {reason}"
        means "the file's papers do not agree"
        why "What was approved, what was checked and what was sealed must be the same file under the same revision for the same vendor."
        who "an operator" command "egressctl audit verify"
    4010 LoginRefused {} "login refused"
        why "Unknown user, foreign key, revoked and not allowed are one answer outside."
        who "an operator" command "egressctl vendor list"

    4011 BytesLost { ticket: String } "a stored object of {ticket} is missing: nothing of it is released or served"
        means "a stored object of the ticket is missing: nothing of it is released or served"
        why "Bytes that are gone were lost or taken; until it is known which, nothing more of that ticket leaves."
        who "the machine's administrator, from backup; or an operator, who discards the file or revokes the delivery"
        command "egressctl status"

    4012 TooManySessions { most: usize } "the vendor has {most} sessions already"
        means "the vendor has as many sessions as it may have"
        why "One vendor's connections must not crowd out another's."
        who "the vendor, by closing some; or a security_responder" command "egressctl session list"

    4013 TooManyBeginnings { most: u32 } "this session has begun to read the file {most} times"
        means "this session has begun to read one file as often as it may"
        why "Each beginning is a record that has to be durable; a client that begins without end would fill the disk."
        who "the vendor, by logging in again" command "egressctl transfer list"

    4014 SpoolFull {} "what is to be told to others has filled its spool: nothing leaves until it is heard"
        why "The organisation decided that no byte leaves that its log server may never hear of."
        who "the machine's administrator, who brings the log server back" command "egressctl log test"
    4015 TooManyLogins { most: u32 } "the vendor has logged in {most} times within a minute"
        means "the vendor has logged in as often within a minute as it may"
        why "Each login is two records; a client that connects without end would fill the disk."
        who "the vendor, whose client should keep its connection" command "egressctl session list"

    // 5xxx: revocation, freeze, purge, log
    5001 RevokedAlready { scope: String, history: String } "{scope} is revoked already"
        means "this is revoked already"
        why "Revocation is final; once is enough."
        who "nobody" command "egressctl {history}"
        commands ["egressctl audit tail", "egressctl explain --help"]
    5002 NotFrozen {} "the gateway is not frozen"
        why "Only a freeze can be lifted."
        who "nobody" command "egressctl status"
    5003 FrozenAlready {} "the gateway is frozen already"
        why "Once is enough."
        who "two people, one of them a security_responder, can lift it" command "egressctl unfreeze --reason \"WHY\""
    5004 NoSuchSession { session: String } "there is no session {session}"
        means "there is no such session"
        why "Sessions are listed while they live."
        who "you" command "egressctl session list"
    5005 ResponderNeeded {} "one of the two who lift a freeze must be a security_responder"
        why "Security stopped it; security agrees that it goes on."
        who "a security_responder" command "egressctl unfreeze --reason \"WHY\""
    5006 ClockJumped {} "the clock jumped: nothing is purged until that is understood"
        why "What cannot be undone waits for a clock that can be believed."
        who "the machine's administrator" command "egressctl status"
    5007 BadScope { text: String } "{text}"
        means "what is to be revoked was not understood"
        why "A revocation names exactly what it ends."
        who "you" command "egressctl revoke --help"
    5008 NoSuchDestination { destination: String } "nothing is forwarded to a destination {destination}"
        means "nothing is forwarded to a destination of that name"
        why "Destinations are named in the configuration."
        who "you" command "egressctl status"
}

impl Refusal {
    /// For what has a history of its own: `explain` knows it by its `id`.
    pub fn revoked(kind: &str, id: impl fmt::Display) -> Self {
        Self::Revoked { scope: format!("{kind} {id}"), history: format!("explain {id}") }
    }

    /// For networks and classes: their revocation stands in the house's own history.
    pub fn revoked_everywhere(kind: &str, id: impl fmt::Display) -> Self {
        Self::Revoked { scope: format!("{kind} {id}"), history: "audit tail".to_owned() }
    }

    /// What a vendor may learn.
    pub const fn outside(&self) -> Outside {
        match self {
            Self::NotDurable {} | Self::Frozen {} | Self::SpoolFull {} => Outside::TryLater,
            Self::TooManySessions { .. } | Self::TooManyLogins { .. } => Outside::TooMany,
            Self::DownloadLimit { .. } | Self::LoginRefused {} => Outside::Denied,
            _ => Outside::NoSuchFile,
        }
    }

    /// The catalogue's entry for `E2101` or `2101`.
    pub fn entry(code: &str) -> Option<&'static Entry> {
        let digits = code.strip_prefix(['E', 'e']).unwrap_or(code);
        let code: u16 = (digits.len() == 4).then(|| digits.parse().ok()).flatten()?;
        CATALOGUE.iter().find(|entry| entry.code == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{:04}: {}", self.code(), self.what())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_rise() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn a_frozen_gateway_and_a_foreign_file_tell_a_vendor_nothing_of_others() {
        assert_eq!(Refusal::NotYours {}.outside(), Refusal::revoked("file", "x").outside());
        assert_eq!(Refusal::entry("E2101").map(|entry| entry.name), Some("RequesterMayNotVote"));
        assert!(Refusal::entry("E21010").is_none());
    }
}
