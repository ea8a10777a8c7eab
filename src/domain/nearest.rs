//! The nearest known word to a mistyped one.

use super::limits;

/// The candidate with the fewest edits, if it is near enough to be meant: at most a third of the word's length.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > limits::NAME_CHARS {
        return None;
    }
    let allowed = length.max(3) / 3;
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, _)| *edits <= allowed)
        .map(|(_, candidate)| candidate)
}

/// The distance in characters, of which two that changed places are one edit (optimal string alignment): `sfpt` is `sftp`.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let mut least = (row[j] + usize::from(a[i] != b[j])).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        assert_eq!(nearest("retension_days", ["retention_days", "reason"]), Some("retention_days"));
        assert_eq!(nearest("colour", ["purpose", "vendor"]), None);
        assert_eq!(nearest("sfpt", ["files", "keys", "sftp", "control"]), Some("sftp"), "two letters changed places");
        assert_eq!((edits("kitten", "sitting"), edits("abcd", "badc"), edits("", "ab"), edits("ab", "")), (3, 2, 2, 2));
    }
}
