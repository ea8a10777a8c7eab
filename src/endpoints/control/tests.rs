//! Conversations over a real socket, honest and hostile, with a small house behind it.

use super::*;
use crate::domain::{
    ids::{PersonId, Slug},
    signature::NAMESPACE_REQUEST,
};
use russh::keys::ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};
use std::{path::PathBuf, process::Stdio, sync::Mutex};
use tokio::{
    io::AsyncReadExt,
    sync::{Notify, oneshot},
};

/// Knows alice and bob, does what it is told, remembers it.
#[derive(Default)]
struct SmallHouse {
    people: Vec<Person>,
    done: Mutex<Vec<(Actor, Request)>>,
    /// `purge` waits for it.
    gate: Notify,
    purging: Notify,
}

impl SmallHouse {
    fn enrol(mut self, number: u128, name: &str, key: PublicKey) -> Self {
        let id = PersonId::from_uuid(uuid::Uuid::from_u128(number));
        self.people.push(Person { id, name: name.parse().unwrap(), roles: Default::default(), key, until: None });
        self
    }

    fn done(&self) -> Vec<(Actor, Request)> {
        self.done.lock().unwrap().clone()
    }
}

impl Answering for SmallHouse {
    async fn who(&self, key: &PublicKey) -> Result<Person, Refused> {
        let known = self.people.iter().find(|person| person.key == *key).cloned();
        known.ok_or_else(|| Refusal::KeyUnknown { key: crate::domain::refusal::Fingerprint(key.fingerprint()) }.into())
    }

    async fn act(&self, by: Actor, request: Request) -> Result<Value, Refused> {
        if matches!(request, Request::Purge {}) {
            self.purging.notify_one();
            self.gate.notified().await;
        }
        let answer = match request {
            Request::FileList { .. } => Value::String("x".repeat(limits::CONTROL_FRAME_BYTES)),
            Request::SessionList {} => serde_json::json!({"inner": {"rows": vec!["\u{1}".repeat(1_000); 5_000], "left_off": 7}}),
            _ => Value::String("done".to_owned()),
        };
        self.done.lock().unwrap().push((by, request));
        Ok(answer)
    }
}

struct Rig {
    socket: PathBuf,
    house: Arc<SmallHouse>,
    stop: oneshot::Sender<()>,
    running: JoinSet<()>,
    _directory: tempfile::TempDir,
}

