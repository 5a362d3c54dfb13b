//! Copies of programs that are kept, and checked before they are used.
//!
//! Reading all of a program to compute its digest takes longer than many of its runs. So
//! the digest is computed again only after the file was changed, as the system tells.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::cache;
use crate::image::Digest;
use crate::platform;

/// By it kubectl knows that it is not a plugin, and a program that is several in one that
/// it is kubectl.
pub(super) const NAME: &str = "kubectl";

/// The directory of one copy.
pub(super) struct Kept(pub PathBuf);

impl Kept {
    fn program(&self) -> PathBuf {
        self.0.join(NAME)
    }

    /// Has the program's digest, and the stamp that it had when that was checked.
    fn record(&self) -> PathBuf {
        self.0.join("digest")
    }

    /// The path of the program, if it is what was kept.
    pub(super) fn find(&self) -> Option<PathBuf> {
        let record = String::from_utf8(cache::kept(&self.record())?).ok()?;
        let (digest, checked) = record.trim_end().split_once(' ')?;
        let program = self.program();
        let stamp = platform::stamp(&program).ok()?;
        if stamp != checked {
            let found = Digest::of(&fs::read(&program).ok()?);
            if found.hex() != digest {
                return None;
            }
            // Without it the next run computes the digest again.
            let _ = self.write_record(&found, &stamp);
        }
        Some(program)
    }

    /// Keeps a program; returns its path.
    ///
    /// # Errors
    /// Returns the system's error if the directory cannot be written.
    pub(super) fn keep(&self, bytes: &[u8]) -> io::Result<PathBuf> {
        let program = self.program();
        cache::keep_program(&program, bytes)?;
        self.write_record(&Digest::of(bytes), &platform::stamp(&program)?)?;
        Ok(program)
    }

    fn write_record(&self, digest: &Digest, stamp: &str) -> io::Result<()> {
        cache::keep(&self.record(), format!("{} {stamp}\n", digest.hex()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_used_only_as_it_was_kept() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept(directory.path().join("image"));
        assert_eq!(kept.find(), None);
        let program = kept.keep(b"good").unwrap();
        assert_eq!(kept.find(), Some(program.clone()));

        // The same content with another stamp, as after a backup.
        fs::remove_file(&program).unwrap();
        fs::write(&program, "good").unwrap();
        let record = fs::read(kept.record()).unwrap();
        assert_eq!(kept.find(), Some(program.clone()));
        assert_ne!(fs::read(kept.record()).unwrap(), record, "the new stamp is remembered");

        fs::write(&program, "evil").unwrap();
        assert_eq!(kept.find(), None);
        kept.keep(b"good").unwrap();
        assert_eq!(kept.find(), Some(program.clone()));

        // As skiff kept it once: without a digest.
        fs::remove_file(kept.record()).unwrap();
        assert_eq!(kept.find(), None);
    }

    /// With a cache directory below `/tmp`, in which another user was first.
    #[cfg(unix)]
    #[test]
    fn a_copy_of_another_user_is_not_used() {
        use std::os::unix::fs::{PermissionsExt, lchown};

        let shared = tempfile::tempdir().unwrap();
        fs::set_permissions(shared.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let cache = shared.path().join("cache");
        let kept = Kept(cache.join("image"));
        let program = kept.keep(b"evil").unwrap();
        assert_eq!(kept.find(), Some(program));
        // Only root can give something away; for others there is nobody to play.
        if lchown(&cache, Some(12345), None).is_ok() {
            assert_eq!(kept.find(), None);
        }
    }
}
