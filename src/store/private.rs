//! Directories and files that only the user of the daemon may look into: ids, statuses and the words of errors are nobody
//! else's business. A directory that is there already, such as a volume, is left as whoever made it wanted it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a directory, and those above it that are missing.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Makes a file, empty, to be written.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::super::doubt::Doubt;
    use super::super::testing::{at, link};
    use super::super::{Store, StoreOptions};
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_the_store_makes_is_for_its_user_alone_and_a_volume_stays_as_it_is() {
        let volume = tempfile::tempdir().unwrap();
        std::fs::set_permissions(volume.path(), Permissions::from_mode(0o755)).unwrap();
        let dir = volume.path().join("acme/data");
        let store = Store::open(&dir, "acme", StoreOptions::default()).unwrap();
        store.write_blocking(|t| t.put_link(&link(1, 1))).unwrap();
        let checkpoint = store.checkpoint(at(1)).unwrap().unwrap().path;
        Doubt::Suspect("rows are missing".to_owned()).leave(&dir);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for made in [&dir, dir.parent().unwrap(), &dir.join("sled"), &dir.join("checkpoints")] {
            assert_eq!(mode(made), 0o700, "{}", made.display());
        }
        for made in [&checkpoint, &dir.join("store.doubt")] {
            assert_eq!(mode(made), 0o600, "{}", made.display());
        }
        assert_eq!(mode(volume.path()), 0o755);
    }
}
