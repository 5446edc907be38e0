//! What must hold on both engines alike.
#![allow(clippy::unwrap_used)]

mod both {
    pub mod values;
}
