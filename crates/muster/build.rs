//! Has the server built again when the console that it embeds has changed: the compiler only knows of the
//! files that were there when it last looked.

use std::path::Path;

#[allow(clippy::print_stdout)] // the way to talk to cargo
fn main() {
    let (console, built) = ("../../console", "../../console/dist");
    // As long as nothing is built, the folder where that will be: a path that is not there has changed, to
    // cargo, each time.
    let watched = if Path::new(built).exists() { built } else { console };
    println!("cargo::rerun-if-changed={watched}");
    println!("cargo::rerun-if-changed=build.rs");
}
