//! Which state of the data a snapshot shows, and whether it is still the newest one: told by the header of
//! the index that SQLite keeps of its write-ahead log (-shm), without opening a snapshot.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;

use crate::place::files;

/// Length of the header. It stands twice, so that one that is just being written is noticed.
const HEADER: usize = 48;
/// Version of the index's layout, the header's first number.
const LAYOUT: u32 = 3_007_000;
/// Where the header says that it is written at all.
const IS_WRITTEN: usize = 12;

/// A state of the data of a SQLite database: changes with each commit of any process. Snapshots of the same
/// state show the same.
///
/// It is the index's header (<https://www.sqlite.org/walformat.html>), by which SQLite itself tells at the
/// beginning of a snapshot whether what it knows is still so: a number of the commit, lengths, checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State([u8; HEADER]);

/// The index beside a database that is open.
///
/// It is read, not mapped, and stays open until the process ends: to close it would drop the locks that the
/// connections of the process hold on it (fcntl(2)).
pub(super) struct Index(ManuallyDrop<File>);

impl Index {
    /// `None`: without it nobody knows of states.
    pub(super) fn open(database: &Path) -> Option<Self> {
        // Elsewhere a file that is read may lag behind one that is mapped.
        if !cfg!(target_os = "linux") {
            return None;
        }
        let [_, _, index] = files(database);
        File::open(index).ok().map(|file| Self(ManuallyDrop::new(file)))
    }

    /// The state that the next snapshot would show. `None`: a commit is just being made known.
    pub(super) fn state(&self) -> Option<State> {
        let mut twice = [0; 2 * HEADER];
        read(&self.0, &mut twice)?;
        of(&twice)
    }
}

fn of(twice: &[u8; 2 * HEADER]) -> Option<State> {
    let (first, second) = twice.split_first_chunk::<HEADER>()?;
    let same = first == second;
    let known = first.starts_with(&LAYOUT.to_ne_bytes()) && first[IS_WRITTEN] != 0;
    (same && known).then_some(State(*first))
}

#[cfg(unix)]
fn read(file: &File, into: &mut [u8]) -> Option<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, 0).ok()
}

#[cfg(not(unix))]
fn read(_: &File, _: &mut [u8]) -> Option<()> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::open_writer;
    use super::*;

    #[test]
    fn each_commit_of_anybody_makes_another_state_and_nothing_else_does() {
        let dir = std::env::temp_dir().join(format!("muster-state-{:032x}", rand::random::<u128>()));
        let path = dir.join("t.db");
        let (one, other) = (open_writer(&path, true).unwrap(), open_writer(&path, true).unwrap());
        one.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        let index = Index::open(&path).unwrap();
        let mut seen = vec![index.state().unwrap()];
        for (conn, sql) in [
            (&one, "INSERT INTO t VALUES (1)"),
            (&other, "INSERT INTO t VALUES (2)"),
            (&one, "BEGIN; DELETE FROM t; COMMIT"),
            (&one, "INSERT INTO t VALUES (1)"),
        ] {
            conn.execute_batch(sql).unwrap();
            let state = index.state().unwrap();
            assert!(!seen.contains(&state), "{sql}");
            seen.push(state);
        }
        let newest = index.state();
        one.execute_batch("BEGIN IMMEDIATE; DELETE FROM t; ROLLBACK; PRAGMA wal_checkpoint(PASSIVE)")
            .unwrap();
        other.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
        assert_eq!(index.state(), newest);
        // The log begins anew, at its first page again.
        one.execute_batch("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (3)").unwrap();
        assert!(!seen.contains(&index.state().unwrap()));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_header_half_written_or_of_another_layout_is_no_state() {
        let mut twice = [7; 2 * HEADER];
        for at in [0, HEADER] {
            twice[at..at + 4].copy_from_slice(&LAYOUT.to_ne_bytes());
        }
        assert!(of(&twice).is_some());
        let with = |at: usize, byte: u8| {
            let mut twice = twice;
            twice[at] = byte;
            of(&twice)
        };
        assert_eq!(with(HEADER - 1, 8), None);
        assert_eq!(with(2 * HEADER - 1, 8), None);
        let mut other = twice;
        (other[1], other[HEADER + 1]) = (0, 0);
        assert_eq!(of(&other), None, "another layout");
        let mut unwritten = twice;
        (unwritten[IS_WRITTEN], unwritten[HEADER + IS_WRITTEN]) = (0, 0);
        assert_eq!(of(&unwritten), None);
    }
}
