//! An entry of the catalogue of refusals: a code, told in general.

/// One entry of the catalogue: what a code means, whoever it was given to.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub code: u16,
    pub name: &'static str,
    /// The sentence, its variable parts in braces.
    pub what: &'static str,
    /// The sentence without variable parts: what the code means, whomever it was given to.
    pub means: &'static str,
    /// Why such a rule exists.
    pub why: &'static str,
    /// Who can change it.
    pub who: &'static str,
    /// The command to type next, its variable parts in braces.
    pub command: &'static str,
    /// What to type where nobody knows to whom the code was given. Empty where the command says it, its parts named.
    pub commands: &'static [&'static str],
}

/// A command's variable parts: how they are called where they are not known, and which command lists them.
const UNKNOWNS: [(&str, &str, &str); 4] = [
    ("{ticket}", "TICKET", "egressctl ticket list"),
    ("{delivery}", "TICKET/NUMBER", "egressctl delivery list"),
    ("{vendor}", "VENDOR", "egressctl vendor list"),
    ("{file}", "FILE_ID", "egressctl file list"),
];

impl Entry {
    /// The commands to type where nobody knows to whom the code was given: each can be typed, but for what it names in capitals.
    pub fn to_type(&self) -> Vec<String> {
        if !self.commands.is_empty() {
            return self.commands.iter().map(|command| (*command).to_owned()).collect();
        }
        let (mut lists, mut command) = (Vec::new(), self.command.to_owned());
        for (part, called, list) in UNKNOWNS {
            if command.contains(part) {
                command = command.replace(part, called);
                lists.push(list.to_owned());
            }
        }
        lists.push(command);
        lists
    }
}
