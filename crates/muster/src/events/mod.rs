//! What happened to the directory, for the applications that consume it: numbered per account without holes,
//! written in the transaction of the change. Never carries secrets.

pub mod store;

pub use store::{Event, append};
