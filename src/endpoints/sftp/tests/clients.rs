//! What OpenSSH's clients do with a delivery, and what they are refused.

use super::*;

#[test]
fn debians_sftp_lists_walks_fetches_and_age_decrypts() {
    let mut served = Served::new();
    let file = served.file(3_000_000);
    let (ticket, to) = (served.ticket, served.path("a"));
    let batch = format!(
        "pwd\nls -l\nls -l /{0}\ncd /{0}/../0001\npwd\nget orders.csv.age {1}\nget MANIFEST.json {1}.json\nget SHA256SUMS {1}.sums\n",
        file.delivery,
        to.display()
    );
    let said = fine(&served.sftp(&[], &batch));
    assert!(said.contains("Remote working directory: /\n"), "{said}");
    assert!(said.contains(&format!("Remote working directory: /{ticket}/0001\n")), "{said}");
    assert!(said.contains("dr-xr-x---") && said.contains(&file.bytes.to_string()), "{said}");
    assert_eq!(Digest::of(&fs::read(&to).unwrap()), file.sha256);
    let sums = fs::read_to_string(to.with_extension("sums")).unwrap();
    assert_eq!(sums, format!("{}  orders.csv.age\n", file.sha256));
    assert!(fs::read_to_string(to.with_extension("json")).unwrap().contains("orders.csv.age"));
    let decrypted = Command::new("age").arg("-d").arg("-i").arg(served.path("recipient")).arg(&to).output().unwrap();
    assert!(decrypted.status.success() && decrypted.stdout == file.plaintext, "{decrypted:?}");
    assert_eq!(served.sessions(), [SessionEnd::Closed]);
    let transfers = served.transfers();
    assert_eq!(transfers.len(), 3);
    assert!(whole(&transfers[0], file.bytes), "{transfers:?}");
    served.drain();
}

#[test]
fn an_ordinary_pull_has_been_refused_nothing() {
    let mut served = Served::new();
    let file = served.file(10_000);
    let to = served.path("a");
    fine(&served.sftp(&[], &format!("get {} {}\nls -l /{}\n", file.path, to.display(), file.delivery)));
    fine(&served.run("scp", &[&format!("acme@127.0.0.1:{}", file.path), &to.display().to_string()], ""));
    let all = format!("acme@127.0.0.1:/{}/*", file.delivery);
    fine(&served.run("sftp", &[&all, &served.path("").display().to_string()], ""));
    assert_eq!(served.sessions().len(), 3);
    assert_eq!(served.denied(), [0, 0, 0]);
    // What it asks for and may not have is counted.
    served.sftp(&[], &format!("-get {}x {}\n", file.path, to.display()));
    served.sessions();
    assert!(served.denied()[3] > 0);
    served.drain();
}

#[test]
fn every_depth_of_pipelining_and_every_buffer_size_completes() {
    let mut served = Served::new();
    let file = served.file(32 << 20);
    let to = served.path("a");
    let get = format!("get {} {}\n", file.path, to.display());
    for more in [
        &["-R", "1"][..],
        &["-R", "64"],
        &["-R", "256"],
        &["-R", "1024"],
        &["-R", "1024", "-B", "261120"],
        &["-B", "262144"],
        &["-B", "4096", "-R", "1024"],
        &["-o", "RekeyLimit=1M", "-R", "256"],
        &["-o", "Ciphers=aes256-ctr"],
    ] {
        let begun = Instant::now();
        fine(&served.sftp(more, &get));
        println!("{more:?} {:?}", begun.elapsed());
        assert_eq!(Digest::of(&fs::read(&to).unwrap()), file.sha256, "{more:?}");
        fs::remove_file(&to).unwrap();
    }
    assert!(served.transfers().iter().all(|ended| whole(ended, file.bytes)));
    served.drain();
}

#[test]
fn a_partial_file_is_resumed_at_its_offset() {
    let served = Served::new();
    let file = served.file(10_000_000);
    let to = served.path("a");
    let get = format!("get {} {}\n", file.path, to.display());
    fine(&served.sftp(&[], &get));
    let partial = file.bytes * 6 / 10;
    fs::OpenOptions::new().write(true).open(&to).unwrap().set_len(partial).unwrap();
    fine(&served.sftp(&[], &format!("re{get}")));
    assert_eq!(Digest::of(&fs::read(&to).unwrap()), file.sha256);
    assert_eq!(served.transfers()[1].ranges, Some(vec![(partial, file.bytes)]));
}

