//! Archives and digests made for tests.

use sha2::{Digest, Sha256};
use skiff::text;

/// Hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    text::hex(&Sha256::digest(bytes))
}

/// As manifests write it: `sha256:` and the digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

/// A tar archive of executable files, each with its path and content.
pub fn tar<P: AsRef<str>, C: AsRef<[u8]>>(files: &[(P, C)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let content = content.as_ref();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, path.as_ref(), content).unwrap();
    }
    archive.into_inner().unwrap()
}
