//! One answer of each kind as it stands on the wire, with names that a hostile producer or vendor would choose.
//!
//! They hold the JSON that scripts rely on: a renamed member fails here.

use serde_json::{Value, json};

/// Clears a screen, turns text around, ends lines and tables, and is far too long.
pub const HOSTILE: &str =
    "q4\u{1b}[2J\u{9b}1m\u{202e}vsc\r\n\u{7}customers-with-a-name-that-does-not-end-2026-11-21-final-final.csv";

const FILE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const SESSION: &str = "5f0c2c1e-3f0e-4c29-8f0e-6f8f3a1d9c11";
const KEY: &str = "SHA256:uNiVztksCsDhcc0u9e8BrrJXVGOMZUo1nW7YkDBzu1I";
pub const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const AT: &str = "2026-11-21T10:15:00Z";

fn blocker() -> Value {
    json!({"what": "the gate privacy has 0 of 1 vote", "who": "a privacy_reviewer who did not request it",
        "command": "egressctl ticket vote EGR-2026-0042 --gate privacy --approve --reason \"WHY\""})
}

fn moment() -> Value {
    json!({"leaf": 17, "at": AT, "who": "alice", "what": format!("staged {HOSTILE}")})
}

fn file() -> Value {
    json!({"id": FILE, "ticket": "EGR-2026-0042", "delivery": "EGR-2026-0042/0001", "directory": "EGR-2026-0042", "name": HOSTILE,
        "state": "held", "bytes": 1_500_000, "since": AT,
        "reason": "the column \"ssn\" is not in the approved inventory of EGR-2026-0042"})
}

fn stray() -> Value {
    json!({"directory": HOSTILE, "name": "customers.csv", "state": "refused", "bytes": 0, "since": AT, "reason": "no such ticket"})
}

fn delivery() -> Value {
    json!({"delivery": "EGR-2026-0042/0001", "vendor": "acme", "state": "released", "files": 2, "bytes": 3_221_225_472_u64,
        "released_at": AT, "until": "2026-12-21T10:15:00Z"})
}

fn transfer() -> Value {
    json!({"transfer": FILE, "vendor": "acme", "path": format!("/EGR-2026-0042/0001/{HOSTILE}.age"), "session": SESSION, "protocol": "sftp",
        "address": "192.0.2.7:51022", "key": KEY, "began": AT, "ended": AT, "how": "session_ended", "bytes": 900, "of_bytes": 1500,
        "ranges": [[0, 900]], "served": "part"})
}

fn key() -> Value {
    json!({"key": KEY, "owner": "acme", "use": "recipient", "algorithm": "ssh-ed25519", "state": "proposed", "since": AT})
}

fn list(row: Value) -> Value {
    json!({"rows": [row], "left_off": 3})
}

fn done() -> Value {
    json!({"subject": "alice", "state": "waits_for_second", "headline": "alice is proposed", "leaf": 3, "next": [blocker()]})
}

fn ticket() -> Value {
    json!({"ticket": "EGR-2026-0042", "title": HOSTILE, "state": "in_review", "why_not_active": [blocker()], "tier": "T2",
        "revision": DIGEST, "revision_number": 2, "under_review": DIGEST, "policy": DIGEST, "terms": ["max_rows=1000 (privacy)"],
        "amendment": {"revision": DIGEST, "revision_number": 3, "state": "returned", "next": [blocker()],
            "changes": [{"path": "purpose", "before": "churn model", "after": HOSTILE}]},
        "requester": "rita", "vendor": "acme",
        "purpose": "churn model for the autumn campaign", "justification": "the model runs at the vendor; an aggregate is not enough because it learns per customer",
        "from": "2026-11-01", "until": "2026-12-31", "protocols": ["sftp"], "retention_days": 30, "limits": {"max_bytes": 1_073_741_824, "max_rows": 1_000_000},
        "gates": [
            {"gate": "privacy", "needed": 1, "have": 0, "votes": [], "hidden": 1, "wait": {"gate": "privacy", "asked": AT, "asked_hours": 80, "by": AT, "overdue_hours": 8}, "question": DIGEST},
            security(),
        ],
        "fields": [
            {"name": "customer_id", "type": "string", "class": "pseudonym", "treatment": "hmac", "source": "dwh.crm.customers.id",
                "destination": "acme.churn.id", "necessity": "joins the months"},
            {"name": "postcode", "type": "string", "class": "quasi_identifier", "treatment": "generalise", "source": "dwh.crm.customers.postcode",
                "destination": "acme.churn.region", "necessity": ""},
        ],
        "answers": [{"path": "at_vendor.backup", "question": "What do we do if this delivery has to be stopped?", "answer": HOSTILE}],
        "conditions": ["Personal data leave their country"],
        "assessment": DIGEST, "acceptances": acceptances(),
        "red_flags": [{"flag": "unresolved_breach", "consequence": "hold", "what": HOSTILE}],
        "end": {"closing_since": AT, "why": "its end date has passed", "files_left": 2, "attest_by": AT, "overdue_days": 3,
            "attested": {"leaf": 51, "at": AT, "filed_by": "olga", "key": KEY, "text": "egressd deletion attestation 1\n", "signature": "-----BEGIN SSH SIGNATURE-----\n"}},
        "calendar": {"missed": 0, "persons_request": {"requested_on": "2026-11-02", "until": "2026-12-02", "days_left": 11}},
        "files": {"held": 1, "released": 2}, "deliveries": [delivery()], "timeline": [moment()]})
}

