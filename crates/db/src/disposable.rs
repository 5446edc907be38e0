//! A file of records that may be lost: put out of the way when it is damaged, made smaller when it is empty
//! for the most part. Never for a file whose rows somebody was promised.

use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;

use crate::{Db, Error, ErrorKind, Migration, Target, sqlite};

/// So much lost room is not worth a file written anew.
const WORTH_BYTES: i64 = 16 << 20;

impl Db {
    /// As [`Db::beside`], for the start of a server, which nobody waits for yet: a damaged file is set aside
    /// under another name and a new one begun, and an old one that gives no room back is written anew when
    /// more than half of it is free.
    pub fn beside_mended(&self, file: &str, steps: &[Migration]) -> Result<Self, Error> {
        let Target::Sqlite { path } = &self.inner.target else { return Ok(self.clone()) };
        let path = path.with_file_name(file);
        if path.is_file()
            && let Err(error) = compact(&path)
            && error.kind() != ErrorKind::Damaged
        {
            // Room is not worth the start. Damage shows itself below, and is told of there.
            tracing::warn!(file, %error, "a file that is mostly free space was not made smaller");
        }
        match self.beside(file, steps) {
            Err(error) if error.kind() == ErrorKind::Damaged => {
                let aside = set_aside(&path).map_err(|failed| {
                    let text = format!("{error}; and it cannot be set aside: {failed}");
                    Error::new(ErrorKind::Damaged, text)
                })?;
                let aside = aside.display();
                tracing::warn!(%error, %aside, "a damaged file was set aside, and a new one is begun");
                self.beside(file, steps)
            }
            opened => opened,
        }
    }
}

fn compact(path: &Path) -> Result<(), Error> {
    let conn = sqlite::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let ask = |pragma: &str| conn.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let (pages, free) = (ask("PRAGMA page_count")?, ask("PRAGMA freelist_count")?);
    let lost = free * ask("PRAGMA page_size")?;
    if ask("PRAGMA auto_vacuum")? != 0 || free * 2 <= pages || lost < WORTH_BYTES {
        return Ok(());
    }
    tracing::info!(file = %path.display(), free_bytes = lost, "writing a file anew that is mostly free space");
    conn.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Renames the file and what SQLite keeps beside it; answers the new name.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let with = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let mut names = (1_u32..).map(|number| with(path, &format!(".damaged-{number}")));
    let aside = names.find(|name| !name.exists()).expect("numbers do not run out before the disk does");
    for end in ["-wal", "-shm", ""] {
        let from = with(path, end);
        if from.exists() {
            std::fs::rename(from, with(&aside, end))?;
        }
    }
    Ok(aside)
}
