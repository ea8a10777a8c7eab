//! A diagram holds what its ticket says, the same in both forms, and nothing that a ticket says becomes more than text.

use super::*;
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../config/ticket.toml");

fn example() -> TicketDocument {
    TicketDocument::parse(EXAMPLE).unwrap()
}

/// The text of a drawing, as whoever looks at it reads it, without spaces: lines are broken anywhere.
fn read(drawing: Drawing, drawn: &str) -> String {
    let text = match drawing {
        Drawing::Svg => drawn.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<String>(),
        Drawing::Mermaid => decoded(&drawn.replace("<br/>", "")),
    };
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('#');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let (code, rest) = part.split_once(';').unwrap();
        out.push(char::from_u32(code.parse().unwrap()).unwrap());
        out.push_str(rest);
    }
    out
}

#[test]
fn both_forms_hold_the_way_with_classes_protocols_encryption_and_retention() {
    let ticket = example();
    let diagram = Diagram::of(&ticket);
    for drawing in Drawing::ALL {
        let text = read(drawing, &diagram.draw(drawing));
        let mut told = vec![
            ticket.digest().to_string(),
            ticket.title.clone(),
            "over SFTP or HTTPS".to_owned(),
            "Retention: 30 days".to_owned(),
            "Retention: 90 days".to_owned(),
            "recipient keys (age)".to_owned(),
            "every week, late after 48 hours".to_owned(),
            "2026-11-01 to 2027-01-31".to_owned(),
            "pseudonym: customer_token".to_owned(),
            ticket.at_vendor.stored_in.clone(),
            ticket.at_vendor.encryption.clone(),
            ticket.at_vendor.access.join("; "),
        ];
        told.extend(ticket.fields.iter().flat_map(|field| {
            [
                format!("{}: {}", field.name, field.source),
                format!("{}: {}", field.name, field.destination),
                field.class.to_string(),
            ]
        }));
        for fact in told {
            assert!(text.contains(&fact.replace(' ', "")), "{drawing:?}: {fact}\n{text}");
        }
    }
}

#[test]
fn the_same_revision_is_the_same_drawing_and_another_is_not() {
    let again = TicketDocument::parse(&serde_json::to_string(&example()).unwrap()).unwrap();
    let other = TicketDocument::parse(&EXAMPLE.replace("retention_days = 30", "retention_days = 31")).unwrap();
    for drawing in Drawing::ALL {
        let drawn = Diagram::of(&example()).draw(drawing);
        assert_eq!(drawn, Diagram::of(&again).draw(drawing));
        assert_ne!(drawn, Diagram::of(&other).draw(drawing));
        assert!(drawn.contains(&example().digest().to_string()));
    }
}

/// The tags and attributes of an SVG, without its text and its numbers.
fn structure(svg: &str) -> std::collections::BTreeSet<String> {
    let tags = svg.split('<').skip(1).map(|part| part.split_once('>').expect("a tag ends").0);
    tags.map(|tag| tag.chars().filter(|c| !c.is_ascii_digit()).collect()).collect()
}

proptest! {
    #[test]
    fn nothing_that_a_ticket_says_is_more_than_text(hostile in "[<>&\"'`#;%{}\\]|a\u{202e}\n\u{7f}é界-]{1,40}") {
        let mut ticket = example();
        let before = Diagram::of(&ticket).draw(Drawing::Svg);
        ticket.title.clone_from(&hostile);
        ticket.at_vendor.encryption.clone_from(&hostile);
        ticket.fields[0].name.clone_from(&hostile);
        ticket.fields[1].source = format!("{hostile}<script>alert(1)</script>");
        let diagram = Diagram::of(&ticket);
        let svg = diagram.draw(Drawing::Svg);
        prop_assert!(structure(&svg).is_subset(&structure(&before)), "{svg}");
        prop_assert!(!svg.chars().any(|c| crate::domain::shown::is_unseen(c) && c != '\n'));
        let mermaid = diagram.draw(Drawing::Mermaid);
        // A ticket, four stops, three ways, and what begins and ends it: whatever is said, no line more.
        prop_assert_eq!(mermaid.lines().count(), 11);
        for line in mermaid.lines().filter(|line| line.contains('"')) {
            prop_assert_eq!(line.matches('"').count(), 2, "{}", line);
            let label = line.split('"').nth(1).unwrap().replace("<br/>", "");
            prop_assert!(!label.contains(['<', '>', '`', '%', '{', '|', '[', ']']), "{}", label);
        }
        prop_assert!(decoded(&mermaid.replace("<br/>", "")).contains(&visible(&hostile)));
    }
}

#[test]
fn no_line_is_wider_than_the_page_and_none_is_lost() {
    let mut ticket = example();
    ticket.at_vendor.encryption = "界".repeat(500) + " and " + &"x".repeat(700);
    let svg = Diagram::of(&ticket).draw(Drawing::Svg);
    let mut going_on = 0;
    for line in svg.lines().filter_map(|line| line.strip_prefix("<text x=\"")) {
        let (x, rest) = line.split_once('"').unwrap();
        let said = rest.split_once('>').unwrap().1.trim_end_matches("</text>").replace("&#39;", "'");
        let columns: usize = said.chars().map(|c| if c < '\u{600}' { 1 } else { 2 }).sum();
        let x: usize = x.parse().unwrap();
        assert!(x + columns * 8 <= 966, "{line}");
        // What goes on from the line before is set in, and passes for no line of the gateway's own.
        let goes_on = said.starts_with('界') || said.starts_with('x');
        assert_eq!(x == 66, goes_on, "{line}");
        going_on += usize::from(goes_on);
    }
    assert!(going_on > 10);
    assert_eq!(svg.matches('界').count(), 500);
    assert!(svg.matches('x').count() > 700);
}
