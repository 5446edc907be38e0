//! What must hold on both engines alike, and what is special to each.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // copies of this binary are told what to do by env

mod engines {
    pub mod batches;
    pub mod bells;
    pub mod few;
    pub mod gate;
    pub mod locked;
    pub mod migrations;
    pub mod model;
    pub mod postgres;
    pub mod rehearsal;
    pub mod shared;
    pub mod sqlite;
    pub mod tls;
    pub mod turns;
    pub mod values;
}
