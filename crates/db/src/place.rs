//! The files of a SQLite database: made for its owner alone, and the same as long as they are open. SQLite
//! goes on in files that were removed or replaced as if nothing had happened, and what it writes there is
//! lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::{Error, ErrorKind};

/// Device and inode.
type Identity = (u64, u64);

/// Where files were opened, and which.
pub(crate) struct Place {
    /// Empty where there is no way to tell one file from another.
    files: Vec<(PathBuf, Identity)>,
    disposable: bool,
    /// Whether the log was told of it.
    told: AtomicBool,
}

impl Place {
    /// Of a database in WAL mode that is open. `disposable`: nothing has to be put back.
    pub(crate) fn of(path: &Path, disposable: bool) -> Self {
        let known = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        let files = files(path).into_iter().filter_map(known).collect();
        Self { files, disposable, told: AtomicBool::new(false) }
    }

    /// Succeeds when all of them are there. Costs a microsecond a file; the log hears of each change once.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let lost = self.files.iter().find(|(path, opened)| identity(path) != Some(*opened));
        let error = lost.map(|(path, _)| self.removed(path));
        if self.told.swap(error.is_some(), Relaxed) != error.is_some() {
            if let Some(error) = &error {
                tracing::error!(%error, "a file of a database is gone: nothing is written to it");
            } else {
                tracing::info!("the files of a database are back: it is written to again");
            }
        }
        error.map_or(Ok(()), Err)
    }

    fn removed(&self, path: &Path) -> Error {
        let remedy = if self.disposable {
            "put it back, or start the server again, which makes a new one"
        } else if self.files.first().is_none_or(|first| first.0 == path) {
            "put it back, or stop the server, restore a backup and start it again"
        } else {
            "stop the server, which brings everything into the database file, and start it again"
        };
        let text = format!(
            "the file {} is no longer the one that was opened, it was removed or replaced: {remedy}",
            path.display()
        );
        Error::new(ErrorKind::Unavailable, text)
    }
}

/// Makes the file if there is none, closed to other users, as it closes one that somebody else made readable;
/// SQLite gives -wal and -shm the same mode.
///
/// An existing file is never opened here: closing any descriptor of it drops the POSIX locks that the
/// process's SQLite connections hold on it (fcntl(2)), and another program could then delete the write-ahead
/// log under us.
#[cfg(unix)]
pub(crate) fn create_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let mode = std::fs::metadata(path)?.permissions().mode();
    let closed = std::fs::Permissions::from_mode(0o600);
    if mode & 0o077 != 0 && std::fs::set_permissions(path, closed).is_err() {
        tracing::warn!(mode = format!("{mode:o}"), "other users may read the database file: chmod 600 it");
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn create_file(path: &Path) -> std::io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::create_dir_all(dir)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a write-ahead log whose database is gone: SQLite would take it for a leftover and delete it.
pub(crate) fn check_log(path: &Path) -> Result<(), Error> {
    let [_, log, _] = files(path);
    let is_empty = |path: &Path| std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    if !is_empty(path) || is_empty(&log) {
        return Ok(());
    }
    let text = format!(
        "the database file {} is missing or empty, but {} holds changes of it: put the file back, or move that one \
         away to begin anew",
        path.display(),
        log.display()
    );
    Err(Error::new(ErrorKind::Unavailable, text))
}

/// The files of a SQLite database: itself, and what SQLite keeps beside it as long as it is open, the
/// write-ahead log and its index. Where the path is a link those are beside what it leads to.
pub fn files(path: &Path) -> [PathBuf; 3] {
    let home = std::fs::canonicalize(path).ok();
    let beside = |end| {
        let mut name = home.as_deref().unwrap_or(path).as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    [path.to_owned(), beside("-wal"), beside("-shm")]
}

/// What tells a file from another one that stands at its path later. `None`: there is no file, or no way to
/// tell.
///
/// On Linux it asks for nothing but the number of the file. Who asks for times has the next write of the file
/// get a time of its own, and some file systems (ext4 without a journal) write that with each `fdatasync`.
pub fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
        match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
            Ok(file) => Some((makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino)),
            // An old kernel, or a sandbox that does not know the call.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => of_metadata(path),
            Err(_) => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    of_metadata(path)
}

#[cfg(unix)]
fn of_metadata(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn of_metadata(_: &Path) -> Option<Identity> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn either_way_to_ask_names_a_file_alike() {
        let here = std::env::current_exe().unwrap();
        assert_eq!(identity(&here), of_metadata(&here));
        assert!(identity(&here).is_some() && identity(&here.join("nothing")).is_none());
        assert_ne!(identity(&here), identity(here.parent().unwrap()));
    }
}
