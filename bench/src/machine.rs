//! What the numbers were measured on.

use std::process::Command;

fn file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn field(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or("unknown").trim().to_owned()
}

/// Date, machine and versions, in lines.
pub fn describe(muster: &str) -> String {
    let (cpu, memory) = (file("/proc/cpuinfo"), file("/proc/meminfo"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (model, memory) = (field(&cpu, "model name"), field(&memory, "MemTotal"));
    let kernel = file("/proc/sys/kernel/osrelease");
    let (date, load) = (said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]), file("/proc/loadavg"));
    let load = load.split(' ').next().unwrap_or_default();
    let version = said(muster, &["version"]);
    format!(
        "{date}; {cores} cores of {model}; memory {memory}; Linux {}; load {load} at the start\n{version}; SQLite {}; bench {}",
        kernel.trim(),
        rusqlite::version(),
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        assert_eq!(field("a: 1\nmodel name\t: Fast CPU\n", "model name"), "Fast CPU");
        assert_eq!(field("", "model name"), "unknown");
    }
}
