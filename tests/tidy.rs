//! The walls of the house that neither the compiler nor clippy holds: who names whom, what a room may touch, which crates may
//! come in, what the executable is linked with. Each check is a function from text to complaints, tried on a bad sample below.
#![expect(clippy::disallowed_methods, reason = "reads the sources, and asks ldd what the executable is linked with")]
#![expect(clippy::unwrap_used, reason = "what a test cannot read, it fails on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "tidy/text.rs"]
mod text;

use text::{code, depth, identifiers, supers, words};

/// Which rooms a room may name. A new room starts with nothing: whoever adds a line here argues for it in review.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("audit", &["domain"]),
    ("sealing", &["domain"]),
    ("inspection", &["domain"]),
    ("gateway", &["audit", "clock", "domain", "inspection", "sealing"]),
    ("endpoints", &["domain", "gateway"]),
    // It carries what its outboxes hold, and words a record; of the gateway it knows no other handle.
    ("forward", &["domain", "gateway"]),
    // It speaks the control socket's protocol and shows the gateway's answers. Alone it verifies a copied log, reads a ticket
    // file as today's linter does, and drafts one from a sample, which is read as inspection will read the file: with one CSV reader.
    ("ctl", &["clock", "domain", "endpoints", "gateway", "inspection"]),
    // The composition root: what is made of what.
    ("config", &["audit", "domain", "endpoints", "forward", "gateway", "sealing"]),
    ("init", &["audit", "clock", "config", "gateway", "sealing"]),
    ("daemon", &["clock", "config", "domain", "endpoints", "forward", "gateway"]),
    // It plays the staff and the vendors from outside; of the gateway it knows the answers, as everybody who asks does.
    ("demo", &["clock", "config", "domain", "forward", "endpoints", "gateway", "init"]),
    ("main", &["ctl", "daemon", "demo", "init"]),
    ("lib", &[]),
];

/// What `domain` never names: it reads no file, no clock, no network, and waits for nothing.
const NOT_IN_DOMAIN: &[&str] = &[
    "fs",
    "env",
    "process",
    "thread",
    "tokio",
    "async",
    "await",
    "SystemTime",
    "Instant",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "rusqlite",
    "rustix",
    "tracing",
];

