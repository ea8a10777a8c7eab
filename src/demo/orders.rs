//! The data: orders as a warehouse might export them, invented, and the same again for the same seed.

use crate::domain::{digest::Digest, time::Day, time::Time, time::days};

/// Data rows of one file.
pub const ROWS: u64 = 800;

/// The columns of config/ticket.toml, in its order.
const HEADER: &str = "order_id,customer_token,ordered_on,product_code,quantity,net_amount,currency,postcode_area";
const PRODUCTS: [&str; 8] = ["LMP-0410", "LMP-0412", "CHR-1180", "CHR-1195", "TBL-2207", "SHF-3031", "RUG-4400", "MIR-5012"];
const AREAS: [&str; 10] = ["10", "20", "22", "28", "30", "40", "50", "60", "70", "80"];

/// A CSV file (RFC 4180) of [`ROWS`] orders of the two weeks before `now`.
pub fn csv(now: Time) -> String {
    let mut dice = Dice(now.micros().unsigned_abs());
    let mut out = format!("{HEADER}\r\n");
    for row in 0..ROWS {
        let product = dice.below(8);
        let quantity = 1 + dice.below(4);
        let cents = quantity * (1_900 + product * 2_350) - dice.below(3) * 100;
        let on = Day::of(now - days(1 + (13 * (ROWS - 1 - row) / ROWS) as u32));
        let token = Digest::of(format!("customer {}", dice.below(350)).as_bytes()).to_string();
        out.push_str(&format!(
            "SO-{:07},{},{on},{},{quantity},{}.{:02},EUR,{}\r\n",
            4_100_000 + row * 3 + dice.below(3),
            &token[..16],
            PRODUCTS[product as usize],
            cents / 100,
            cents % 100,
            AREAS[dice.below(10) as usize],
        ));
    }
    out
}

/// SplitMix64: enough for data that only has to look like data.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{demo::documents::TICKET, domain::ticket::TicketDocument};

    #[test]
    fn the_orders_have_the_columns_of_the_example_ticket() {
        let ticket = TicketDocument::parse(TICKET).unwrap();
        let names: Vec<&str> = ticket.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names.join(","), HEADER);
        let text = csv(Time::from_micros(1_800_000_000_000_000));
        assert_eq!(text.lines().count() as u64, ROWS + 1);
        assert!(text.lines().all(|line| line.split(',').count() == names.len()));
    }
}
