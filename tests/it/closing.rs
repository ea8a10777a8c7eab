//! How a ticket ends, with the tools that people have: the vendor signs with OpenSSH that it deleted everything, and OpenSSH says so without us.

use crate::house::{House, OPERATOR, REQUESTER, RESPONDER, orders, run, ticket_file, until};
use std::{fs, path::Path, process::Command};

fn sign(key: &Path, namespace: &str, text: &Path) -> String {
    let signature = format!("{}.sig", text.display());
    fs::remove_file(&signature).ok();
    run(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(text));
    signature
}

/// D70: how do you verify deletion? By our purge, and by their signed word.
#[test]
fn a_vendor_attests_with_openssh_that_it_deleted_what_it_got_and_only_then_its_ticket_is_closed() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(3));
    house.pull("acme", &format!("get /{delivery}/orders.csv.age"));
    house.ctl(OPERATOR, ["ticket", "attest", &ticket, "--print-text"]).refused("E2221");
    // 1. Its last day is over: nothing is served, and its file is still here.
    house.restart_in_days(22);
    let show = |house: &House| house.ctl(REQUESTER, ["ticket", "show", &ticket]).done();
    assert_eq!(show(&house)["state"], "closing");
    assert!(!house.sftp("acme", &format!("get /{delivery}/orders.csv.age"), &[]).status.success());
    assert!(house.explain(&ticket).contains("acme has not attested that it deleted what it got"));
    // 2. The vendor signs the printed text with the key that it logs in with, and nobody else can.
    let printed = house.ctl(OPERATOR, ["ticket", "attest", &ticket, "--print-text"]).done()["text"].as_str().unwrap().to_owned();
    assert!(printed.contains(", 1 file, 1 fetched, manifest ") && printed.contains("\nWe have deleted everything"), "{printed}");
    let text = house.path("deletion.txt");
    fs::write(&text, &printed).unwrap();
    let (login, staff) = (house.path("vendors/acme/login"), house.path("people").join(OPERATOR));
    for (key, namespace, code) in
        [(&staff, "egressd-deletion", "E2226"), (&login, "egressd-vote", "E2225"), (&login, "file", "E2225")]
    {
        let signature = sign(key, namespace, &text);
        house.ctl(OPERATOR, ["ticket", "attest", &ticket, "--signature", &signature]).refused(code);
    }
    fs::write(&text, printed.replace("everything", "something")).unwrap();
    let altered = sign(&login, "egressd-deletion", &text);
    house.ctl(OPERATOR, ["ticket", "attest", &ticket, "--signature", &altered]).refused("E2224");
    fs::write(&text, &printed).unwrap();
    let signature = sign(&login, "egressd-deletion", &text);
    house.ctl(OPERATOR, ["ticket", "attest", &ticket, "--signature", &signature]).done();
    assert_eq!(show(&house)["state"], "closing", "its file is not purged yet");
    // 3. When its bytes are gone here too, it is closed, for good.
    house.restart_in_days(31);
    until("the ticket is closed", || (show(&house)["state"] == "closed").then_some(()));
    let attested = show(&house)["end"]["attested"].clone();
    house.ctl(RESPONDER, ["revoke", "ticket", &ticket, "--reason", "late"]).refused("E2008");
    // 4. Anybody checks it without us.
    let (kept, allowed) = (house.path("kept.txt"), house.path("allowed_signers"));
    fs::write(&kept, attested["text"].as_str().unwrap()).unwrap();
    fs::write(format!("{}.sig", kept.display()), attested["signature"].as_str().unwrap()).unwrap();
    fs::write(&allowed, format!("acme {}", fs::read_to_string(house.path("vendors/acme/login.pub")).unwrap())).unwrap();
    let mut verify = Command::new("ssh-keygen");
    verify.args(["-Y", "verify", "-n", "egressd-deletion", "-I", "acme", "-f"]).arg(&allowed);
    run(verify.arg("-s").arg(format!("{}.sig", kept.display())).stdin(fs::File::open(&kept).unwrap()));
    house.check();
}