fn security() -> Value {
    json!({"gate": "security", "needed": 1, "have": 1, "question": DIGEST,
        "votes": [{"who": "sam", "decision": "approve", "at": AT, "reason": HOSTILE, "standing": "counts", "terms": ["max_rows=1000"], "leaf": 41},
            {"who": "sam", "decision": "approve", "at": AT, "reason": "", "standing": "counts", "asked_again": HOSTILE, "leaf": 40},
            {"who": "sam", "decision": "request_changes", "because": "at_vendor", "at": AT, "reason": "who watches?", "standing": "replaced",
                "comments": [{"on": "at_vendor.breach_detection", "text": HOSTILE}]}]})
}

fn acceptances() -> Value {
    json!([{"red_flags": ["no_iso27001"], "who": "erik", "at": AT, "until": "2027-03-31", "lapsed": HOSTILE,
        "risk": HOSTILE, "need": "the season", "mitigations": ["only pseudonyms leave"], "fallback": "in house", "owner": HOSTILE}])
}

fn review() -> Value {
    json!({"ticket": "EGR-2026-0042", "title": HOSTILE, "state": "in_review", "tier": "T2", "vendor": "acme", "vendor_name": "Acme", "assessment": HOSTILE, "requester": "rita",
        "purpose": HOSTILE, "revision": DIGEST, "revision_number": 2, "policy": DIGEST, "conditions": ["Personal data leave their country"],
        "fields": [{"name": "customer_id", "type": "text", "class": "pseudonym", "treatment": "hmac", "source": "dwh.crm.customers.id",
            "destination": "acme.churn.id", "necessity": "joins the months", "tier": "T1", "describes": "an id that only we can turn back"}],
        "compared_with": 1, "changes": [{"path": "field.postcode.class", "before": "behaviour"}], "reasons": {"excess_fields": "more than needed"},
        "held": [{"code": "F101", "what": HOSTILE, "files": 2}], "waits_for": [blocker()], "ticket_state": "suspended", "acceptances": acceptances(),
        "red_flags": [{"flag": "no_iso27001", "consequence": "accept", "what": HOSTILE, "accepted": {"who": "erik", "until": "2027-03-31"}}],
        "gates": [{"gate": "security", "answers": [{"path": "purpose", "question": "What for?", "answer": HOSTILE}], "question_text": "{}",
            "commands": ["egressctl ticket vote EGR-2026-0042 --gate security --approve"], "standing": security()}]})
}

fn vendor() -> Value {
    json!({"vendor": "acme", "name": HOSTILE, "state": "filed", "why_not_approved": [blocker()], "keys": [key()], "addresses": ["192.0.2.0/24"],
        "assessment": "SOC 2 type II, October 2026", "assessment_until": "2027-10-31",
        "record": [{"what": "security", "says": HOSTILE}], "red_flags": [{"flag": "no_soc2", "consequence": "note", "what": "its record names no SOC 2 report"}], "timeline": [moment()],
        "revisions": [{"revision": DIGEST, "filed_at": AT, "filed_by": "olga", "confirmed_by": [], "keys": [KEY], "brings": [{"use": "recipient", "key": KEY}],
            "confirm_text": format!("{{\"revision\":\"{DIGEST}\",\"vendor\":\"acme\",\"v\":1}}")}]})
}

