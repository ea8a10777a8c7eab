//! Who may ask: each endpoint translates one protocol for one handle of the gateway, and decides nothing.

pub mod control;
pub mod https;
pub mod internal;
pub mod listener;
pub mod sftp;
pub mod stream;
