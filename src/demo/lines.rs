//! The lines to try in a second terminal. They can be pasted as they stand, all together, in their order.

use super::{
    Prepared,
    cast::the,
    place::{Doors, Place},
    screen::Screen,
};
use crate::domain::people::Role;
use std::path::Path;

/// A line longer than this breaks on a terminal of 80 columns.
const COLUMNS: usize = 76;

pub fn print(prepared: &Prepared, place: &Place, screen: &Screen) -> anyhow::Result<()> {
    let Prepared { vendors, released, doors: Doors { sftp, https }, metrics } = prepared;
    let vendor = &vendors.vendor;
    let line = |words: &[&str]| broken(words).iter().for_each(|part| screen.line(part));
    let ticket = released.delivery.ticket.to_string();

    screen.heading(&format!("Try it in a second terminal · as the vendor {}: pull, verify, decrypt", vendor.id));
    line(&["cd", &quoted_path(&place.inbox())]);
    line(&[
        "sftp",
        &format!("-P {}", sftp.port()),
        &format!("-i {}", quoted_path(&vendor.ssh_key)),
        "-o IdentitiesOnly=yes",
        &ssh_option("UserKnownHostsFile", &place.known_hosts()),
        &format!("'{}@{}:/{}/*' .", vendor.id, sftp.ip(), released.delivery),
    ]);
    line(&["sha256sum -c SHA256SUMS"]);
    let ca = format!("--cacert {}", quoted_path(&place.certificate()));
    let certificate = format!("--cert {}", quoted_path(&vendor.tls_cert));
    let key = format!("--key {}", quoted_path(&vendor.tls_key));
    let url = format!("https://{https}/{}", released.delivery);
    line(&["curl --fail -O", &ca, &certificate, &key, &quoted(&format!("{url}/{}.age", released.name))]);
    let bearer = format!("-H \"Authorization: Bearer $(cat {})\"", quoted_path(&vendor.token_file));
    line(&["curl --fail", &ca, &bearer, &quoted(&format!("{url}/"))]);
    let (plain, sealed) = (quoted(&released.name), quoted(&format!("{}.age", released.name)));
    line(&["age -d", &format!("-i {}", quoted_path(&vendor.age_identity)), &format!("-o {plain}"), &sealed]);
    line(&["head -3", &plain]);

    screen.heading("As the operator: who has what, and why");
    line(&["export", &format!("PATH={}:$PATH", quoted_path(&place.root().join("bin")))]);
    line(&["export", &format!("EGRESSCTL_SOCKET={}", quoted_path(&place.socket()))]);
    line(&["export", &format!("EGRESSCTL_KEY={}", quoted_path(&place.staff().join(the(Role::Operator).name)))]);
    line(&["egressctl transfer list"]);
    line(&["egressctl ticket show", &ticket]);
    line(&["egressctl explain", &released.delivery.to_string()]);

    screen.heading("A file that nobody approved: it is held, and says why");
    let people = place.staging().join(&ticket).join("people.csv");
    line(&["printf 'name,email\\nAda,ada@example.org\\n' >", &quoted_path(&people)]);
    line(&["sleep 3; egressctl explain", &format!("{ticket}/people.csv")]);

    screen.heading("As the security responder: cut the vendor off, then try sftp and curl again");
    let responder = format!("--key {}", quoted_path(&place.staff().join(the(Role::SecurityResponder).name)));
    line(&["egressctl", &responder, "revoke vendor", &vendor.id, "--reason \"trying it out\""]);

    screen.heading("As this machine's monitoring: what happened is counted");
    line(&["curl --fail --silent", &quoted(metrics), "| grep ^egressd_transfers"]);

    screen.heading("As the auditor: every event is there, and none was changed");
    let auditor = format!("--key {}", quoted_path(&place.staff().join(the(Role::Auditor).name)));
    line(&["egressctl", &auditor, "audit verify"]);

    if !place.log_servers()?.is_empty() {
        screen.heading("As the operator: whether the log server hears of it");
        line(&["egressctl log test"]);
    }
    Ok(())
}

/// One command over as many lines as a terminal needs.
fn broken(words: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(last) if last.chars().count() + word.chars().count() < COLUMNS - 2 => {
                last.push(' ');
                last.push_str(word);
            }
            Some(last) => {
                last.push_str(" \\");
                lines.push(format!("  {word}"));
            }
            None => lines.push((*word).to_owned()),
        }
    }
    lines
}

/// ssh reads an option's value as a list of words once more, after the shell.
fn ssh_option(name: &str, path: &Path) -> String {
    let path = path.display().to_string();
    if quoted(&path) == path { format!("-o {name}={path}") } else { format!("-o {}", quoted(&format!("{name}=\"{path}\""))) }
}

/// A path as a shell's single word.
pub fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A text as a shell's single word.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '@' | '+' | ',');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_quoted_text_as_one_word() {
        assert_eq!(quoted("/tmp/demo"), "/tmp/demo");
        assert_eq!(quoted("/tmp/my demo"), "'/tmp/my demo'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn ssh_reads_a_path_with_spaces_as_one() {
        assert_eq!(ssh_option("File", Path::new("/tmp/demo")), "-o File=/tmp/demo");
        assert_eq!(ssh_option("File", Path::new("/my demo")), "-o 'File=\"/my demo\"'");
    }

    #[test]
    fn a_long_command_goes_on_on_the_next_line() {
        let long = "x".repeat(60);
        assert_eq!(broken(&["a", "b"]), ["a b"]);
        assert_eq!(broken(&["a", &long, &long]), [format!("a {long} \\"), format!("  {long}")]);
    }
}
