//! egressd: the gateway that data has to pass to leave. No approved ticket, no byte.
//!
//! `domain` says what is true, `audit`, `sealing` and `inspection` are mechanisms without a will, `gateway` decides
//! what may happen and alone can name its vault, `endpoints` translate for those who ask.

pub mod audit;
pub mod clock;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod demo;
pub mod domain;
pub mod endpoints;
pub mod forward;
pub mod gateway;
pub mod init;
pub mod inspection;
pub mod sealing;
