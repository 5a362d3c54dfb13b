//! The bytes of a manifest before it is parsed: their limit and their digest.

use sha2::{Digest as _, Sha256};

use super::error::AddonError;
use crate::text;

/// In bytes. Larger manifests are refused; the largest in use have 2 MB.
pub(super) const SIZE_LIMIT: u64 = 16 << 20;

pub(super) fn too_large() -> String {
    format!("it is larger than {} MiB", SIZE_LIMIT >> 20)
}

/// The SHA-256 as 64 hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    text::hex(&Sha256::digest(bytes))
}

/// Checks content from `path` against its SHA-256.
///
/// # Errors
/// Returns [`AddonError::Checksum`] if the digest is not `wanted` (64 hexadecimal
/// digits).
pub(super) fn verify(path: &str, bytes: &[u8], wanted: String) -> Result<(), AddonError> {
    let found = sha256(bytes);
    match found == wanted {
        true => Ok(()),
        false => Err(AddonError::Checksum { path: path.to_owned(), found, wanted }),
    }
}
