//! What each of the linter's codes stands for: why it is asked for, and what its requester does.

use super::Code;

impl Code {
    /// Why such a rule exists.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Unreadable => "A request is read strictly: what is not understood is not guessed, and nobody votes on a guess.",
            Self::Missing => {
                "Each question is one that a reviewer would ask weeks later; a request that answers all of them is judged at once."
            }
            Self::UnknownKey => "A key that is misspelled would be an answer that nobody reads.",
            Self::WrongForm => "What the gateway enforces it has to understand: a number, a day, one of a few words.",
            Self::Vague => {
                "\"Customer data\" and \"as agreed\" can mean anything, so nobody can approve them and no file can be held to them."
            }
            Self::NotAbsolute => {
                "Reviewers judge where data come from and where they end up, and that is one exact place for each field."
            }
            Self::OutOfBounds => "Every answer has bounds, so that what is approved is something that can happen.",
            Self::Contradiction => "Of two answers that cannot both be right one is wrong, and which one is not guessed.",
            Self::PolicyForbids => "The policy is the organisation's own: no reviewer may approve what it forbids.",
        }
    }

    /// What the requester does about it.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Unreadable => "Mend the line that is named; config/ticket.toml is a whole request that is read.",
            Self::Missing => "Answer the question that is named; its example shows the form of a good answer.",
            Self::UnknownKey => "Write the key as the message suggests, or leave it out.",
            Self::WrongForm => "Write the answer in the form of the example.",
            Self::Vague => "Name exactly what is meant: each field by its own name, each answer in words that say something.",
            Self::NotAbsolute => "Name the place whole, from its scheme to the field: dwh://sales/orders/order_id.",
            Self::OutOfBounds => "Choose one of the values, or a number within the bounds that the message names.",
            Self::Contradiction => "Decide which of the two answers is right, and change the other.",
            Self::PolicyForbids => "Ask for less: another class, treatment, retention or destination, as the message says.",
        }
    }
}