fn private(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn public(key: &PrivateKey) -> PublicKey {
    PublicKey::new(key.public_key()).unwrap()
}

fn rig() -> Rig {
    rig_of(SmallHouse::default().enrol(1, "alice", public(&private(1))).enrol(2, "bob", public(&private(2))))
}

fn rig_of(house: SmallHouse) -> Rig {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let house = Arc::new(house);
    let (stop, stopped) = oneshot::channel();
    let mut running = JoinSet::new();
    let behind = Arc::clone(&house);
    running.spawn(async move { run(listener, behind, async { drop(stopped.await) }).await });
    Rig { socket, house, stop, running, _directory: directory }
}

fn sign(key: &PrivateKey, namespace: &str, message: &[u8]) -> String {
    SshSig::sign(key, namespace, HashAlg::Sha512, message).unwrap().to_pem(LineEnding::LF).unwrap()
}

fn call(request: &str, signature: Option<String>) -> Call {
    Call { v: protocol::VERSION, request: request.to_owned(), signature, named: None }
}

fn signed(key: &PrivateKey, nonce: Nonce, request: &str) -> Call {
    call(request, Some(sign(key, NAMESPACE_REQUEST, &protocol::signed_bytes(nonce, request))))
}

impl Rig {
    async fn connect(&self) -> (UnixStream, Nonce) {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        match reply(&mut stream).await {
            Some(FromServer::Hello(hello)) => (stream, hello.nonce),
            other => panic!("no hello but {other:?}"),
        }
    }

    async fn ask(&self, make: impl FnOnce(Nonce) -> Call) -> FromServer {
        let (mut stream, nonce) = self.connect().await;
        write_frame(&mut stream, &FromClient::Call(make(nonce)), usize::MAX).await.unwrap();
        let answer = reply(&mut stream).await.unwrap();
        assert!(reply(&mut stream).await.is_none(), "a second reply came, or the connection stayed open");
        answer
    }

    /// Sends raw bytes in place of a call.
    async fn babble(&self, bytes: &[u8]) -> Option<FromServer> {
        let (mut stream, _) = self.connect().await;
        drop(stream.write_all(bytes).await);
        reply(&mut stream).await
    }
}

async fn reply(stream: &mut UnixStream) -> Option<FromServer> {
    let frame =
        timeout(Duration::from_secs(20), read_frame(stream, limits::CONTROL_FRAME_BYTES)).await.expect("an answer in time");
    frame.ok().map(|frame| serde_json::from_slice(&frame).unwrap())
}

fn code(reply: &FromServer) -> &str {
    match reply {
        FromServer::Refusal(note) => &note.code,
        other => panic!("not refused: {other:?}"),
    }
}

const STATUS: &str = r#"{"do":"status"}"#;

#[tokio::test]
async fn a_signed_call_acts_as_its_keys_owner() {
    let rig = rig();
    let answer = rig.ask(|nonce| signed(&private(2), nonce, STATUS)).await;
    assert_eq!(answer, FromServer::Result(Value::String("done".to_owned())));
    let bob = &rig.house.people[1];
    assert_eq!(rig.house.done(), [(Actor::Person { id: bob.id, key: bob.key.fingerprint() }, Request::Status {})]);
}

#[tokio::test]
async fn a_signature_from_one_connection_is_worth_nothing_on_the_next() {
    let rig = rig();
    let (_first, nonce) = rig.connect().await;
    let recorded = signed(&private(1), nonce, STATUS);
    assert_eq!(code(&rig.ask(|_| recorded).await), "E1003");
    assert!(rig.house.done().is_empty());
}

#[tokio::test]
async fn a_request_altered_after_signing_is_refused() {
    let rig = rig();
    let altered = |nonce| Call { request: r#"{"do":"purge"}"#.to_owned(), ..signed(&private(1), nonce, STATUS) };
    assert_eq!(code(&rig.ask(altered).await), "E1003");
    assert!(rig.house.done().is_empty());
}

#[tokio::test]
async fn a_signature_made_for_a_vote_or_a_login_does_not_ask() {
    let rig = rig();
    for namespace in ["egressd-vote", "file", "git"] {
        let foreign = |nonce| call(STATUS, Some(sign(&private(1), namespace, &protocol::signed_bytes(nonce, STATUS))));
        assert_eq!(code(&rig.ask(foreign).await), "E1003", "{namespace}");
    }
    assert!(rig.house.done().is_empty());
}

#[tokio::test]
async fn a_key_that_nobody_enrolled_is_refused_by_name() {
    let rig = rig();
    assert_eq!(code(&rig.ask(|nonce| signed(&private(9), nonce, STATUS)).await), "E1004");
    assert_eq!(code(&rig.ask(|_| call(STATUS, Some("nonsense".to_owned()))).await), "E1003");
    assert!(rig.house.done().is_empty());
}

#[tokio::test]
async fn the_name_that_is_sent_along_must_be_the_keys_owner_and_grants_nothing() {
    let rig = rig();
    let naming = |name: &str| Some(name.parse::<Slug>().unwrap());
    let as_bob = |nonce| Call { named: naming("bob"), ..signed(&private(1), nonce, STATUS) };
    assert_eq!(code(&rig.ask(as_bob).await), "E1005");
    let as_alice = |nonce| Call { named: naming("alice"), ..signed(&private(1), nonce, STATUS) };
    assert!(matches!(rig.ask(as_alice).await, FromServer::Result(_)));
    let unsigned = |_| Call { named: naming("alice"), ..call(STATUS, None) };
    assert_eq!(code(&rig.ask(unsigned).await), "E1002");
    assert_eq!(rig.house.done().len(), 1);
}

#[tokio::test]
async fn without_a_signature_the_daemons_own_user_is_the_owner_and_everybody_else_is_nobody() {
    let rig = rig();
    assert!(matches!(rig.ask(|_| call(STATUS, None)).await, FromServer::Result(_)));
    assert_eq!(rig.house.done(), [(Actor::Owner, Request::Status {})]);
    assert_eq!([Peer::of(0, 990), Peer::of(990, 990), Peer::of(1000, 990)], [Peer::Owner, Peer::Owner, Peer::Local]);
    let stranger = identify(&call(STATUS, None), Nonce::from_bytes([0; 32]), Peer::Local, &*rig.house).await;
    assert!(matches!(stranger, Err(Refused::Refusal(Refusal::SignatureMissing {}))));
}

#[tokio::test]
async fn what_is_no_call_gets_a_reason_and_the_end_of_the_connection() {
    let rig = rig();
    let framed = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let deep = format!("{{\"call\":{}", "[".repeat(100_000));
    for bytes in [
        vec![0, 0, 0, 0],
        vec![0xff, 0xff, 0xff, 0xff, b'{'],
        ((limits::CONTROL_CALL_BYTES + 1) as u32).to_be_bytes().to_vec(),
        framed("SSH-2.0-OpenSSH"),
        framed("{}"),
        framed("\u{0}\u{1}\u{2}"),
        framed(r#"{"hello":{"v":1}}"#),
        framed(r#"{"call":{"v":1,"request":"{\"do\":\"status\"}","signature":null,"root":true}}"#),
        framed(r#"{"call":{"v":1,"v":1,"request":"{}"}}"#),
        framed(r#"{"call":{"v":2,"request":"{\"do\":\"status\"}"}}"#),
        framed(r#"{"call":{"v":1,"request":"{\"do\":\"shell\"}"}}"#),
        framed(r#"{"call":{"v":1,"request":"{\"do\":\"status\",\"and\":\"more\"}"}}"#),
        framed(r#"{"call":{"v":1,"request":"{\"do\":\"status\",\"do\":\"purge\"}"}}"#),
        framed(r#"{"call":{"v":1,"request":"{\"do\":\"ticket_show\",\"ticket\":\"../../etc\"}"}}"#),
        framed(&deep),
    ] {
        let answer = rig.babble(&bytes).await.expect("a reason");
        assert_eq!(code(&answer), "E1001", "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
    assert!(rig.house.done().is_empty());
    assert!(matches!(rig.ask(|nonce| signed(&private(1), nonce, STATUS)).await, FromServer::Result(_)));
}

#[tokio::test]
async fn ten_thousand_malformed_calls_change_nothing_and_the_next_honest_one_is_served() {
    let rig = rig();
    for round in 0_u32..10_000 {
        let (mut stream, _) = rig.connect().await;
        drop(stream.write_all(&round.wrapping_mul(2_654_435_761).to_be_bytes()).await);
    }
    assert!(matches!(rig.ask(|nonce| signed(&private(1), nonce, STATUS)).await, FromServer::Result(_)));
    assert_eq!(rig.house.done().len(), 1);
}

#[tokio::test]
async fn a_call_may_arrive_one_byte_at_a_time() {
    let rig = rig();
    let (mut stream, nonce) = rig.connect().await;
    let frame = encode_frame(&FromClient::Call(signed(&private(1), nonce, STATUS)), usize::MAX).unwrap();
    for byte in frame {
        stream.write_all(&[byte]).await.unwrap();
    }
    assert!(matches!(reply(&mut stream).await, Some(FromServer::Result(_))));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_a_fault_and_not_a_cut_frame() {
    let rig = rig();
    let answer = rig.ask(|nonce| signed(&private(1), nonce, r#"{"do":"file_list"}"#)).await;
    assert!(matches!(answer, FromServer::Fault(note) if note.message.contains("does not fit")));
}

#[tokio::test]
async fn a_list_that_does_not_fit_is_cut_and_says_how_much() {
    let rig = rig();
    let FromServer::Result(answer) = rig.ask(|nonce| signed(&private(1), nonce, r#"{"do":"session_list"}"#)).await else {
        panic!("no result")
    };
    let kept = answer["inner"]["rows"].as_array().unwrap().len() as u64;
    assert!((100..5_000).contains(&kept), "{kept}");
    assert_eq!(answer["inner"]["left_off"], 5_007 - kept);
}

#[tokio::test]
async fn an_act_ends_though_its_caller_has_left() {
    let rig = rig();
    let (mut stream, nonce) = rig.connect().await;
    let purge = FromClient::Call(signed(&private(1), nonce, r#"{"do":"purge"}"#));
    write_frame(&mut stream, &purge, usize::MAX).await.unwrap();
    rig.house.purging.notified().await;
    drop(stream);
    rig.house.gate.notify_one();
    while rig.house.done().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.house.done()[0].1, Request::Purge {});
}

#[tokio::test]
async fn one_local_user_cannot_take_every_connection() {
    let rig = rig();
    let mut idle = Vec::new();
    for _ in 0..limits::CONTROL_CONNECTIONS_PER_USER {
        idle.push(rig.connect().await);
    }
    let mut stream = UnixStream::connect(&rig.socket).await.unwrap();
    assert!(matches!(reply(&mut stream).await, Some(FromServer::Fault(note)) if note.message.contains("too many")));
    idle.clear();
    loop {
        let mut stream = UnixStream::connect(&rig.socket).await.unwrap();
        if matches!(reply(&mut stream).await, Some(FromServer::Hello(_))) {
            break;
        }
    }
}

#[tokio::test]
async fn at_the_end_who_has_asked_is_answered_and_who_has_not_is_dismissed() {
    let mut rig = rig();
    let (mut silent, _) = rig.connect().await;
    let (mut stream, nonce) = rig.connect().await;
    let purge = FromClient::Call(signed(&private(1), nonce, r#"{"do":"purge"}"#));
    write_frame(&mut stream, &purge, usize::MAX).await.unwrap();
    rig.house.purging.notified().await;
    rig.stop.send(()).unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
    rig.house.gate.notify_one();
    assert!(matches!(reply(&mut stream).await, Some(FromServer::Result(_))));
    rig.running.join_next().await.unwrap().unwrap();
    assert!(UnixStream::connect(&rig.socket).await.is_err());
}

/// Signs as a script would: with OpenSSH's own tool.
#[expect(clippy::disallowed_methods, reason = "the test's other side is OpenSSH's own program")]
fn ssh_keygen(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = std::process::Command::new("ssh-keygen")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ssh-keygen is installed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ssh-keygen {arguments:?}");
    output.stdout
}

#[tokio::test]
async fn signatures_by_openssh_count_for_every_kind_of_key_that_is_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let mut house = SmallHouse::default();
    let mut files = Vec::new();
    for (number, (kind, bits)) in [("ed25519", "256"), ("ecdsa", "256"), ("rsa", "3072")].into_iter().enumerate() {
        let file = directory.path().join(kind).to_str().unwrap().to_owned();
        ssh_keygen(&["-q", "-t", kind, "-b", bits, "-N", "", "-f", &file], b"");
        let line = ssh_keygen(&["-y", "-f", &file], b"");
        house = house.enrol(number as u128, kind, String::from_utf8(line).unwrap().parse().unwrap());
        files.push(file);
    }
    let rig = rig_of(house);
    for file in &files {
        let by_openssh = |nonce| {
            let armoured =
                ssh_keygen(&["-Y", "sign", "-q", "-n", NAMESPACE_REQUEST, "-f", file], &protocol::signed_bytes(nonce, STATUS));
            call(STATUS, Some(String::from_utf8(armoured).unwrap()))
        };
        let answer = rig.ask(by_openssh).await;
        assert!(matches!(answer, FromServer::Result(_)), "{file}: {answer:?}");
    }
    assert_eq!(rig.house.done().len(), 3);
}

#[test]
fn what_is_signed_is_the_canonical_text_of_the_documentation() {
    let nonce = Nonce::from_bytes([0xab; 32]);
    let bytes = protocol::signed_bytes(nonce, r#"{"do":"ticket_show","ticket":"EGR-2026-0042"}"#);
    let text = String::from_utf8(bytes).unwrap();
    let documented = include_str!("../../../docs/control-protocol.md");
    assert!(documented.contains(&text), "docs/control-protocol.md does not show {text}");
    let frame = encode_frame(&FromServer::Hello(Hello { v: 1, nonce }), 1_000).unwrap();
    let hex: String = frame[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(documented.contains(&format!("{hex} {}", String::from_utf8_lossy(&frame[4..]))), "the hello frame is not shown");
}

#[test]
fn every_request_stands_in_the_documentation() {
    let documented = include_str!("../../../docs/control-protocol.md");
    let refused = serde_json::from_str::<Request>(r#"{"do":"?"}"#).unwrap_err().to_string();
    let acts: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
    assert!(acts.len() >= 33, "{refused}");
    for act in acts {
        assert!(documented.contains(&format!("| `{act}` |")), "docs/control-protocol.md does not name {act}");
    }
}
