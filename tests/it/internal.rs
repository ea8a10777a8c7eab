//! The internal listener of a real daemon: health, readiness and metrics for the machine's monitoring, and nothing of it for vendors.

use crate::house::{House, OPERATOR, RESPONDER, Rsyslog, Way, orders, run, ticket_file, until};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

/// What curl got: the status and the body.
pub fn get(house: &House, path: &str) -> (u16, String) {
    let url = format!("http://127.0.0.1:{}{path}", house.internal_port());
    let said = run(Command::new("curl").args(["-s", "--max-time", "60", "-w", "\n%{http_code}", &url]));
    let (body, code) = said.rsplit_once('\n').unwrap();
    (code.parse().unwrap(), body.to_owned())
}

fn ready(house: &House) -> (u16, Value) {
    let (code, body) = get(house, "/readyz");
    (code, serde_json::from_str(&body).unwrap())
}

/// The value of one series.
#[track_caller]
pub fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

#[track_caller]
fn promtool_says_nothing(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn metrics_count_what_was_recorded_and_promtool_finds_nothing_to_say() {
    let mut server = Rsyslog::new(Way::Tcp);
    // One hears, and at the other's address nobody does.
    let mut house = House::configured(|gateway| {
        let path = gateway.join("egressd.toml");
        let block = |name, to: &str| format!("\n[[syslog.destination]]\nname = \"{name}\"\nto = \"{to}\"\n");
        let more = block("siem", &server.address()) + &block("dead", "tcp://127.0.0.1:1");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &more).unwrap();
    });
    let ticket = house.ticket(&ticket_file("acme"));
    let csv = orders(2_000);
    let delivery = house.release(&ticket, "orders.csv", &csv);
    house.stage(&ticket, "elsewhere.csv", "nobody,asked,for,this\n1,2,3,4\n");
    house.until_file(&ticket, "elsewhere.csv", &["held"]);
    house.pull("acme", &format!("get /{delivery}/orders.csv.age\n"));
    run(house.curl("acme").arg(house.url(&format!("{delivery}/orders.csv.age"))).args(["-o", "by-https"]));
    house.ctl(RESPONDER, ["revoke", "vendor", "umbra", "--reason", "a drill"]).done();
    // The end of a session is recorded after its client has gone.
    let metrics = until("the session's end is counted", || {
        let (code, metrics) = get(&house, "/metrics");
        assert_eq!(code, 200, "{metrics}");
        let ended = |by| value(&metrics, &format!("egressd_sessions_ended_total{{protocol=\"{by}\",how=\"closed\"}}")) == 1.0;
        let heard = value(&metrics, "egressd_forward_lag_messages{destination=\"siem\"}") == 0.0;
        let failed = value(&metrics, "egressd_forward_link{destination=\"dead\",state=\"waiting\"}") == 1.0;
        (ended("sftp") && ended("https") && heard && failed).then_some(metrics)
    });
    promtool_says_nothing(&["check", "metrics"], &metrics);
    for (series, count) in [
        ("egressd_sessions_opened_total{protocol=\"sftp\"}", 1.0),
        ("egressd_sessions{protocol=\"sftp\"}", 0.0),
        ("egressd_transfers_begun_total{protocol=\"sftp\"}", 1.0),
        ("egressd_transfers_ended_total{protocol=\"sftp\",how=\"closed\"}", 1.0),
        ("egressd_sessions_opened_total{protocol=\"https\"}", 1.0),
        ("egressd_transfers_begun_total{protocol=\"https\"}", 1.0),
        ("egressd_forward_sent_total{destination=\"dead\"}", 0.0),
        ("egressd_forward_link{destination=\"siem\",state=\"waiting\"}", 0.0),
        ("egressd_forward_lag_seconds{destination=\"siem\"}", 0.0),
        ("egressd_files_staged_total", 2.0),
        ("egressd_files_sealed_total", 1.0),
        ("egressd_files_held_total", 1.0),
        ("egressd_files{state=\"released\"}", 1.0),
        ("egressd_files{state=\"held\"}", 1.0),
        ("egressd_deliveries_released_total", 1.0),
        ("egressd_revocation_duration_seconds_count", 1.0),
        ("egressd_panics_total{place=\"task\"}", 0.0),
        ("egressd_trouble{reason=\"frozen\",blocks=\"yes\"}", 0.0),
    ] {
        assert_eq!(value(&metrics, series), count, "{series}\n{metrics}");
    }
    let pulled = std::fs::metadata(house.pulled("acme", "orders.csv.age")).unwrap().len();
    for by in ["sftp", "https"] {
        assert_eq!(value(&metrics, &format!("egressd_served_bytes_total{{protocol=\"{by}\"}}")), pulled as f64);
    }
    assert!(value(&metrics, "egressd_forward_sent_total{destination=\"siem\"}") > 0.0);
    assert!(value(&metrics, "egressd_forward_lag_messages{destination=\"dead\"}") > 0.0);
    assert!(value(&metrics, "egressd_commit_duration_seconds_count") > 0.0);
    assert!(
        value(&metrics, "egressd_log_size_bytes") > 0.0 && value(&metrics, "egressd_disk_free_bytes{directory=\"state\"}") > 0.0
    );
    let findings: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("egressd_findings_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!(findings >= 1.0, "{metrics}");
    // Nobody's name stands in it, and nothing of the data.
    for name in ["acme", "umbra", "EGR-", "orders", "elsewhere", "127.0.0", crate::house::CANARY] {
        assert!(!metrics.contains(name), "{name} stands in the metrics");
    }
    house.check();
    server.end(Signal::TERM);
}

#[test]
fn the_rules_that_come_along_are_rules_over_metrics_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/prometheus-rules.yml");
    let said = run(Command::new("promtool").args(["check", "rules", path]));
    assert!(said.contains("SUCCESS"), "{said}");
    let rules = std::fs::read_to_string(path).unwrap();
    let known: Vec<String> = egressd::gateway::described_metrics().into_iter().map(|(name, ..)| name).collect();
    let named = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("egressd_"));
    for name in named {
        let family = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(known.iter().any(|known| known == family), "there is no {name}");
    }
}

