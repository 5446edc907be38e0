//! What happened to the directory, for the applications that consume it: numbered per account without holes,
//! written in the transaction of the change. Never carries secrets, and never a resource's values beyond its
//! names: a consumer reads the resource when an event tells of it.

pub mod actions;
pub mod api;
pub mod feed;
pub mod model;
pub mod store;
pub mod wire;

pub use feed::Feed;
pub use model::{Event, Kind};
pub use store::append;
