//! What the command line's own codes (E90xx) and the linter's (L1000 on) mean. They are explained here: no daemon need be reached.

use crate::{domain::form::lint::Code, gateway::answers::Explanation};

/// One of the command line's own codes, whomever it was given to.
struct Own {
    code: &'static str,
    means: &'static str,
    why: &'static str,
    who: &'static str,
    commands: &'static [&'static str],
}

const OWN: [Own; 19] = [
    Own {
        code: "E9001",
        means: "the daemon met a fault",
        why: "Something broke inside the daemon. Its own log names the causes; an answer would not be safe to give.",
        who: "the operator of the daemon",
        commands: &["egressctl status", "egressctl audit verify"],
    },
    Own {
        code: "E9002",
        means: "the daemon cannot be reached",
        why: "Nothing answers at the control socket: the daemon does not run, or its socket lies elsewhere (paths.control_socket in its \
              configuration), or you may not use it.",
        who: "whoever runs the daemon here; or you, if its socket is elsewhere",
        commands: &["egressctl --socket PATH status", "egressd serve --config FILE"],
    },
    Own {
        code: "E9003",
        means: "the daemon spoke in a way that is not understood",
        why: "What answers at the control socket is no egressd, or one of another release.",
        who: "whoever runs the daemon here",
        commands: &["egressctl --version", "egressd --version"],
    },
    Own {
        code: "E9004",
        means: "the daemon speaks another version of the protocol",
        why: "egressctl and egressd are one program and come from one release.",
        who: "whoever installed them",
        commands: &["egressctl --version", "egressd --version"],
    },
    Own {
        code: "E9010",
        means: "there is no key to sign with",
        why: "Every request is signed with an enrolled SSH key: from a file, or by ssh-agent. Neither was found.",
        who: "you, with the private key whose public half was enrolled",
        commands: &["egressctl --key KEY_FILE whoami", "ssh-add KEY_FILE", "ssh-keygen -t ed25519 -f KEY_FILE"],
    },
    Own {
        code: "E9011",
        means: "ssh-agent holds several keys that fit",
        why: "Which of them is meant is not guessed: each may belong to another person on the staff.",
        who: "you: say whose key, or which",
        commands: &["ssh-add -l", "egressctl --as WHO whoami", "egressctl --key KEY_FILE.pub whoami"],
    },
    Own {
        code: "E9012",
        means: "ssh-agent holds no such key",
        why: "The key that --key or --as names is not among those that ssh-agent holds.",
        who: "you",
        commands: &["ssh-add -l", "ssh-add KEY_FILE", "egressctl whoami"],
    },
    Own {
        code: "E9013",
        means: "the key file cannot be used",
        why: "It is missing, or no SSH key in OpenSSH's format.",
        who: "you",
        commands: &["ssh-keygen -l -f KEY_FILE", "egressctl --key KEY_FILE whoami"],
    },
    Own {
        code: "E9014",
        means: "the key file is only usable through ssh-agent",
        why: "A key with a passphrase is unlocked by ssh-agent, and RSA keys sign nowhere else.",
        who: "you",
        commands: &["ssh-add KEY_FILE", "egressctl --key KEY_FILE whoami"],
    },
    Own {
        code: "E9015",
        means: "ssh-agent did not sign",
        why: "It is locked, has lost the key, or somebody declined.",
        who: "you",
        commands: &["ssh-add -l", "egressctl whoami"],
    },
    Own {
        code: "E9016",
        means: "the file cannot be read",
        why: "It is missing, you may not read it, it is too long, or it is not UTF-8 text.",
        who: "you",
        commands: &["ls -l FILE", "egressctl ticket submit --help", "egressctl vendor add --help"],
    },
    Own {
        code: "E9017",
        means: "the text to sign is not what was asked for",
        why: "The daemon's text did not name the ticket, gate, decision and question of this vote; nothing was signed.",
        who: "whoever runs the daemon here",
        commands: &["egressctl audit verify"],
    },
    Own {
        code: "E9018",
        means: "the ticket has no such gate",
        why: "The policy maps the classes of a ticket's fields to its gates: others take no votes.",
        who: "you",
        commands: &["egressctl ticket list", "egressctl ticket show TICKET"],
    },
    Own {
        code: "E9019",
        means: "there is nothing to confirm",
        why: "A confirmation counts for exactly the revision or token that vendor show prints, while it waits for one.",
        who: "you",
        commands: &["egressctl vendor list", "egressctl vendor show VENDOR"],
    },
    Own {
        code: "E9020",
        means: "this cannot be done offline",
        why: "The copied directory does not hold what a verifier needs: ledger.db, and the log's verifier key beside it.",
        who: "you",
        commands: &["egressctl audit verify --help"],
    },
    Own {
        code: "E9021",
        means: "the answer could not be written",
        why: "What was asked for may have been done: ask before you repeat it.",
        who: "you",
        commands: &["df -h", "egressctl audit tail"],
    },
    Own {
        code: "E9022",
        means: "an argument is not understood",
        why: "It has another form than the command takes. The help of each command shows an example.",
        who: "you",
        commands: &["egressctl help", "egressctl explain --help"],
    },
    Own {
        code: "E9023",
        means: "the delivery is not named",
        why: "A ticket may have many deliveries: each is named by its ticket and its number.",
        who: "you",
        commands: &["egressctl delivery list"],
    },
    Own {
        code: "E9024",
        means: "the file is not what is asked for",
        why: "It was read, and it is no policy, sample, request or risk file as the message says: a file is read strictly.",
        who: "you",
        commands: &["egressctl policy check --help", "egressctl ticket draft --help", "egressctl risk accept --help"],
    },
];

/// The explanation of one of the command line's own codes, or of the linter's.
pub fn own(code: &str) -> Option<Explanation> {
    let owned = |commands: &[&str]| commands.iter().map(|command| (*command).to_owned()).collect();
    if let Some(problem) = Code::ALL.into_iter().find(|problem| problem.name() == code) {
        let because = vec![problem.why().to_owned(), problem.mend().to_owned()];
        return Some(Explanation::of_code(
            code,
            problem.means(),
            because,
            "the requester",
            owned(&["egressctl ticket lint FILE"]),
        ));
    }
    let own = OWN.iter().find(|own| own.code == code)?;
    Some(Explanation::of_code(own.code, own.means, vec![own.why.to_owned()], own.who, owned(own.commands)))
}

/// Every code that is explained here: the command line's own and the linter's.
pub fn codes() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.code).chain(Code::ALL.into_iter().map(Code::name))
}