/// Names that say nothing: what is in such a file has a better place.
const SAYS_NOTHING: &[&str] =
    &["util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "shared_code", "types", "stuff"];

/// Lines of a file, at most. Up to [`AIM`] nobody asks; above it the reason stands in [`LONG`].
const MOST: usize = 600;
const AIM: usize = 400;
const LONG: &[(&str, &str)] = &[
    ("src/gateway/fixture.rs", "a whole gateway for tests, its people and its papers, in one value"),
    ("src/ctl/commands.rs", "the command line as one table: half of it is the text of --help"),
    ("src/domain/dossier/tests.rs", "what may count as an approval and what may not, one test each"),
    ("src/domain/event.rs", "every event and every detail record: one list, so that a reader sees that it is all"),
    ("src/domain/refusal.rs", "every refusal with its words: one list, so that a code is never given twice"),
    ("src/gateway/lease.rs", "the order of opening and revoking, with the model checks that prove it beside it"),
    ("src/gateway/stage.rs", "from a look at staging to the record: one act, whose order is the point"),
    ("tests/tidy.rs", "every wall in one list, each with the sample that it refuses"),
    ("src/gateway/staging/tests.rs", "what a hostile producer tries, one test each"),
];

/// Who may read files, clocks, the environment or start programs, and why. Tests may where they say so.
const TOUCHES_THE_WORLD: &[(&str, &str)] = &[
    ("src/gateway/fixture.rs", "a test's own directory and processes"),
    ("src/clock.rs", "owns the wall clock and the monotonic clock"),
    ("src/config/credentials.rs", "CREDENTIALS_DIRECTORY"),
    ("src/ctl/mod.rs", "NO_COLOR"),
    ("src/daemon/passed.rs", "LISTEN_FDNAMES"),
    ("src/demo/egressctl.rs", "starts egressctl"),
    ("src/demo/keys.rs", "the private keys of everybody who plays"),
    ("src/demo/place.rs", "its own directory"),
    ("src/demo/screen.rs", "NO_COLOR"),
    ("src/demo/serving.rs", "starts the daemon"),
    ("src/main.rs", "EGRESSD_LOG"),
    ("src/ctl/offline.rs", "the verifier key of a copied log"),
    ("src/ctl/signer.rs", "the key files that a user names, SSH_AUTH_SOCK"),
];

/// Versions below these have a hole that is known (SECURITY.md "Dependencies").
const FLOORS: &[(&str, [u64; 3])] = &[
    ("russh", [0, 65, 1]),
    ("russh-sftp", [3, 0, 1]),
    ("rustls", [0, 23, 45]),
    ("rustls-webpki", [0, 103, 15]),
    ("aws-lc-sys", [0, 39, 0]),
    ("h2", [0, 4, 16]),
    ("hyper", [1, 11, 0]),
    ("age", [0, 11, 5]),
    ("tokio-postgres", [0, 7, 18]),
];

/// Crates that may not come in, by whatever way.
const BANNED: &[&str] = &["openssl-sys", "native-tls", "ring", "bincode", "serde_yaml", "flate2", "liblzma-sys", "lzma-sys"];
const BANNED_FAMILIES: &[&str] = &["thrussh"];

/// Banned crates that Cargo.lock names all the same, and why. [`what_the_lock_only_names_is_never_built`] holds them out.
const NAMED_ONLY: &[(&str, &str)] = &[("ring", "rustls-webpki's weak features name its other provider")];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// All that the executable may be linked with.
const LINKED: &[&str] = &["libc.so.6", "libm.so.6", "libgcc_s.so.1", "linux-vdso.so.1"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `directory` with this ending: (path from the root, content), in order.
fn files(directory: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{directory} holds no *.{ending}");
    found
}

fn sources() -> Vec<(String, String)> {
    files("src", "rs")
}

#[track_caller]
fn clean(complaints: impl IntoIterator<Item = String>) {
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// `src/gateway/vault/tx.rs` is in the room `gateway`.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs")
}

/// The rooms that a file names, against the map.
fn imports(path: &str, source: &str) -> Vec<String> {
    let (here, code) = (room(path), code(source));
    let allowed = ROOMS.iter().find(|(name, _)| *name == here).map_or(&[][..], |(_, allowed)| allowed);
    let mut complaints = Vec::new();
    let mut named: BTreeSet<String> = text::paths_from(&code, "crate").into_iter().collect();
    named.extend(text::paths_from(&code, "egressd"));
    for name in named {
        if name != here && !allowed.contains(&name.as_str()) {
            complaints.push(format!("{path} names crate::{name}: {here} may name {allowed:?}"));
        }
    }
    // `super::` beyond one's own room is the same door by another name.
    for (chain, nesting) in supers(&code) {
        if here != "lib" && here != "main" && chain >= depth(path) + nesting {
            complaints.push(format!("{path} leaves its room by super::"));
        }
    }
    complaints
}

#[test]
fn every_room_names_only_the_rooms_it_may() {
    clean(sources().iter().flat_map(|(path, source)| imports(path, source)));
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
    assert_eq!(rooms.len(), ROOMS.len(), "a room stands twice in the map");
    for bad in
        ["use crate::gateway::Desk;", "use crate::{domain::ids, ctl};", "fn f() { crate::gateway::x() }", "use super::clock;"]
    {
        assert_eq!(imports("src/audit.rs", bad).len(), 1, "{bad}");
    }
    assert_eq!(imports("src/brand_new/mod.rs", "use crate::domain::ids;").len(), 1, "a new room starts with nothing");
    assert_eq!(imports("src/gateway/vault/tx.rs", "use super::super::super::ctl;").len(), 1);
    clean(imports("src/gateway/vault/tx.rs", "//! crate::ctl\nuse super::super::core; // crate::ctl\nlet x = \"crate::ctl\";"));
    clean(imports("src/clock.rs", "use crate::domain; mod tests { use super::*; }"));
}

fn impure(path: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let named = identifiers(&code);
    NOT_IN_DOMAIN.iter().filter(|word| named.contains(**word)).map(|word| format!("{path} names {word}")).collect()
}

#[test]
fn the_domain_touches_nothing_and_waits_for_nothing() {
    clean(sources().iter().filter(|(path, _)| room(path) == "domain").flat_map(|(path, source)| impure(path, source)));
    for bad in ["std::fs::read(p)", "use std::{fs, io};", "std::time::SystemTime::now()", "Instant::now()", "async fn f() {}"] {
        assert_eq!(impure("x", bad).len(), 1, "{bad}");
    }
    clean(impure("x", "//! Instants; no tokio, no async.\nlet tokio_like = \"fs\";"));
}

fn headless(path: &str, source: &str) -> Option<String> {
    let first = source.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|words| words.len() > 15);
    (!says).then(|| format!("{path}: the first line says what the file holds, as //!"))
}

#[test]
fn every_file_says_in_its_first_line_what_it_holds() {
    clean(sources().iter().chain(&files("tests", "rs")).filter_map(|(path, source)| headless(path, source)));
    assert!(headless("x", "use std::fs;").is_some() && headless("x", "").is_some() && headless("x", "//! x").is_some());
}

fn nameless(path: &str) -> Option<String> {
    let vague = path.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| SAYS_NOTHING.contains(part));
    vague.map(|part| format!("{path}: \"{part}\" names no act and no thing"))
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    clean(sources().iter().filter_map(|(path, _)| nameless(path)));
    assert!(nameless("src/utils.rs").is_some() && nameless("src/gateway/common/x.rs").is_some());
}

