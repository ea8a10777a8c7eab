//! How the catalogue of refusals is written: one entry becomes a variant, its code and its words.

/// A sentence without variable parts says by itself what its code means.
macro_rules! meaning {
    ($what:literal) => {
        $what
    };
    ($what:literal $means:literal) => {
        $means
    };
}

macro_rules! refusals {
    ($($code:literal $name:ident { $($field:ident : $kind:ty),* } $what:literal $(means $means:literal)?
        why $why:literal who $who:literal command $command:literal $(commands [$($general:literal),*])?)*) => {
        /// An expected answer. Exhaustive: whoever adds one writes its words here, once.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Refusal {
            $($name { $($field: $kind),* },)*
        }

        /// Every code, for `egressctl explain CODE`.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            code: $code,
            name: stringify!($name),
            what: $what,
            means: meaning!($what $($means)?),
            why: $why,
            who: $who,
            command: $command,
            commands: &[$($($general),*)?],
        }),*];

        #[allow(unused_variables, reason = "a field may be used by the sentence, by the command, or by both")]
        impl Refusal {
            pub const fn code(&self) -> u16 {
                match self { $(Self::$name { .. } => $code,)* }
            }

            /// What was refused, in one sentence.
            pub fn what(&self) -> String {
                match self { $(Self::$name { $($field),* } => format!($what),)* }
            }

            pub const fn why(&self) -> &'static str {
                match self { $(Self::$name { .. } => $why,)* }
            }

            pub const fn who(&self) -> &'static str {
                match self { $(Self::$name { .. } => $who,)* }
            }

            /// The command to type next.
            pub fn command(&self) -> String {
                match self { $(Self::$name { $($field),* } => format!($command),)* }
            }
        }
    };
}

pub(super) use {meaning, refusals};
