//! The quick tests of the crate from outside, in one program: those that run over again for each mutant.

mod keys;
mod messages;
mod mutations;
mod refusals;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod vectors;
mod wycheproof;
