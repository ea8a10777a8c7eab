//! What may happen: one file per act. Only this room can name the vault.

#[cfg_attr(not(test), expect(dead_code, reason = "the acts that call the vault come with the gateway"))]
mod vault;
