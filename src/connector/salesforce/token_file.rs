//! The file of a refresh token that may rotate. Once a token was used its successor may be the only one alive, so:
//!
//! * one process at a time reads, uses and replaces it, by a lock in a file beside it;
//! * before a token is used it is made sure that its successor could be kept;
//! * the successor is whole and on disk as `FILE.new` before it takes the place of the old one, and a process that finds
//!   a whole `FILE.new` carries on where another was cut off.

use super::auth::stop;
use crate::config::refuse_if_linked;
use crate::connector::CallError;
use crate::connector::Retry;
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the lock is tried while another process signs in.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// Longer than any call for a token may take: whoever holds the lock by then does not call.
const LOCK_WITHIN: Duration = Duration::from_secs(150);
/// No token is longer.
const LARGEST_BYTES: u64 = 64 * 1024;

/// The token file, locked against other processes as long as this lives.
pub(super) struct TokenFile {
    file: PathBuf,
    /// Where there are no locks (some network file systems) there is none.
    _lock: Option<File>,
}

impl TokenFile {
    /// Waits until no other process uses the file.
    pub(super) async fn lock(file: &Path) -> Result<TokenFile, CallError> {
        refuse_if_linked(file).map_err(|why| stop(format!("[salesforce] refresh_token_file {why}")))?;
        let held = |lock| TokenFile { file: file.to_owned(), _lock: lock };
        let beside = named(file, ".lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&beside);
        let lock = lock.map_err(|error| held(None).cannot("be used", &beside, &error))?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(held(Some(lock))),
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                    return Ok(held(None));
                }
                Err(TryLockError::Error(error)) => return Err(held(None).cannot("be used", &beside, &error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() > LOCK_WITHIN => {
                    let message = "another process has been using it for too long".to_owned();
                    let message = format!("[salesforce] refresh_token_file {}: {message}", file.display());
                    return Err(CallError { retry: Retry::Soon, ..stop(message) });
                }
                // A poll that can be given up at any time, where a blocking call would hold up the end of the process.
                Err(TryLockError::WouldBlock) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    }

    /// The token to use. A successor that was not put in its place any more is put there first.
    pub(super) fn token(&self) -> Result<SecretString, CallError> {
        if self.leftover().is_some_and(|(_, written)| age(&self.file).is_none_or(|file| written >= file)) {
            self.use_leftover()?;
        }
        let text = fs::read_to_string(&self.file).map_err(|error| {
            let told = self.cannot("be read", &self.file, &error);
            let help = "`lockstep login` gets a token and writes it there";
            CallError { message: format!("{}; {help}", told.message), ..told }
        })?;
        Ok(SecretString::from(text.trim_end().to_owned()))
    }

    /// A whole successor beside the file, although the file is newer: somebody put an older token into its place.
    pub(super) fn other_token(&self) -> Option<SecretString> {
        self.leftover().map(|(token, _)| token)
    }

    /// Puts the successor beside the file into its place.
    pub(super) fn use_leftover(&self) -> Result<(), CallError> {
        self.put_in_place().map_err(|error| self.cannot("be replaced", &self.file, &error))
    }

    /// Makes sure that a successor could be kept: a token that rotates is dead once it was used.
    pub(super) fn prove(&self) -> Result<(), CallError> {
        // What is left of a successor may still be needed, and shows that one can be written.
        if self.leftover().is_some() {
            return Ok(());
        }
        let fresh = self.fresh();
        self.new_file()
            .and_then(|_| fs::remove_file(&fresh))
            .map_err(|error| self.cannot("be replaced", &fresh, &error))
    }

    /// Keeps the successor of the token that was used, in one step and durably. When the file holds another token by now,
    /// that one was put there later, and stays.
    pub(super) fn follow(&self, used: &SecretString, successor: &SecretString) -> Result<(), CallError> {
        match fs::read_to_string(&self.file) {
            Ok(text) if text.trim_end() != used.expose_secret() => Ok(()),
            _ => self.put(successor),
        }
    }

    /// Keeps a token whatever was there, in one step and durably.
    pub(super) fn put(&self, token: &SecretString) -> Result<(), CallError> {
        let write = || -> io::Result<()> {
            let mut out = self.new_file()?;
            // The line break says that nothing is missing.
            out.write_all(format!("{}\n", token.expose_secret()).as_bytes())?;
            out.sync_all()?;
            self.put_in_place()
        };
        write().map_err(|error| self.cannot("be replaced", &self.fresh(), &error))
    }

    fn put_in_place(&self) -> io::Result<()> {
        fs::rename(self.fresh(), &self.file)?;
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// A new file, whoever may have left one there with permissions of his own.
    fn new_file(&self) -> io::Result<File> {
        let fresh = self.fresh();
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)
    }

    /// A whole token beside the file that only its owner could have written, and when it was.
    fn leftover(&self) -> Option<(SecretString, (i64, i64))> {
        let fresh = self.fresh();
        let known = fs::symlink_metadata(&fresh).ok()?;
        if !known.is_file() || known.mode() & 0o077 != 0 || known.len() > LARGEST_BYTES {
            return None;
        }
        let text = fs::read_to_string(&fresh).ok()?;
        let token = text.strip_suffix('\n').filter(|token| !token.trim().is_empty())?;
        Some((SecretString::from(token.to_owned()), (known.mtime(), known.mtime_nsec())))
    }

    fn fresh(&self) -> PathBuf {
        named(&self.file, ".new")
    }

    fn cannot(&self, what: &str, where_: &Path, error: &io::Error) -> CallError {
        let file = self.file.display();
        let place = if where_ == self.file { String::new() } else { format!("{}: ", where_.display()) };
        let help = match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem if what != "be read" => {
                "; name a file in a directory that this user may write, such as /var/lib/lockstep/refresh-token"
            }
            _ => "",
        };
        stop(format!("[salesforce] refresh_token_file {file} cannot {what}: {place}{error}{help}"))
    }
}

fn named(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    PathBuf::from(name)
}

fn age(file: &Path) -> Option<(i64, i64)> {
    fs::metadata(file).ok().map(|known| (known.mtime(), known.mtime_nsec()))
}
