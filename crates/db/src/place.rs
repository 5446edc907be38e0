//! Whether the files of an open SQLite database are still where they were opened. SQLite goes on in files
//! that were removed or replaced as if nothing had happened, and what it writes there is lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::{Error, ErrorKind};

/// What tells a file from another one that stands at its path later: device and inode.
type Identity = (u64, u64);

/// The database and what SQLite keeps beside it as long as it is open.
const ENDS: [&str; 3] = ["", "-wal", "-shm"];

/// Where files were opened, and which.
pub(crate) struct Place {
    /// Empty where there is no way to tell one file from another.
    files: Vec<(PathBuf, Identity)>,
    /// Whether the log was told of it.
    told: AtomicBool,
}

impl Place {
    /// Of a database in WAL mode that is open.
    pub(crate) fn of(path: &Path) -> Self {
        let with = |end| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let known = |path: PathBuf| identity(&path).map(|identity| (path, identity));
        let files = ENDS.into_iter().map(with).filter_map(known).collect();
        Self { files, told: AtomicBool::new(false) }
    }

    /// Succeeds when all of them are there. Costs a microsecond a file; the log hears of each change once.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let lost = self.files.iter().find(|(path, opened)| identity(path) != Some(*opened));
        let error =
            lost.map(|(path, _)| removed(path, self.files.first().is_none_or(|first| first.0 == *path)));
        if self.told.swap(error.is_some(), Relaxed) != error.is_some() {
            if let Some(error) = &error {
                tracing::error!(%error, "a file of the database is gone: no write is taken");
            } else {
                tracing::info!("the files of the database are back: writes are taken again");
            }
        }
        error.map_or(Ok(()), Err)
    }
}

fn removed(path: &Path, is_database: bool) -> Error {
    let remedy = if is_database {
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

/// `None`: there is no file, or no way to tell.
fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
