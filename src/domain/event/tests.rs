//! How events stand in the log, byte for byte.

use super::*;
use crate::domain::canonical;

#[test]
fn the_end_of_a_transfer_says_what_was_served_or_that_nobody_knows() {
    let ended = |bytes, ranges| Event::TransferEnded { how: TransferEnd::Interrupted, bytes, ranges };
    let leaves = [
        (r#"{"how":"interrupted","kind":"transfer_ended"}"#, ended(None, None)),
        (r#"{"bytes":0,"how":"interrupted","kind":"transfer_ended","ranges":[]}"#, ended(Some(0), Some(Vec::new()))),
        (r#"{"bytes":7,"how":"interrupted","kind":"transfer_ended","ranges":[[0,7]]}"#, ended(Some(7), Some(vec![(0, 7)]))),
    ];
    for (text, event) in leaves {
        assert_eq!(serde_json::from_str::<Event>(text).unwrap(), event);
        assert_eq!(canonical::to_bytes(&event).unwrap(), text.as_bytes());
    }
}