fn switches(path: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let functions = text::public_functions(&code);
    let boolean = |parameters: &str| words(parameters).windows(2).any(|pair| pair[0] == ":" && pair[1] == "bool");
    let offenders = functions.into_iter().filter(|(_, parameters)| boolean(&parameters.replace(['&', '\''], " ")));
    offenders.map(|(name, _)| format!("{path}: {name} takes a bool: at the call nobody can read what true means")).collect()
}

#[test]
fn no_public_function_takes_a_bool() {
    clean(sources().iter().flat_map(|(path, source)| switches(path, source)));
    for bad in ["pub fn f(a: u8, force: bool) {}", "pub(super) async fn f<T: X<u8>>(\n  self,\n  b: &bool,\n) -> u8 {}"] {
        assert_eq!(switches("x", bad).len(), 1, "{bad}");
    }
    clean(switches("x", "fn f(a: bool) {} pub fn g(a: impl Fn(&str) -> bool) -> bool { true }"));
}

fn long(path: &str, lines: usize) -> Option<String> {
    let listed = LONG.iter().any(|(name, _)| *name == path);
    match lines {
        _ if lines > MOST => Some(format!("{path} has {lines} lines: more than {MOST}")),
        _ if lines > AIM && !listed => Some(format!("{path} has {lines} lines: divide it, or say why not in LONG")),
        _ if lines <= AIM && listed => Some(format!("{path} has {lines} lines: take it out of LONG")),
        _ => None,
    }
}

#[test]
fn files_stay_short_enough_to_be_read() {
    let all: Vec<_> = sources().into_iter().chain(files("tests", "rs")).collect();
    clean(all.iter().filter_map(|(path, source)| long(path, source.lines().count())));
    clean(LONG.iter().filter(|(name, _)| !all.iter().any(|(path, _)| path == name)).map(|(name, _)| format!("{name} is gone")));
    assert!(
        long("x", 401).is_some() && long(LONG[0].0, 601).is_some() && long(LONG[0].0, 400).is_some() && long("x", 400).is_none()
    );
}

fn names_the_vault(path: &str, source: &str) -> Option<String> {
    let outside = room(path) != "gateway";
    (outside && identifiers(&code(source)).contains("vault")).then(|| format!("{path} names the vault"))
}

#[test]
fn only_the_gateway_names_its_vault() {
    clean(sources().iter().chain(&files("tests", "rs")).filter_map(|(path, source)| names_the_vault(path, source)));
    assert!(names_the_vault("src/ctl/mod.rs", "use crate::gateway::{vault};").is_some());
    assert!(names_the_vault("src/gateway/seal.rs", "use super::vault;").is_none());
}

fn reaches_out(path: &str, source: &str) -> Vec<String> {
    let code = code(source);
    let excused = TOUCHES_THE_WORLD.iter().any(|(name, _)| *name == path) || is_test(path);
    let mut complaints = Vec::new();
    for attribute in text::attributes(&code).into_iter().filter(|attribute| attribute.contains("disallowed_methods")) {
        if !excused {
            complaints.push(format!("{path} excuses itself from clippy.toml and is not in TOUCHES_THE_WORLD"));
        }
        if !attribute.contains("expect") || !attribute.contains("reason") {
            complaints.push(format!("{path}: #[expect(…, reason = \"…\")], so that it goes when it is no longer needed"));
        }
    }
    complaints
}

