//! Source text as the tidy checks read it: without comments and literals, in words, with what is public told apart.

use std::collections::BTreeSet;

/// The code alone: comments, strings and characters are blanked, line ends stay.
pub fn code(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let (mut out, mut i) = (String::with_capacity(source.len()), 0);
    let at = |i: usize| bytes.get(i).copied().unwrap_or('\0');
    while i < bytes.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => (i..bytes.len()).find(|&j| bytes[j] == '\n').unwrap_or(bytes.len()),
            ('/', '*') => comment_end(&bytes, i),
            ('r', '"' | '#') if !in_word(&bytes, i) => raw_end(&bytes, i).unwrap_or(i),
            ('b', '"') if !in_word(&bytes, i) => quoted_end(&bytes, i + 1, '"'),
            ('"', _) => quoted_end(&bytes, i, '"'),
            // 'a' is a character, 'a a lifetime.
            ('\'', '\\') => quoted_end(&bytes, i, '\''),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i,
        };
        if end == i {
            out.push(bytes[i]);
            i += 1;
        } else {
            out.extend(bytes[i..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

fn in_word(bytes: &[char], i: usize) -> bool {
    i > 0 && (bytes[i - 1].is_alphanumeric() || bytes[i - 1] == '_')
}

fn comment_end(bytes: &[char], start: usize) -> usize {
    let (mut open, mut i) = (1, start + 2);
    while i < bytes.len() && open > 0 {
        match (bytes[i], bytes.get(i + 1)) {
            ('*', Some('/')) => (open, i) = (open - 1, i + 1),
            ('/', Some('*')) => (open, i) = (open + 1, i + 1),
            _ => {}
        }
        i += 1;
    }
    i
}

fn quoted_end(bytes: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < bytes.len() && bytes[i] != quote {
        i += if bytes[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(bytes.len())
}

/// The end of `r"…"` or `r#"…"#`; none for a raw identifier.
fn raw_end(bytes: &[char], start: usize) -> Option<usize> {
    let hashes = bytes[start + 1..].iter().take_while(|&&c| c == '#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| bytes[i] == '"' && (1..=hashes).all(|n| bytes.get(i + n) == Some(&'#'));
    Some((open + 1..bytes.len()).find(|&i| closes(i)).map_or(bytes.len(), |i| i + 1 + hashes))
}

/// Words and single signs, in order.
pub fn words(code: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

pub fn identifiers(code: &str) -> BTreeSet<&str> {
    words(code).into_iter().collect()
}

/// What stands first after `root::`, also in braces: `crate::{a::b, c}` names a and c. A root that is renamed names "as".
pub fn paths_from(code: &str, root: &str) -> Vec<String> {
    let words = words(code);
    let mut named = Vec::new();
    for i in (0..words.len()).filter(|&i| words[i] == root) {
        match words.get(i + 1..i + 4) {
            Some([":", ":", "{"]) => named.extend(heads(&words[i + 4..])),
            Some([":", ":", name]) => named.push((*name).to_owned()),
            _ if words.get(i + 1) == Some(&"as") => named.push("as".to_owned()),
            _ => {}
        }
    }
    named
}

fn heads(words: &[&str]) -> Vec<String> {
    let (mut open, mut first, mut heads) = (0, true, Vec::new());
    for word in words {
        match *word {
            "{" => open += 1,
            "}" if open == 0 => break,
            "}" => open -= 1,
            "," if open == 0 => first = true,
            name if first => {
                heads.push(name.to_owned());
                first = false;
            }
            _ => {}
        }
    }
    heads
}

/// How many modules deep a file stands: `src/clock.rs` 1, `src/gateway/mod.rs` 1, `src/gateway/vault/tx.rs` 3.
pub fn depth(path: &str) -> usize {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').filter(|part| *part != "mod.rs").count()
}

/// Each chain of `super::` with its length and the number of modules that are open around it in this file.
pub fn supers(code: &str) -> Vec<(usize, usize)> {
    let words = words(code);
    let (mut chains, mut braces, mut modules, mut i) = (Vec::new(), 0_usize, Vec::new(), 0);
    while i < words.len() {
        match words[i] {
            "mod" if words.get(i + 2) == Some(&"{") => modules.push(braces),
            "{" => braces += 1,
            "}" => {
                braces = braces.saturating_sub(1);
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
            }
            "super" => {
                let mut length = 1;
                while words.get(i + 1..i + 4) == Some(&[":", ":", "super"]) {
                    (length, i) = (length + 1, i + 3);
                }
                chains.push((length, modules.len()));
            }
            _ => {}
        }
        i += 1;
    }
    chains
}

/// Public functions, `pub(super)` and the like included, each with the text of its parameters.
pub fn public_functions(code: &str) -> Vec<(&str, String)> {
    let words = words(code);
    let mut functions = Vec::new();
    for i in (0..words.len()).filter(|&i| words[i] == "pub") {
        let mut next = i + 1;
        if words.get(next) == Some(&"(") {
            next += words[next..].iter().position(|word| *word == ")").unwrap_or(0) + 1;
        }
        while matches!(words.get(next), Some(&("const" | "async"))) {
            next += 1;
        }
        if words.get(next) != Some(&"fn") {
            continue;
        }
        let Some(name) = words.get(next + 1) else { continue };
        functions.push((*name, parameters(&words[next + 2..])));
    }
    functions
}

/// From the first parenthesis outside of angle brackets to its own end, without what closures return.
fn parameters(words: &[&str]) -> String {
    let (mut angles, mut open, mut taken) = (0_i32, 0_i32, Vec::new());
    for (i, word) in words.iter().enumerate() {
        let arrow = i > 0 && words[i - 1] == "-";
        match *word {
            "<" if open == 0 => angles += 1,
            ">" if open == 0 && !arrow => angles -= 1,
            "(" if angles == 0 => open += 1,
            ")" if angles == 0 => {
                open -= 1;
                if open == 0 {
                    break;
                }
            }
            _ => {}
        }
        taken.push(*word);
    }
    taken.join(" ")
}

/// The text of each attribute, brackets excluded.
pub fn attributes(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices('#') {
        let rest = code[start + 1..].trim_start_matches('!');
        let Some(inside) = rest.strip_prefix('[') else { continue };
        let mut open = 1;
        let end = inside.find(|c| {
            open += i32::from(c == '[') - i32::from(c == ']');
            open == 0
        });
        found.push(&inside[..end.unwrap_or(inside.len())]);
    }
    found
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let source = "a /* b /* c */ d */ e // f\n\"g\\\"h\" 'i' '\\'' r#\"j\"k\"# b\"l\" <'m> r#n";
    assert_eq!(words(&code(source)), ["a", "e", "<", "'", "m", ">", "r", "#", "n"]);
    assert_eq!(code(source).lines().count(), source.lines().count());
}