#[test]
fn a_tree_of_a_thousand_files_is_fetched_whole() {
    let served = Served::new();
    let content: Vec<_> = (0..1000).map(|n| (format!("part-{n:05}.csv"), format!("order_id,note\n{n},x\n"))).collect();
    let files: Vec<_> = content.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let delivery = served.deliver(&files);
    let to = served.path("tree");
    fs::create_dir(&to).unwrap();
    fine(&served.sftp(&[], &format!("get -r /{} {}\n", served.ticket, to.display())));
    let sums =
        Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(to.join(delivery.to_string())).output();
    fine(&sums.unwrap());
    assert_eq!(fs::read_dir(to.join(delivery.to_string())).unwrap().count(), 1002);
    assert_eq!(served.transfers().len(), 1002);
    assert_eq!(served.sessions(), [SessionEnd::Closed]);
}

#[test]
fn scp_works_through_sftp_and_its_old_mode_fails_at_once() {
    let served = Served::new();
    let file = served.file(1_000_000);
    let (from, to) = (format!("acme@127.0.0.1:{}", file.path), served.path("a"));
    fine(&served.run("scp", &[&from, to.to_str().unwrap()], ""));
    assert_eq!(Digest::of(&fs::read(&to).unwrap()), file.sha256);
    let begun = Instant::now();
    let old = served.run("scp", &["-O", &from, to.to_str().unwrap()], "");
    assert!(!old.status.success());
    soon(begun);
    let up = served.run("scp", &[to.to_str().unwrap(), &format!("acme@127.0.0.1:/{}/x", file.delivery)], "");
    assert!(!up.status.success() && String::from_utf8_lossy(&up.stderr).contains("ermission denied"), "{up:?}");
}

#[test]
fn requests_for_anything_but_sftp_are_answered_with_a_failure() {
    let mut served = Served::new();
    for more in [&["acme@127.0.0.1", "id"][..], &["-tt", "acme@127.0.0.1"], &["-s", "acme@127.0.0.1", "netconf"]] {
        let begun = Instant::now();
        assert!(!served.run("ssh", more, "").status.success(), "{more:?}");
        soon(begun);
    }
    for forward in [["-R", "0:127.0.0.1:1"], ["-W", "127.0.0.1:1"]] {
        let begun = Instant::now();
        let more = [&forward[..], &["-o", "ExitOnForwardFailure=yes", "acme@127.0.0.1"]].concat();
        assert!(!served.run("ssh", &more, "").status.success(), "{forward:?}");
        soon(begun);
    }
    served.drain();
}