#[test]
fn only_the_listed_files_touch_the_world() {
    let all = sources();
    clean(all.iter().chain(&files("tests", "rs")).flat_map(|(path, source)| reaches_out(path, source)));
    let uses = |name: &str| all.iter().any(|(path, source)| path == name && source.contains("disallowed_methods"));
    clean(TOUCHES_THE_WORLD.iter().filter(|(name, _)| !uses(name)).map(|(name, _)| format!("{name} need not be listed")));
    assert_eq!(reaches_out("src/domain/x.rs", "#[expect(clippy::disallowed_methods, reason = \"so\")] fn f() {}").len(), 1);
    assert_eq!(reaches_out("src/clock.rs", "#![allow(clippy::disallowed_methods)]").len(), 1);
    assert_eq!(reaches_out("src/clock.rs", "#[expect(\n clippy::disallowed_methods)]").len(), 1);
}

fn unsound(path: &str, source: &str) -> Option<String> {
    identifiers(&code(source)).contains("unsafe").then(|| format!("{path} names unsafe"))
}

#[test]
fn nothing_is_unsafe() {
    clean(sources().iter().chain(&files("tests", "rs")).filter_map(|(path, source)| unsound(path, source)));
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert!(unsound("x", "fn f() { unsafe { g() } }").is_some() && unsound("x", "// unsafe\nlet s = \"unsafe\";").is_none());
}

/// A pre-release of a version is below it.
fn version(text: &str) -> ([u64; 3], &str) {
    let (plain, rest) = text.split_at(text.find(['-', '+']).unwrap_or(text.len()));
    let mut parts = plain.split('.').map(|part| part.parse().unwrap_or(0));
    (std::array::from_fn(|_| parts.next().unwrap_or(0)), rest)
}

fn lock(text: &str) -> Vec<String> {
    let lock: toml::Table = text.parse().expect("Cargo.lock is TOML");
    let mut complaints = Vec::new();
    for package in lock["package"].as_array().expect("packages") {
        let field = |name: &str| package.get(name).and_then(toml::Value::as_str).unwrap_or_default();
        let (name, at, source) = (field("name"), field("version"), field("source"));
        let named_only = NAMED_ONLY.iter().any(|(named, _)| *named == name);
        if source != CRATES_IO && name != "egressd" {
            complaints.push(format!("{name} {at} comes from {source:?}, not from crates.io"));
        }
        if !named_only && BANNED.contains(&name) || BANNED_FAMILIES.iter().any(|family| name.starts_with(family)) {
            complaints.push(format!("{name} {at} may not come in"));
        }
        let (number, rest) = version(at);
        if let Some((_, floor)) = FLOORS.iter().find(|(floored, _)| *floored == name)
            && (number < *floor || number == *floor && rest.starts_with('-'))
        {
            complaints.push(format!("{name} {at} is below {floor:?}"));
        }
    }
    complaints
}

#[test]
fn what_the_lock_only_names_is_never_built() {
    let asked = |name: &str| {
        let tree = ["tree", "--locked", "--offline", "--target", "all", "--edges", "all", "--invert", name];
        Command::new(env!("CARGO")).args(tree).current_dir(root()).output().unwrap()
    };
    for (name, why) in NAMED_ONLY {
        let tree = String::from_utf8(asked(name).stdout).unwrap();
        assert!(tree.is_empty(), "{name} is built, and not only named ({why}):\n{tree}");
    }
    assert!(!asked("rustls").stdout.is_empty(), "cargo tree answers nothing at all");
}

#[test]
fn no_known_hole_no_banned_crate_and_no_other_source_is_in_the_lock() {
    clean(lock(&fs::read_to_string(root().join("Cargo.lock")).unwrap()));
    let package = |name: &str, version: &str, source: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{source}\"\n")
    };
    for (name, at, source) in [
        ("russh", "0.65.0", CRATES_IO),
        ("russh", "0.65.1-rc.1", CRATES_IO),
        ("hyper", "1.9.0", CRATES_IO),
        ("openssl-sys", "1.0.0", CRATES_IO),
        ("thrussh-keys", "1.0.0", CRATES_IO),
        ("serde", "1.0.0", "git+https://example.org/serde"),
        ("serde", "1.0.0", "registry+https://example.org/index"),
    ] {
        assert_eq!(lock(&package(name, at, source)).len(), 1, "{name} {at} {source}");
    }
    clean(lock(&package("russh", "0.100.0", CRATES_IO)));
}

