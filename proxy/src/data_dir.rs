//! The folder for what one edge must remember over a restart. It belongs to one process at a time and is closed to
//! other users of the machine. Must not know what is kept in it.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "lock";
const OWNER_ONLY_FOLDER: u32 = 0o700;
const OWNER_ONLY_FILE: u32 = 0o600;

pub struct DataDir {
    path: PathBuf,
    /// Held until the process ends, however it ends: the kernel gives it back.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("{} is used by another edge; give each edge a folder of its own", .0.display())]
    Taken(PathBuf),
    #[error("{} can't be used: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

impl DataDir {
    /// Makes the folder where it is missing, closes it to others, and locks it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(path).map_err(unusable)?;
        // One that stood there already may be open to all.
        std::fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY_FOLDER)).map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(OWNER_ONLY_FILE)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Taken(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> PathBuf {
        std::env::temp_dir().join(format!("keyward-data-dir-{}", uuid::Uuid::new_v4()))
    }

    #[test]
    fn two_edges_never_share_a_folder() {
        let path = fresh();
        let first = DataDir::open(&path).expect("free");
        assert!(matches!(DataDir::open(&path), Err(DataDirError::Taken(_))));
        drop(first);
        DataDir::open(&path).expect("free again");
        std::fs::remove_dir_all(path).expect("removed");
    }

    #[test]
    fn the_folder_is_closed_to_others_even_if_it_was_not() {
        let path = fresh();
        std::fs::create_dir_all(&path).expect("made");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("opened");
        let opened = DataDir::open(&path).expect("free");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&opened.file(LOCK_FILE))), (OWNER_ONLY_FOLDER, OWNER_ONLY_FILE));
        std::fs::remove_dir_all(path).expect("removed");
    }
}