fn destination() -> Value {
    json!({"destination": "siem", "to": "tcp://siem.example.org:601", "state": "waiting", "lag": 812, "oldest_seconds": 4_000, "sent": 12,
        "next_leaf": 0, "last_error": HOSTILE})
}

fn receipt() -> Value {
    json!({"scope": "vendor acme", "means": "cut, and revoked for good", "durable": "yes", "leaf": 812, "at": AT, "took_ms": 4, "fallbacks": ["send the aggregate by post"],
        "sessions": list(json!({"session": SESSION, "vendor": "acme", "address": "192.0.2.7:51022",
            "transfers": [{"path": format!("/EGR-2026-0042/0001/{HOSTILE}"), "last_offset": 1_073_741_824_u64, "bytes": 1_073_741_824_u64}]}))})
}

/// The answer to the request whose `do` is `act`.
pub fn answer(act: &str) -> Value {
    match act {
        "whoami" => json!({"kind": "person", "id": FILE, "name": "alice", "roles": ["requester", "operator"], "key": KEY}),
        "status" => json!({"version": "0.1.0", "since": AT, "frozen": {"since": AT, "reason": HOSTILE},
            "configuration": DIGEST, "policy": DIGEST, "reload": {"at": AT, "outcome": "refused", "why": HOSTILE, "leaf": 812},
            "log": {"size": 812, "root": DIGEST, "last_checkpoint": AT}, "people": 7, "vendors": 2, "tickets": {"active": 3, "in_review": 1},
            "files": {"held": 1, "released": 12}, "sessions": 1, "transfers": 1, "problems": [blocker()], "waits_for_you": [blocker()],
            "destinations": [destination()], "disks": [{"directory": "state", "free_bytes": 1_u64 << 40, "total_bytes": 1_u64 << 41}]}),
        "staff_list" => list(
            json!({"id": FILE, "name": "alice", "state": "proposed", "roles": ["requester", "operator", "auditor"], "key": KEY, "proposed_by": "olga"}),
        ),
        "vendor_list" => list(
            json!({"vendor": "acme", "name": HOSTILE, "state": "approved", "revision": DIGEST, "keys": 2, "active_tickets": 1, "red_flags": 3}),
        ),
        "vendor_add" => {
            json!({"vendor": "acme", "revision": DIGEST, "keys": [KEY], "brings": [{"use": "login", "key": KEY}], "leaf": 9, "next": [blocker()]})
        }
        "vendor_token" => {
            json!({"vendor": "acme", "token": KEY, "until": "2027-06-30", "secret": "egressd_x", "leaf": 9, "next": [blocker()]})
        }
        "vendor_show" => vendor(),
        "key_list" => list(key()),
        "key_show_recipient" => json!({"recipient": "age1t527qrza32v2lchgql0vf5qwg7tn7ghc0e0k7pwhfqst05nx6chs9fdek2"}),
        "ticket_submit" => {
            json!({"ticket": "EGR-2026-0042", "revision": DIGEST, "state": "in_review", "tier": "T2", "gates": ["privacy", "security"], "leaf": 40, "next": [blocker()]})
        }
        "ticket_revise" => {
            json!({"ticket": "EGR-2026-0042", "revision": DIGEST, "revision_number": 2, "state": "in_review", "tier": "T2", "gates": ["privacy", "security"],
                "open_gates": ["privacy"], "leaf": 40, "next": [blocker()]})
        }
        "ticket_review" => review(),
        "ticket_votes" => {
            list(json!({"leaf": 41, "at": AT, "who": "sam", "key": "ssh-ed25519 AAAA", "gate": "security", "decision": "approve",
            "text": "egressd vote 2\n", "signature": "-----BEGIN SSH SIGNATURE-----\n"}))
        }
        "ticket_list" => {
            list(json!({"ticket": "EGR-2026-0042", "title": HOSTILE, "state": "in_review", "tier": "T2", "vendor": "acme",
            "requester": "rita", "until": "2026-12-31", "open_gates": ["privacy"],
            "waits": [{"gate": "privacy", "asked": AT, "asked_hours": 80, "by": AT, "overdue_hours": 8}], "awaits_you": ["privacy"], "to_do": blocker(),
            "calendar": {"late_since": "2026-11-14", "missed": 2}}))
        }
        "ticket_show" => ticket(),
        "ticket_statement" => json!({"text": format!("egressd deletion attestation 1\nticket EGR-2026-0042\n{HOSTILE}\n")}),
        "ticket_diagram" => json!({"revision": DIGEST, "drawing": "svg", "text": format!("<svg>\n{HOSTILE}\n</svg>\n")}),
        "ticket_vote" => {
            json!({"ticket": "EGR-2026-0042", "gate": "privacy", "decision": "approve", "state": "approved", "open_gates": [], "leaf": 44, "next": [blocker()]})
        }
        "policy_simulate" => {
            json!({"policy": DIGEST, "goes_by": DIGEST, "looked_at": 12, "left_out": 3, "short_of": ["T3: the gate privacy asks for 2 votes, and 1 person has the role privacy_reviewer"],
            "tickets": list(json!({"ticket": "EGR-2026-0042", "vendor": "acme", "state": "active", "would_be": "suspended", "because": ["the gate legal is asked too, for 1 vote", HOSTILE]}))})
        }
        "delivery_list" => list(delivery()),
        "delivery_show" => {
            json!({"delivery": delivery(), "closed_by": "ready", "why_not_released": [blocker()], "why_not_served": [blocker()], "ended_by": [moment()], "files": list(file()), "transfers": list(transfer()), "timeline": [moment()]})
        }
        "file_list" => json!({"rows": [file(), stray()], "left_off": 0}),
        "file_show" => {
            json!({"file": file(), "sha256": DIGEST, "rows": 1000, "more_findings": 2, "next": [blocker()], "timeline": [moment()],
            "sealed": {"path": format!("/EGR-2026-0042/0001/{HOSTILE}.age"), "bytes": 1_500_200, "sha256": DIGEST, "revision": DIGEST, "recipients": [KEY]},
            "findings": [{"code": "F3101", "what": format!("the column {HOSTILE:?} is not approved"), "fix": "leave it out, or ask for it in a new revision"}]})
        }
        "explain" => {
            json!({"subject": "EGR-2026-0042/customers.csv", "headline": "held: nothing of it leaves", "because": [HOSTILE, "its ticket is active"],
            "who": "the producer", "commands": ["egressctl file show 01890a5d-ac96-774b-bcce-b302099a8057"], "timeline": [moment()]})
        }
        "transfer_list" => list(transfer()),
        "session_list" => {
            list(json!({"session": SESSION, "vendor": "acme", "address": "192.0.2.7:51022", "protocol": "sftp", "key": KEY,
            "client": HOSTILE, "since": AT, "transfers": 1, "bytes": 1_073_741_824_u64}))
        }
        "session_kill" | "revoke" => receipt(),
        "freeze" => {
            json!({"scope": "everything", "durable": "no", "at": AT, "took_ms": 4, "fallbacks": [], "sessions": {"rows": [], "left_off": 0}})
        }
        "purge" => {
            json!({"failed": [], "certificates": list(json!({"file": FILE, "name": HOSTILE, "delivery": "EGR-2026-0042/0001", "why": "retention", "at": AT, "leaf_before": 900, "leaf_after": 901}))})
        }
        "audit_verify" => {
            json!({"verdict": "broken", "size": 812, "root": DIGEST, "checked": ["leaves", "checkpoints", "index"], "took_ms": 90,
            "problems": [{"leaf": 77, "what": "the leaf's hash is not the one that was kept"}]})
        }
        "audit_tail" => list(
            json!({"leaf": 811, "at": AT, "who": "alice", "subject": "ticket 01890a5d-ac96-774b-bcce-b302099a8057", "about": "EGR-2026-0042", "event": "ticket_activated", "what": HOSTILE, "hash": DIGEST}),
        ),
        "audit_checkpoint" => {
            json!({"size": 812, "root": DIGEST, "at": AT, "verifier_key": "egressd.example+0123abcd+AQ", "note": "egressd.example\n812\nroot=\n\n— egressd.example AAAA\n"})
        }
        "break_glass_list" => list(json!({"leaf": 811, "who": "sealed", "at": AT, "reviewed_by": [], "open": true})),
        "log_test" => {
            let mut heard = destination();
            heard["arrived"] = json!("not_yet");
            json!({"leaf": 811, "destinations": [heard]})
        }
        _ => done(),
    }
}
