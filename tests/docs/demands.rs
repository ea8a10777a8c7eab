//! The demands that governance answers, each with what answers it and the tests that would fail if it did not.

use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

/// One line of the page. `ids` are numbers of the design's list of demands.
struct Demand {
    ids: &'static [u8],
    asked: &'static str,
    answered: &'static str,
    tests: &'static [&'static str],
    /// What of it is not there.
    missing: &'static str,
}

const fn demand(ids: &'static [u8], asked: &'static str, answered: &'static str, tests: &'static [&'static str]) -> Demand {
    Demand { ids, asked, answered, tests, missing: "" }
}

impl Demand {
    const fn lacks(self, missing: &'static str) -> Self {
        Self { missing, ..self }
    }
}

/// Demands about requests, review, policy, vendors' risk, revocation, roles and changes. Numbers 19, 30 and 83 are not used; 40 to 64 and
/// 73 to 80 are about bytes, transport and the log.
const DEMANDS: &[Demand] = &[
    demand(
        &[1],
        "\"customer identifiers\" says nothing; nothing is assumed",
        "collective names, wildcards and \"etc.\" are refused with their line",
        &["the_usual_vague_request_is_told_all_that_is_missing_at_once", "a_name_that_could_hold_anything_is_found_however_it_is_written"],
    ),
    demand(
        &[2, 3],
        "the exact fields, with source and destination as whole paths",
        "each field has name, type, class, source, destination, necessity and treatment",
        &["each_kind_of_problem_is_found_on_its_line", "a_vague_request_is_told_all_it_lacks_at_once_and_corrected_it_becomes_a_delivery"],
    ),
    demand(
        &[4, 5],
        "a business case, and whether sending is needed at all",
        "purpose, benefit, end date; three alternatives, each with the reason against it",
        &["the_form_asks_for_exactly_what_the_types_hold", "what_a_reviewer_cannot_judge_is_no_answer"],
    ),
    demand(
        &[6],
        "internal, external or across borders",
        "`transfer` is answered and picks gates",
        &["the_choices_of_the_form_are_those_of_the_types", "a_condition_of_the_policy_asks_for_its_papers"],
    ),
    demand(
        &[7, 8],
        "as little as possible; could fields be made anonymous?",
        "a treatment for each field; a reviewer drops fields and rows by terms of the vote",
        &["the_terms_of_an_approval_are_checked_on_every_file_delivery_and_login"],
    )
    .lacks("treatments other than `as_is` are not taken before they are verified on every row"),
    demand(
        &[9, 10],
        "consent, and the regimes that apply",
        "legal basis, consent reference, suppression list; the policy's conditions add questions, papers and gates",
        &["consent_needs_its_record_and_its_suppression_list", "a_condition_of_the_policy_asks_for_its_papers"],
    ),
    demand(
        &[11, 12, 13, 14],
        "questions by kind of data; direct and indirect identifiers",
        "classes, combinations and a tier that nobody sets by hand",
        &["tiers_rise_with_the_worst_class_with_combinations_and_with_unknown_classes", "a_changed_policy_asks_other_gates"],
    ),
    demand(
        &[15],
        "who has access, in which environment",
        "recipients and the environment's answers are part of what is voted on; no direct identifiers in test systems",
        &["a_direct_identifier_as_it_is_never_goes_into_a_test_system", "reviewers_are_shown_every_answer_of_the_form"],
    ),
    demand(
        &[16, 17, 18],
        "no weeks of back and forth",
        "all that is missing at once; comments on fields; since when each gate is asked, and which are late",
        &[
            "the_usual_vague_request_is_told_all_that_is_missing_at_once",
            "a_request_comes_back_with_comments_is_revised_and_approved_without_asking_everybody_again",
            "a_gate_that_is_late_is_on_record_once_and_shown_with_its_hours",
        ],
    ),
    demand(
        &[20],
        "no rejection without a valid reason",
        "a code of the policy and a text",
        &["whoever_does_not_approve_gives_a_known_code_and_a_text_and_whoever_wants_changes_says_where"],
    ),
    demand(
        &[21],
        "exports that recur",
        "one approval, many deliveries under its limits and its schedule",
        &["a_feed_that_is_late_is_said_once_for_each_delivery_shown_counted_and_over_when_one_is_released"],
    ),
    demand(
        &[22],
        "portability within thirty days",
        "a kind of request with a clock that nobody sets back, and notices",
        &["a_persons_clock_is_shown_and_said_and_approves_nothing", "no_revision_sets_a_persons_clock_back"],
    ),
    demand(
        &[23, 24, 25],
        "several approvers with name, role and date; conditional approvals; nothing published is edited",
        "signed votes, terms that are enforced, revisions that never change",
        &[
            "a_gate_that_needs_two_opens_by_two_people_and_not_by_one_who_votes_twice",
            "the_terms_of_an_approval_are_checked_on_every_file_delivery_and_login",
            "an_amendment_replaces_what_runs_only_when_it_is_activated_and_purges_what_was_sealed_before",
        ],
    ),
    demand(
        &[26, 27, 28, 29],
        "a change log, reviews when something happens, gates that can be set",
        "the difference to what runs; votes fall when their question changes or they grow old; gates and their order in the policy",
        &[
            "a_change_is_named_by_its_answer_and_a_field_by_its_name",
            "an_approval_counts_as_long_as_the_policy_says_and_then_the_gate_is_asked_again",
            "a_gate_waits_for_those_that_the_policy_puts_before_it_where_the_ticket_has_them",
        ],
    ),
    demand(
        &[31, 32, 33, 34, 35, 36, 37, 38, 39],
        "an assessed vendor or nothing: SOC 2, ISO 27001, breaches, contract; \"leadership approved\" is not security approved; a diagram",
        "tickets wait for the assessment and stop with it; red flags; no vote opens another gate; the diagram is drawn from the ticket",
        &[
            "the_vendors_assessment_keys_and_revocation_decide_whether_a_ticket_stands",
            "each_notice_is_given_once_and_after_a_pause_the_tightest_alone",
            "every_flag_is_raised_by_what_it_names_and_by_nothing_else",
            "a_red_flag_that_the_policy_holds_for_puts_tickets_on_hold_until_a_confirmed_record_cures_it",
            "no_policy_can_leave_the_floor_out",
            "what_a_reviewer_cannot_judge_is_no_answer",
            "both_forms_hold_the_way_with_classes_protocols_encryption_and_retention",
        ],
    ),
    demand(
        &[65, 66, 67],
        "risks written down, accepted at the top, objections on record",
        "an executive's signed acceptance until a day, objections shown under it, no gate replaced",
        &[
            "a_ticket_waits_for_an_acceptance_then_for_every_gate_and_is_suspended_when_the_acceptance_ends",
            "objections_stand_under_what_was_accepted_and_only_there",
        ],
    ),
    demand(
        &[68],
        "can access be taken back?",
        "revoked at once, with a receipt of what left",
        &["a_freeze_cuts_running_pulls_refuses_logins_survives_a_restart_and_is_lifted_by_two", "a_receipt_names_every_session_although_the_look_of_every_moment_runs_at_the_same_time"],
    ),
    demand(
        &[69],
        "how would a breach be noticed?",
        "an answer and a contact that every request has",
        &["the_usual_vague_request_is_told_all_that_is_missing_at_once"],
    )
    .lacks("alerts on a vendor's unusual behaviour"),
    demand(
        &[70],
        "how is deletion verified?",
        "closed only when the bytes are gone here and their deletion there is attested by the vendor's key, or waived",
        &["after_its_last_day_a_ticket_closes_and_is_closed_once_its_bytes_are_gone_and_its_vendor_has_attested", "a_statement_that_is_not_the_vendors_for_this_ticket_is_refused_each_way_with_its_code"],
    ),
    demand(
        &[71, 72],
        "a plan for when the vendor is gone; whom to tell of a breach",
        "backup and breach answers that every request has, shown to reviewers",
        &["reviewers_are_shown_every_answer_of_the_form"],
    )
    .lacks("a report of what a vendor had, by vendor"),
    demand(
        &[81, 82],
        "electronic signatures with name, time and meaning",
        "votes signed over a readable text, verified by OpenSSH alone",
        &["a_vote_is_signed_by_openssh_from_the_printed_text_and_verified_by_openssh_without_the_daemon"],
    )
    .lacks("a mapping to SOC 2, ISO 27001, NIST and HIPAA controls"),
    demand(
        &[84, 85, 86, 87, 88],
        "access by role and attribute, sign-on, duties kept apart, emergency access that is looked into",
        "one table of roles and acts, scopes by vendor, class and unit; one gate a person and none on one's own request; a sealed identity \
         whose use is an alert until two people have looked into it",
        &[
            "who_may_ask_for_what_is_a_page_that_is_reviewed",
            "who_may_do_what_in_which_state_is_a_page_that_is_reviewed",
            "who_is_out_of_scope_cannot_vote_and_a_vote_that_falls_out_of_it_suspends",
            "one_person_holds_one_gate_and_never_of_their_own_ticket",
            "acts_that_the_policy_keeps_apart_take_two_people_in_either_order",
            "a_signed_call_acts_as_its_keys_owner",
            "a_use_is_on_record_before_what_it_asks_for_and_is_closed_by_two_others",
        ],
    )
    .lacks("sign-on through a provider of identities: every request is signed with an enrolled SSH key"),
    demand(
        &[89, 90, 91, 92],
        "schedules, retries, alerts, no silent failure",
        "late deliveries are events; what stands still is told; metrics and rules for alerts",
        &[
            "a_feed_that_is_late_is_said_once_for_each_delivery_shown_counted_and_over_when_one_is_released",
            "a_file_that_stands_still_is_told_to_whoever_watches_and_one_that_moves_slowly_is_not",
            "metrics_count_what_was_recorded_and_promtool_finds_nothing_to_say",
            "the_rules_that_come_along_are_rules_over_metrics_that_there_are",
        ],
    )
    .lacks("a list of dead letters: what cannot go on is held or told as a problem"),
    demand(
        &[93, 94, 95, 96, 97],
        "version control, managed changes, runbooks, recovery, reviews with an owner",
        "configuration is files whose digests stand in the log; a policy is checked and tried before it counts; every refusal says who moves \
         it and what to type; approvals lapse and keys have a last day",
        &[
            "a_simulation_says_which_tickets_would_fall_and_why_and_records_nothing",
            "each_thing_that_a_policy_cannot_say_is_told_on_its_line",
            "what_a_code_advises_can_be_typed_and_one_of_it_is_ours",
            "everything_that_the_log_names_is_explained_by_the_name_that_the_log_has",
            "an_approval_that_grows_too_old_suspends_until_its_gate_has_answered_again_and_two_people_resume",
            "a_key_whose_last_day_is_over_signs_nothing_more_and_what_it_signed_before_stands",
        ],
    )
    .lacks("a timed restore from a backup"),
];

/// The file that a test stands in.
fn place(test: &str, sources: &[(String, String)]) -> String {
    let found = sources.iter().find(|(_, text)| text.contains(&format!("fn {test}(")));
    found.unwrap_or_else(|| panic!("no test is called {test}")).0.clone()
}

fn sources(root: &Path, under: &str, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(root.join(under)).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{under}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            sources(root, &name, found);
        } else if name.ends_with(".rs") && !name.ends_with("docs/demands.rs") {
            found.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// `docs/demands.md`.
pub fn page(root: &Path) -> String {
    let mut files = Vec::new();
    sources(root, "src", &mut files);
    sources(root, "tests", &mut files);
    let mut page = String::from(
        "<!-- Generated from tests/docs/demands.rs: edit there. -->\n\
         # What was demanded, and what proves it\n\n\
         The demands behind requests, review, policy, vendors' risk, revocation, roles and changes, by their number in the design. Each names the tests\n\
         that fail when it is no longer met; what is not there is said. Run one: `cargo test NAME`.\n\n\
         | demand | asked | answered | tests |\n|---|---|---|---|\n",
    );
    for Demand { ids, asked, answered, tests, missing } in DEMANDS {
        let ids = ids.iter().map(|id| format!("D{id:02}")).collect::<Vec<_>>().join(", ");
        let missing = if missing.is_empty() { String::new() } else { format!(". **Not yet:** {missing}") };
        let tests = tests.iter().map(|test| format!("`{test}` ({})", place(test, &files))).collect::<Vec<_>>().join("<br>");
        writeln!(page, "| {ids} | {asked} | {answered}{missing} | {tests} |").unwrap();
    }
    page
}

#[test]
fn every_demand_on_governance_is_on_the_page_once() {
    let ids: Vec<u8> = DEMANDS.iter().flat_map(|demand| demand.ids).copied().collect();
    let unused = [19, 30, 83];
    let expected: BTreeSet<u8> = (1..=39).chain(65..=72).chain(81..=97).filter(|id| !unused.contains(id)).collect();
    assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(ids.len(), expected.len(), "a demand stands twice");
}
