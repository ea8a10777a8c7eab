//! What hostile clients try, and what they get.

use super::*;
use crate::domain::limits;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A certificate, and the fields of a request.
type Offer<'a> = (Option<&'a TlsPair>, Vec<(&'a str, String)>);

const NOBODY: &str = "/EGR-2026-0001/0001/orders.csv.age";

#[test]
fn whoever_is_not_let_in_gets_one_answer_whatever_the_reason() {
    let served = Served::new();
    let file = served.file(10_000);
    let stranger = TlsPair::new(&["stranger"]);
    let token = served.token(1);
    let unconfirmed = served.unconfirmed(2);
    let foreign = served.runtime.block_on(served.house.vendor("umbra"));
    let bearer = |token: &str| format!("Bearer {token}");
    // What is public must not be as good as what is secret: an SSH key's wire form has the very digest that is filed.
    let public = served.vendor.login.public_key().to_bytes().unwrap();
    let public = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, public);
    let attempts: Vec<Offer<'_>> = vec![
        (None, vec![]),
        (Some(&stranger), vec![]),
        (Some(&stranger), vec![("Authorization", bearer(&token))]),
        (Some(&served.vendor.tls), vec![("Authorization", bearer(&token))]),
        (None, vec![("Authorization", bearer(&unconfirmed))]),
        (None, vec![("Authorization", bearer("egressd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))]),
        (None, vec![("Authorization", bearer(&public))]),
        (None, vec![("Authorization", bearer(&format!("egressd_{public}")))]),
        (None, vec![("Authorization", bearer(&token)), ("Authorization", bearer(&token))]),
        (None, vec![("Authorization", format!("Basic {token}"))]),
        (None, vec![("Authorization", format!("Token {token}"))]),
        (None, vec![("Authorization", token.clone())]),
        (None, vec![("Authorization", bearer(&token)), ("Authorization", "Basic YTpi".into())]),
        (None, vec![("Cookie", format!("token={token}")), ("X-Forwarded-For", "127.0.0.1".into())]),
    ];
    let mut answers = Vec::new();
    for (count, (pair, fields)) in attempts.iter().enumerate() {
        for (method, target) in [("GET", file.path.as_str()), ("GET", NOBODY), ("POST", "/../%00"), ("GET", "/")] {
            let mut client = Client::connect(served.port, &served.pair, *pair).unwrap();
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = client.ask(method, target, &fields).unwrap();
            assert_eq!(answer.status, 401, "{count} {method} {target}");
            answers.push(answer.timeless());
            assert!(client.rest().0.is_empty(), "the connection ends");
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(answers[0].1.contains(&("www-authenticate".into(), "Bearer".into())));
    served.until_rejected(4 * attempts.len() as u32);
    assert!(served.house.sessions().is_empty());
    // And the ones that are right are let in.
    assert_eq!(served.nobody().ask("GET", &file.path, &[("authorization", &bearer(&token))]).unwrap().status, 200);
    assert_eq!(served.client().get(&file.path).status, 200);
    let mut umbra = Client::connect(served.port, &served.pair, Some(&foreign.tls)).unwrap();
    let (theirs, unknown) = (umbra.get(&file.path), umbra.get("/EGR-2031-0042/0007/nothing.csv.age"));
    assert_eq!(theirs.status, 404);
    assert_eq!(theirs.timeless(), unknown.timeless(), "not yours and not there are one answer");
}

#[test]
fn a_connection_has_one_principal_for_its_whole_life() {
    let served = Served::new();
    let (first, second) = (served.token(1), served.token(2));
    let mut client = served.nobody();
    let ask = |client: &mut Client, fields: &[(&str, &str)]| client.ask("GET", "/", fields).map(|answer| answer.status);
    let (one, two) = (format!("Bearer {first}"), format!("bearer {second}"));
    assert_eq!(ask(&mut client, &[("Authorization", &one)]).unwrap(), 200);
    assert_eq!(ask(&mut client, &[("Authorization", &one)]).unwrap(), 200);
    assert_eq!(ask(&mut client, &[("Authorization", &two)]).unwrap(), 401);
    assert!(ask(&mut client, &[("Authorization", &one)]).is_err(), "the connection is closed");
    client = served.nobody();
    assert_eq!(ask(&mut client, &[("Authorization", &two)]).unwrap(), 200);
    assert_eq!(ask(&mut client, &[]).unwrap(), 401, "nobody speaks for the one before");
    client = served.client();
    assert_eq!(ask(&mut client, &[]).unwrap(), 200);
    assert_eq!(ask(&mut client, &[("Authorization", &one)]).unwrap(), 401);
    drop(client);
    assert_eq!(served.sessions(), [SessionEnd::Protocol; 3]);
}

#[test]
fn requests_that_say_two_things_are_answered_by_neither() {
    let served = Served::new();
    let file = served.file(10_000);
    let raw = |request: String| {
        let mut client = served.client();
        client.say(request).unwrap();
        let answer = client.answer("GET").unwrap();
        (answer.status, client.rest().0)
    };
    let get = |fields: &str| format!("GET {} HTTP/1.1\r\n{fields}\r\n", file.path);
    let smuggled = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (status, request) in [
        (413, get("Host: localhost\r\nContent-Length: 5\r\n") + "hello"),
        (413, get(&format!("Host: localhost\r\nContent-Length: {}\r\n", smuggled.len())) + smuggled),
        (413, get("Host: localhost\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled),
        (415, get("Host: localhost\r\nContent-Encoding: gzip\r\n")),
        (405, format!("DELETE {} HTTP/1.1\r\nHost: localhost\r\n\r\n", file.path)),
        (400, get("")),
        (400, get("Host: localhost\r\nHost: localhost\r\n")),
        (421, get("Host: metadata.internal\r\n")),
        (400, "GET https://elsewhere.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
    ] {
        let (answered, rest) = raw(request.clone());
        assert_eq!(answered, status, "{request:?}");
        assert!(rest.is_empty(), "a second answer to {request:?}: {}", String::from_utf8_lossy(&rest));
    }
    // Both lengths: hyper refuses or we do; never is the rest another request.
    let both = get("Host: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled;
    let mut client = served.client();
    client.say(both).unwrap();
    let said = String::from_utf8(client.rest().0).unwrap();
    assert!(said.starts_with("HTTP/1.1 4") && said.matches("HTTP/1.1 ").count() == 1, "{said}");
    assert_eq!(served.begun(), 0);
}

#[test]
fn a_path_has_one_spelling() {
    let served = Served::new();
    let file = served.file(10_000);
    let mut client = served.client();
    let unknown = client.get("/EGR-2031-0001/0001/x");
    assert_eq!(unknown.status, 404);
    let name = file.path.rsplit('/').next().unwrap();
    for target in [
        format!("/../{}", &file.path[1..]),
        format!("/%2e%2e{}", file.path),
        format!("/.{}", file.path),
        format!("/{}", file.path),
        file.path.replace("/0001/", "%2f0001/"),
        file.path.replace("/0001/", "/0001/../0001/"),
        format!("{}%00", file.path),
        format!("{}%0d%0aX:y", file.path),
        format!("{}/", file.path),
        format!("{}?", file.path),
        format!("/..;/{name}"),
        file.path.replace("orders", "%6frders"),
        file.path.replace("/EGR", "/%45GR"),
        file.path.replace("EGR-", "EGR%2D"),
        format!("{}#", file.path),
        format!("{}#x", file.path),
        format!("{}#x", file.path.rsplit_once('/').unwrap().0),
        "/#x".into(),
        "/keys/tls.key".into(),
        "/state/ledger.db".into(),
    ] {
        let answer = client.ask("GET", &target, &[]).unwrap();
        assert_eq!(answer.timeless(), unknown.timeless(), "{target}");
    }
    // A fragment in one of several requests that come at once is that request's own matter.
    let one = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX: #\r\n\r\n");
    client.say([one("/"), one("/#x"), one("/")].concat()).unwrap();
    assert_eq!([(); 3].map(|()| client.answer("GET").unwrap().status), [200, 404, 200]);
    // As whoever writes it that names a whole URL.
    let whole = |end: &str| format!("https://127.0.0.1:{}{}{end}", served.port, file.path);
    assert_eq!([whole(""), whole("#x"), whole("?x")].map(|target| client.get(&target).status), [200, 404, 404]);
}

#[test]
fn what_is_too_large_or_too_slow_or_no_http_ends() {
    let served = Served::new();
    for request in [
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(64 << 10)),
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(500)),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(64 << 10)),
        "hello\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut client = served.client();
        // The answer may come, and the connection end, before all of it was said.
        client.say(&request).ok();
        let said = String::from_utf8_lossy(&client.rest().0).into_owned();
        let one = |said: &str| said.is_empty() || (said.starts_with("HTTP/1.1 4") && said.matches("HTTP/1.1 ").count() == 1);
        assert!(one(&said), "{said}");
    }
    assert!(served.house.sessions().is_empty());
    // No TLS at all, and a flood before the login.
    let mut plain = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    plain.read_to_end(&mut said).ok();
    assert!(!said.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&said));
    let mut flood = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    flood.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    while flood.write_all(&[0x16; 1 << 16]).is_ok() {}
}

#[test]
fn whoever_was_refused_keeps_its_place_among_the_strangers_for_as_long_as_it_stays() {
    let served = Served::new();
    let _silent: Vec<_> = (1..limits::UNAUTHENTICATED_PER_ADDRESS).map(|_| served.nobody()).collect();
    let mut refused = served.nobody();
    assert_eq!(refused.get("/").status, 401);
    assert!(Client::connect(served.port, &served.pair, Some(&served.vendor.tls)).is_err(), "a refusal made room for the next");
    drop(refused);
    served.runtime.block_on(fixture::until("its place is free", async || {
        Client::connect(served.port, &served.pair, Some(&served.vendor.tls)).ok().map(drop)
    }));
}

#[test]
fn only_tls_13_is_spoken_with_nothing_but_fresh_handshakes() {
    let served = Served::new();
    let served_by = |more: &[&str]| served.curl().args(more).arg(served.url("/")).output().unwrap();
    fine(&served_by(&["--fail"]));
    assert!(!served_by(&["--fail", "--tls-max", "1.2"]).status.success());
    // A ticket for resumption would be offered after the handshake; none ever is.
    let config = Arc::new(client::config(&served.pair, Some(&served.vendor.tls)));
    for _ in 0..3 {
        let mut client = Client::with(served.port, config.clone()).unwrap();
        assert_eq!(client.get("/").status, 200);
        assert_eq!(client.tls().handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert_eq!(client.tls().tls13_tickets_received(), 0);
        assert_eq!(client.tls().negotiated_key_exchange_group().unwrap().name(), rustls::NamedGroup::X25519MLKEM768);
        assert_eq!(client.tls().alpn_protocol(), None);
    }
    let mut h2 = client::config(&served.pair, Some(&served.vendor.tls));
    h2.alpn_protocols = vec![b"h2".to_vec()];
    assert!(Client::with(served.port, Arc::new(h2)).is_err(), "HTTP/2 is not agreed on");
}

#[test]
fn a_certificate_that_is_over_or_not_begun_is_refused_whoever_it_is_from() {
    let served = Served::new();
    let mut last = None;
    for (from, to) in [(2020, 2021), (2090, 2091)] {
        let mut parameters = rcgen::CertificateParams::new(vec!["acme".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
        let pair = TlsPair::with(parameters);
        let asked = Client::connect(served.port, &served.pair, Some(&pair)).and_then(|mut client| client.ask("GET", "/", &[]));
        last = Some(asked.unwrap_err());
    }
    assert!(last.unwrap().to_string().contains("Certificate"), "the handshake says why");
}

#[test]
fn an_index_that_somebody_edited_lets_nobody_in() {
    let served = Served::new();
    let umbra = served.runtime.block_on(served.house.vendor("umbra"));
    let token = served.token(1);
    let edit = |sql: &str| {
        let database = rusqlite::Connection::open(served.path("state/ledger.db")).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    };
    // Umbra's certificate is made to lead to acme; then acme's token to umbra.
    let hex = |digest: Digest| format!("X'{}'", digest.to_string().to_uppercase());
    let of = |name: &str| format!("(SELECT id FROM vendor WHERE slug = '{name}')");
    edit(&format!("UPDATE vendor_key SET vendor = {} WHERE key = {}", of("acme"), hex(umbra.tls.pin)));
    edit(&format!("UPDATE vendor_key SET vendor = {} WHERE key = {}", of("umbra"), hex(token_digest(&token).unwrap())));
    let mut client = Client::connect(served.port, &served.pair, Some(&umbra.tls)).unwrap();
    assert_eq!(client.get("/").status, 401);
    let bearer = format!("Bearer {token}");
    assert_eq!(served.nobody().ask("GET", "/", &[("authorization", &bearer)]).unwrap().status, 401);
    assert_eq!(served.client().get("/").status, 200, "acme itself comes in");
}

#[test]
fn a_vendor_that_logs_in_in_a_loop_is_told_to_wait_and_comes_in_a_minute_later() {
    let clock = Arc::new(fixture::ManualClock::at(SystemClock::new().now()));
    let served = Served::with(clock.clone(), "");
    served.house.crowd(&served.vendor);
    let mut turned_away = served.client();
    let answer = turned_away.get("/");
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("60")));
    assert!(turned_away.rest().0.is_empty(), "the connection ends");
    assert!(served.house.sessions().is_empty());
    let umbra = served.runtime.block_on(served.house.vendor("umbra"));
    assert_eq!(Client::connect(served.port, &served.pair, Some(&umbra.tls)).unwrap().get("/").status, 200, "others come in");
    clock.advance(Duration::from_secs(60));
    assert_eq!(served.client().get("/").status, 200);
}

/// Says one byte of a request's fields each second until the connection ends.
fn trickle(client: &mut Client) {
    client.say("GET / HTTP/1.1\r\nHost: localhost\r\nX: ").unwrap();
    while client.say("x").is_ok() {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn whoever_takes_its_time_over_a_requests_fields_is_cut_whether_it_has_logged_in_or_not() {
    let served = Served::new();
    let begun = std::time::Instant::now();
    let (mut stranger, mut known) = (served.nobody(), served.client());
    assert_eq!(known.get("/").status, 200);
    let (cut, idle) = std::thread::scope(|scope| {
        let cut = scope.spawn(|| {
            trickle(&mut stranger);
            begun.elapsed()
        });
        trickle(&mut known);
        (cut.join().unwrap(), begun.elapsed())
    });
    assert!(cut >= limits::LOGIN_GRACE && idle >= limits::HTTPS_IDLE, "{cut:?} {idle:?}");
    assert!(cut < 2 * limits::LOGIN_GRACE && idle < 2 * limits::HTTPS_IDLE, "{cut:?} {idle:?}");
    served.until_rejected(1);
    assert_eq!(served.sessions(), [SessionEnd::Idle]);
}
