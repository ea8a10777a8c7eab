//! Review as people do it, with the tools that they have: sent back, revised, signed by OpenSSH, verified by OpenSSH without us.

use crate::house::{House, OPERATOR, REQUESTER, gate_keeper, run, ticket_file};
use std::{
    fs,
    process::{Command, Stdio},
};

/// OpenSSH's own verdict on a vote that was written to a file.
fn verifies(directory: &std::path::Path, who: &str, file: &std::path::Path) -> bool {
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "verify", "-n", "egressd-vote", "-I", who, "-f"]).arg(directory.join("allowed_signers"));
    command.arg("-s").arg(format!("{}.sig", file.display())).stdin(fs::File::open(file).unwrap());
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

/// D23, D81: votes with name, time and meaning, signed with the voter's own key, verifiable by anybody.
#[test]
fn a_vote_is_signed_by_openssh_from_the_printed_text_and_verified_by_openssh_without_the_daemon() {
    let mut house = House::new();
    let submitted = house.submit(&ticket_file("acme")).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    let vote =
        ["ticket", "vote", ticket, "--gate", "privacy", "--approve", "--reason", "seen and \"agreed\"", "--term", "max_rows=5"];
    // 0. Whoever read another question is told before there is anything to sign.
    house.ctl("frank", vote.iter().copied().chain(["--question", "000000000000"])).refused("E2104");
    // 1. The text is printed; ssh-keygen signs it with the reviewer's key; the signature is handed in.
    let printed = house.ctl("frank", vote.iter().copied().chain(["--print-text"])).done()["text"].as_str().unwrap().to_owned();
    assert!(printed.starts_with("egressd vote 2\n") && printed.contains("term \"max_rows=5\"\n"), "{printed}");
    let file = house.path("vote.txt");
    fs::write(&file, &printed).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "egressd-vote", "-f"])
        .arg(house.path("people/frank"))
        .arg(&file));
    let signature = format!("{}.sig", file.display());
    house.ctl("frank", vote.iter().copied().chain(["--signature", &signature])).done();
    // A signature over another text is none over this one.
    let other = vote.map(|word| if word == "max_rows=5" { "max_rows=6" } else { word });
    house.ctl("frank", other.iter().copied().chain(["--signature", &signature])).refused("E1003");
    // 2. Anybody on the staff takes the votes along; OpenSSH says whose they are.
    let out = house.path("votes");
    let listed = house.ctl(REQUESTER, ["ticket", "votes", ticket, "--out", out.to_str().unwrap()]).done();
    let leaf = listed["rows"][0]["leaf"].as_u64().unwrap();
    let kept = out.join(format!("{leaf:08}-privacy-frank.txt"));
    assert_eq!(fs::read_to_string(&kept).unwrap(), printed);
    assert!(verifies(&out, "frank", &kept));
    assert!(!verifies(&out, "grace", &kept), "nobody else's");
    fs::write(&kept, printed.replace("approve", "reject")).unwrap();
    assert!(!verifies(&out, "frank", &kept), "not what was signed");
    house.check();
}

/// D16 to D18, D20: all that a reviewer wants changed at once, on its places; what is not asked about again stays approved.
#[test]
fn a_request_comes_back_with_comments_is_revised_and_approved_without_asking_everybody_again() {
    let mut house = House::new();
    let text = ticket_file("acme");
    let submitted = house.submit(&text).done();
    let ticket = submitted["ticket"].as_str().unwrap();
    house.approve("dave", ticket, "business").done();
    let back = ["ticket", "vote", ticket, "--gate", "privacy", "--request-changes", "--because", "purpose_unclear", "--reason"];
    house.ctl("frank", back.iter().copied().chain(["which season?"])).refused("E2111");
    let comment = ["which season?", "--comment", "purpose=name the season"];
    assert_eq!(house.ctl("frank", back.iter().copied().chain(comment)).done()["state"], "returned");
    let shown = house.ctl(REQUESTER, ["ticket", "show", ticket]).done();
    assert!(shown.to_string().contains("name the season"), "{shown}");
    let file = house.path("revised.toml");
    fs::write(&file, text.replacen("retention_days = 30", "retention_days = 14", 1)).unwrap();
    let revised = house.ctl(REQUESTER, ["ticket", "revise", ticket, file.to_str().unwrap()]).done();
    assert_eq!((revised["state"].as_str(), revised["revision_number"].as_u64()), (Some("in_review"), Some(2)));
    let review = house.ctl("frank", ["ticket", "review", ticket, "--gate", "privacy"]).done();
    assert_eq!(review["changes"][0]["path"], "retention_days");
    for gate in revised["open_gates"].as_array().unwrap() {
        let gate = gate.as_str().unwrap();
        house.approve(gate_keeper(gate), ticket, gate).done();
    }
    house.ctl(OPERATOR, ["ticket", "activate", ticket]).done();
    house.check();
}
