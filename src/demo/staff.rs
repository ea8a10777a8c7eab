//! The staff is enrolled: two people by the machine's owner, everybody else by these two.

use super::cast::the;
use super::{
    cast::{CAST, Player},
    egressctl::{As, Egressctl},
    keys,
    place::Place,
    screen::Screen,
};
use crate::domain::people::Role;
use crate::gateway::answers::{Done, Listing, StaffRow, StaffState, Status};
use anyhow::ensure;

pub async fn enrol(place: &Place, egressctl: &Egressctl, screen: &Screen) -> anyhow::Result<()> {
    screen.heading("The staff");
    let listed: Listing<StaffRow> = egressctl.ask(As::Owner, &["staff", "list"]).await?;
    let is_enrolled =
        |player: &Player| listed.rows.iter().any(|row| row.name.as_str() == player.name && row.state == StaffState::Enrolled);
    for player in CAST {
        let key = place.staff().join(player.name);
        ensure!(
            key.exists() || !is_enrolled(&player),
            "the key of {} is lost, {}: rm -r {} and start again",
            player.name,
            key.display(),
            place.shown()
        );
        keys::ssh(&key, player.name)?;
    }
    let missing: Vec<Player> = CAST.into_iter().filter(|player| !is_enrolled(player)).collect();
    let (first, second) = (CAST[0], CAST[1]);
    if missing.is_empty() {
        screen.done(&format!("{} people, enrolled on an earlier day", CAST.len()));
        return thaw(egressctl, screen).await;
    }
    for player in missing.iter().filter(|player| CAST[..2].contains(player)) {
        enrolled_by(As::Owner, *player, place, egressctl).await?;
        screen.done(&format!("{} · {}: enrolled by the owner of this machine", player.name, player.role));
    }
    let others: Vec<Player> = missing.into_iter().filter(|player| !CAST[..2].contains(player)).collect();
    let all = async {
        for player in &others {
            enrolled_by(first.into(), *player, place, egressctl).await?;
            enrolled_by(second.into(), *player, place, egressctl).await?;
        }
        anyhow::Ok(())
    };
    screen.while_waiting("enrolling the others, each by two people", all).await?;
    for players in others.chunks(2) {
        let names: Vec<_> =
            players.iter().map(|player| format!("{:<32}", format!("{} · {}", player.name, player.role))).collect();
        screen.done(names.join("  ").trim_end());
    }
    screen.note(&format!("these by {} and {} together; everybody signs with a key of their own", first.name, second.name));
    Ok(())
}

async fn enrolled_by(who: As, player: Player, place: &Place, egressctl: &Egressctl) -> anyhow::Result<()> {
    let key = place.staff().join(player.name).with_added_extension("pub");
    let arguments = ["staff", "enroll", player.name, "--roles", player.role.name(), "--public-key", &key.display().to_string()];
    egressctl.ask::<Done>(who, &arguments).await?;
    Ok(())
}

/// Somebody tried `egressctl freeze` the last time: two people lift it.
async fn thaw(egressctl: &Egressctl, screen: &Screen) -> anyhow::Result<()> {
    let (responder, operator) = (the(Role::SecurityResponder), the(Role::Operator));
    let status: Status = egressctl.ask(operator, &["status"]).await?;
    if status.frozen.is_some() {
        for player in [responder, operator] {
            egressctl.ask::<Done>(player, &["unfreeze", "--reason", "the demonstration starts again"]).await?;
        }
        screen.done(&format!("{} and {} lift the freeze of an earlier day", responder.name, operator.name));
    }
    Ok(())
}
