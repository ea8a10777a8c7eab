//! The control socket without egressctl: what a hostile client can send, signed by Debian's ssh-keygen.

use super::{House, run};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::Command,
};

impl House {
    /// An armoured SSHSIG by a person's key.
    pub fn signature(&self, person: &str, namespace: &str, text: &str) -> String {
        let file = self.path(format!("to-sign-{}", uuid::Uuid::new_v4()));
        fs::write(&file, text).unwrap();
        let key = self.path("people").join(person);
        run(Command::new("ssh-keygen").args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).arg(&file));
        fs::read_to_string(file.with_extension("sig")).unwrap()
    }

    /// Asks as `person`, by hand: the answer's one member and what it holds.
    pub fn ask(&self, person: &str, request: &Value) -> (String, Value) {
        let (mut stream, nonce) = self.knock();
        let request = request.to_string();
        let signed = json!({ "nonce": nonce, "request": request, "v": 1 }).to_string();
        let signature = self.signature(person, "egressd-request", &signed);
        let call = json!({ "call": { "v": 1, "request": request, "signature": signature } }).to_string();
        send(&mut stream, call.as_bytes()).unwrap();
        answer(&mut stream).expect("an answer")
    }

    /// A connection to the control socket, and the nonce that it was greeted with.
    pub fn knock(&self) -> (UnixStream, String) {
        let mut stream = UnixStream::connect(self.state().join("control.sock")).unwrap();
        let (kind, hello) = answer(&mut stream).expect("a greeting");
        assert_eq!((kind.as_str(), &hello["v"]), ("hello", &1.into()));
        let nonce = hello["nonce"].as_str().unwrap().to_owned();
        (stream, nonce)
    }
}

/// One frame.
pub fn send(stream: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes())?;
    stream.write_all(bytes)
}

/// The next frame, unless the daemon closed the connection.
pub fn answer(stream: &mut UnixStream) -> Option<(String, Value)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut bytes).ok()?;
    let message: serde_json::Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
    message.into_iter().next()
}
