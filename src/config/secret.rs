//! Secrets in files of their own.

use secrecy::SecretString;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

/// No secret or key is longer; a larger file is some other file, named by mistake.
const LARGEST_FILE_BYTES: u64 = 64 * 1024;

/// Reads a secret file. One line break at the end is not part of the secret (rulings.md 26).
///
/// # Errors
/// In words, without any of the content.
pub fn read(path: &Path) -> Result<SecretString, String> {
    let shown = path.display();
    let text = (|| {
        let file = fs::metadata(path)?;
        // What is no file says nothing of its size, and may have no end. A directory is told by reading it.
        if !file.is_file() && !file.is_dir() {
            return Err(io::Error::other("it is no file"));
        }
        if file.len() > LARGEST_FILE_BYTES {
            return Err(io::Error::other(format!("{} bytes are too many for a secret", file.len())));
        }
        fs::read_to_string(path)
    })()
    .map_err(|why| match why.kind() {
        io::ErrorKind::InvalidData => format!("cannot read {shown}: it is not text"),
        _ => format!("cannot read {shown}: {why}"),
    })?;
    let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.trim().is_empty() {
        return Err(format!("{shown} is empty"));
    }
    Ok(text.into())
}

/// Refuses a secret that has to be replaced one day, where the name leads to another file: mounted secrets are such links
/// and cannot be written, and what is put in the link's place is not put where it leads.
///
/// # Errors
/// In words that say where to put it instead.
pub fn refuse_if_linked(path: &Path) -> Result<(), String> {
    let Ok(target) = fs::read_link(path) else { return Ok(()) };
    Err(format!(
        "{} is a symbolic link to {}, and the token is replaced when it rotates: name a plain file in a directory that \
         the daemon may write, such as /var/lib/lockstep/refresh-token",
        path.display(),
        target.display()
    ))
}

/// Refuses a private key that others on this machine can read.
///
/// A key of the daemon's own user must be closed to everybody else. One that belongs to root may be readable by its
/// group: that is how Kubernetes mounts secrets for a daemon that is not root (PostgreSQL has the same rule for its
/// server key).
///
/// # Errors
/// In words that say how to mend it.
#[cfg(unix)]
pub fn refuse_if_open(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let Ok(file) = fs::metadata(path) else { return Ok(()) }; // Reading it reports why.
    let forbidden = if file.uid() == 0 && !runs_as_root() { 0o037 } else { 0o077 };
    if file.mode() & forbidden == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(format!("others can read the private key {shown} (mode {:o}): run `chmod 600 {shown}`", mode(&file)))
}

/// Where files have no owner and mode there is nothing to ask.
#[cfg(not(unix))]
pub fn refuse_if_open(_: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(unix)]
fn mode(file: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o7777
}

/// Asked of `/proc`, since asking the system itself takes unsafe code. Where it does not answer the stricter rule
/// holds.
#[cfg(unix)]
fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").map_or(true, |process| process.uid() == 0)
}