#[test]
fn nothing_can_be_changed_and_nothing_else_is_seen() {
    let served = Served::new();
    let Remote { path, delivery, .. } = served.file(1_000);
    let local = served.path("id");
    for (command, expected) in [
        (format!("put {} /{delivery}/new", local.display()), "ermission denied"),
        (format!("rm {path}"), "ermission denied"),
        (format!("mkdir /{}/0009", served.ticket), "ermission denied"),
        (format!("rmdir /{}", served.ticket), "ermission denied"),
        (format!("rename {path} /a"), "ermission denied"),
        (format!("chmod 777 {path}"), "ermission denied"),
        (format!("symlink {path} /a"), "ermission denied"),
        ("ls /etc".to_owned(), "not found"),
        ("get /etc/passwd".to_owned(), "not found"),
        ("ls /EGR-2001-0001".to_owned(), "not found"),
        (format!("get /{}/0002/orders.csv.age", served.ticket), "not found"),
    ] {
        let output = served.sftp(&[], &command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{command}: {said}");
    }
}

#[test]
fn another_vendor_sees_nothing_and_a_foreign_file_looks_like_none() {
    let served = Served::new();
    let file = served.file(1_000);
    let other = served.runtime.block_on(served.house.vendor("globex"));
    write_key(&served.path("id"), &other.login);
    let said = |batch: &str| {
        let output = served.run("sftp", &["-b", "-", "globex@127.0.0.1"], batch);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(fine(&served.run("sftp", &["-b", "-", "globex@127.0.0.1"], "ls /\n")), "sftp> ls /\n");
    let foreign = said(&format!("get {}\n", file.path));
    let none = said(&format!("get {}\n", file.path.replace("0001", "0077")));
    assert!(!foreign.0 && !none.0);
    assert_eq!(foreign.1.replace("0001", "0077"), none.1, "one answer for what is not theirs and what is not");
}

#[test]
fn a_damaged_byte_is_never_served() {
    let mut served = Served::new();
    let file = served.file(1_000_000);
    let payload = served.house.payload(file.id);
    let mut bytes = fs::read(&payload).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::set_permissions(&payload, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&payload, bytes).unwrap();
    let output = served.sftp(&[], &format!("get {} {}\n", file.path, served.path("a").display()));
    assert!(!output.status.success());
    let ended = &served.transfers()[0];
    assert_eq!(ended.how, TransferEnd::Damaged);
    assert!(ended.bytes.unwrap() < file.bytes / 2 + (1 << 16), "{ended:?}");
    served.drain();
}

#[test]
fn downloads_above_the_tickets_limit_are_denied() {
    let mut served = Served::new();
    served.ticket = served.runtime.block_on(served.house.ticket_within(&served.vendor, "health", "max_downloads = 1"));
    let file = served.file(1_000);
    let get = format!("get {} {}\n", file.path, served.path("a").display());
    fine(&served.sftp(&[], &get));
    let again = served.sftp(&[], &get);
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("ermission denied"), "{again:?}");
    assert_eq!(served.transfers().len(), 1);
}

#[test]
fn only_an_enrolled_key_of_that_user_logs_in() {
    let served = Served::new();
    write_key(&served.path("foreign"), &fixture::key());
    let foreign = served.path("foreign").display().to_string();
    let refused = |user: &str, identity: &str| {
        let mut options = served.options();
        options[3] = identity.to_owned();
        let (port, target) = (served.port.to_string(), format!("{user}@127.0.0.1"));
        let mut command = Command::new("timeout");
        let output = command.args(["20", "sftp", "-P", &port]).args(options).args(["-b", "/dev/null", &target]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).replace(user, "USER")
    };
    let own = served.path("id").display().to_string();
    let answers = [refused("acme", &foreign), refused("nobody", &own), refused("nobody", &foreign)];
    assert!(answers[0].contains("Permission denied (publickey)"), "{answers:?}");
    assert!(answers.iter().all(|a| *a == answers[0]), "{answers:?}");
    served.until_rejected(3);
    assert!(served.house.sessions().is_empty());
}

#[test]
fn a_certificate_for_an_enrolled_key_is_refused() {
    let served = Served::new();
    write_key(&served.path("ca"), &fixture::key());
    fs::write(served.path("id.pub"), served.vendor.login.public_key().to_openssh().unwrap()).unwrap();
    let [ca, public] = ["ca", "id.pub"].map(|name| served.path(name).display().to_string());
    fine(&Command::new("ssh-keygen").args(["-q", "-s", &ca, "-I", "x", "-n", "acme", &public]).output().unwrap());
    let certificate = format!("CertificateFile={}", served.path("id-cert.pub").display());
    // OpenSSH offers the plain key too, unless it is kept from it: then only the certificate is left.
    let output = served.sftp(&["-o", &certificate, "-o", "PubkeyAcceptedAlgorithms=ssh-ed25519-cert-v01@openssh.com"], "ls\n");
    assert!(!output.status.success());
    assert!(served.house.sessions().is_empty());
}

#[test]
fn a_drain_lets_a_transfer_finish_and_ends_the_idle() {
    let mut served = Served::new();
    let file = served.file(40 << 20);
    let to = served.path("a").display().to_string();
    let pull = served.client("sftp").args(["-l", "300000", &format!("acme@127.0.0.1:{}", file.path), &to]).spawn().unwrap();
    served.until_a_transfer_runs();
    served.running.send(Running::Draining).unwrap();
    fine(&pull.wait_with_output().unwrap());
    served.drain();
    assert!(whole(&served.transfers()[0], file.bytes));
    assert_eq!(served.sessions(), [SessionEnd::Closed]);
}

#[test]
fn a_vendor_that_logs_in_in_a_loop_is_not_let_in_until_a_minute_later() {
    let clock = Arc::new(fixture::ManualClock::at(SystemClock::new().now()));
    let served = Served::with(clock.clone());
    served.house.crowd(&served.vendor);
    let refused = served.sftp(&[], "ls\n");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
    assert!(served.house.sessions().is_empty());
    served.until_rejected(1);
    clock.advance(Duration::from_secs(60));
    fine(&served.sftp(&[], "ls\n"));
}