fn linked(ldd: &str) -> Vec<String> {
    let names = ldd.lines().filter_map(|line| line.split_whitespace().next()).map(|path| path.rsplit('/').next().unwrap_or(path));
    let strange = names.filter(|name| !LINKED.contains(name) && !name.starts_with("ld-linux"));
    strange.map(|name| format!("the executable is linked with {name}")).collect()
}

#[test]
fn the_executable_is_linked_with_nothing_but_libc() {
    let output = Command::new("ldd").arg(env!("CARGO_BIN_EXE_egressd")).output().expect("ldd comes with libc's own packages");
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("libc.so.6"), "ldd says: {output}");
    clean(linked(&output));
    assert_eq!(
        linked("\tlinux-vdso.so.1 (0x0)\n\tliblzma.so.5 => /lib/liblzma.so.5 (0x0)\n\t/lib64/ld-linux-x86-64.so.2 (0x0)").len(),
        1
    );
}

/// Keys of a configuration that no comment explains: beside it, above its block, where the same key first stood, or by its name.
fn unexplained(path: &str, text: &str) -> Vec<String> {
    let (mut explained, mut block, mut complaints) = (BTreeSet::new(), false, Vec::new());
    let comments: String = text.lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    explained.extend(identifiers(&comments).into_iter().filter(|word| word.contains('_')).map(str::to_owned));
    for line in text.lines().map(str::trim) {
        let key = line.split_once('=').map(|(key, _)| key.trim()).filter(|_| !line.starts_with('#'));
        match key {
            None => {
                block =
                    line.starts_with('#') || (line.starts_with('[') && (block || line.contains("] #") || line.contains("]  #")))
            }
            Some(key) if block || line.contains(" # ") || explained.contains(key) => {
                explained.insert(key.to_owned());
            }
            Some(key) => complaints.push(format!("{path}: nothing says what {key} is")),
        }
    }
    complaints
}

#[test]
fn every_key_of_the_example_configuration_is_explained() {
    clean(files("config", "toml").iter().flat_map(|(path, text)| unexplained(path, text)));
    assert_eq!(unexplained("x", "a = 1\n\n# b is that\nb = 2\n\nc = 3 # this\nc = 4\n[d]\ne = 5\n").len(), 2);
}

/// Tests that are not run with the others. Everything else runs: a missing tool fails, nothing is skipped.
const SET_ASIDE: &[(&str, &str)] = &[
    ("src/gateway/tests/crowd.rs", "measures for minutes and asserts nothing: tests/bench/many-tickets.sh"),
    ("tests/it/power_cut.rs", "needs root and a loop device: tests/soak/power-cut.sh"),
    ("tests/it/side_by_side.rs", "measures for minutes and asserts nothing: tests/bench/side-by-side.sh"),
];

fn skipped(path: &str, source: &str) -> Option<String> {
    let code = code(source);
    let ignored = text::attributes(&code).into_iter().any(|attribute| attribute.starts_with("ignore"));
    let listed = SET_ASIDE.iter().any(|(name, _)| *name == path);
    (ignored && !listed).then(|| format!("{path} sets a test aside that SET_ASIDE does not know"))
}

#[test]
fn no_test_is_set_aside_unseen() {
    clean(sources().iter().chain(&files("tests", "rs")).filter_map(|(path, source)| skipped(path, source)));
    assert!(skipped("x", "#[test]\n#[ignore = \"so\"]\nfn f() {}").is_some() && skipped("x", "// #[ignore]").is_none());
}

#[test]
fn limits_have_a_reason_each() {
    let limits = fs::read_to_string(root().join("src/domain/limits.rs")).unwrap();
    let mut lines = limits.lines().peekable();
    let (mut reason, mut seen) = (false, BTreeMap::new());
    while let Some(line) = lines.next() {
        if line.starts_with("///") {
            reason = true;
        } else if let Some(name) = line.strip_prefix("pub const ") {
            let name = name.split(':').next().unwrap_or(name);
            assert!(reason, "{name} has no reason");
            assert!(seen.insert(name.to_owned(), ()).is_none(), "{name} stands twice");
            // A pair may share its sentence; after an empty line it ends.
            reason = lines.peek().is_some_and(|next| next.starts_with("pub const "));
        } else {
            reason = false;
        }
    }
    assert!(seen.len() > 50, "the limits were not found");
}