#[test]
fn readiness_says_why_not_and_health_leaves_no_line_in_the_log() {
    let mut house = House::new();
    assert_eq!(get(&house, "/healthz"), (200, "ok\n".to_owned()));
    let (code, said) = ready(&house);
    assert_eq!((code, &said["ready"], &said["blocking"]), (200, &true.into(), &serde_json::json!([])), "{said}");
    let before = house.log();
    for path in ["/healthz", "/readyz", "/metrics", "/", "/nothing", "/EGR-2026-0001/0001/"] {
        for _ in 0..20 {
            get(&house, path);
        }
    }
    assert_eq!(house.log(), before);
    for path in ["/", "/nothing", "/EGR-2026-0001/", "/metrics/", "/healthz/x"] {
        assert_eq!(get(&house, path).0, 404, "{path}");
    }
    house.ctl(RESPONDER, ["freeze", "--reason", "a drill"]).done();
    let (code, said) = ready(&house);
    assert_eq!((code, &said["blocking"][0]["reason"]), (503, &"frozen".into()), "{said}");
    assert_eq!(get(&house, "/healthz").0, 200, "who is frozen lives");
    for person in [OPERATOR, RESPONDER] {
        house.ctl(person, ["unfreeze", "--reason", "over"]).done();
    }
    assert_eq!(ready(&house).0, 200);
    house.check();
}

/// Sends bytes to a port and answers what came back until the other side was done.
fn said_by(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).ok();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn no_internal_route_is_on_the_vendors_listener_and_no_vendors_route_on_the_internal_one() {
    let mut house = House::new();
    let ticket = house.ticket(&ticket_file("acme"));
    let delivery = house.release(&ticket, "orders.csv", orders(3));
    for path in ["/metrics", "/healthz", "/readyz"] {
        let said = said_by(house.sftp_port(), format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert!(!said.contains("HTTP/1.1") && !said.contains("egressd_"), "{said}");
        // A vendor that is let in and somebody whom nobody knows: neither is told anything.
        let url = house.url(&path[1..]);
        for (mut curl, code) in [(house.curl("acme"), "404"), (house.bare_curl("acme"), "401")] {
            let output = curl.args(["--no-fail", "-w", "%{http_code}", &url]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(said.ends_with(code) && !said.contains("egressd_") && !said.contains("ready"), "{path}: {said}");
        }
    }
    for path in ["".to_owned(), format!("{ticket}/"), format!("{delivery}/"), format!("{delivery}/orders.csv.age")] {
        let (code, body) = get(&house, &format!("/{path}"));
        assert!(code == 404 && !body.contains("orders"), "{path}: {code} {body}");
        // A vendor's own certificate opens nothing here: there is no TLS.
        let url = format!("https://127.0.0.1:{}/{path}", house.internal_port());
        assert!(!house.curl("acme").arg(&url).output().unwrap().status.success());
    }
    let said = said_by(house.internal_port(), b"SSH-2.0-OpenSSH_9.2\r\n");
    assert!(!said.contains("SSH-2.0") && said.starts_with("HTTP/1.1 400"), "{said}");
    // A head that is too large, and a method that is none of ours.
    let said = said_by(
        house.internal_port(),
        format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024)).as_bytes(),
    );
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    let said =
        said_by(house.internal_port(), b"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert!(said.starts_with("HTTP/1.1 405"), "{said}");
    house.check();
}
