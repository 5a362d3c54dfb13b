//! Docker keeps a layer as an unpacked directory, and in a separate record all
//! parts of its tar archive that are not contents of files.
//!
//! The record is tar-split's (`tar-split.json.gz` in Docker's `layerdb`): one
//! JSON object a line, either bytes of the archive or a file whose content comes
//! next. Put together they are the original archive, byte by byte.

use std::io::{self, BufRead, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::read::GzDecoder;
use serde::Deserialize;

/// The next part of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Headers and padding, as they are in the archive.
    Bytes(Bytes),
    /// The content of a file, which the unpacked directory has.
    File {
        /// Bytes of the path inside the layer, such as `etc/hosts`; not always UTF-8.
        path: Vec<u8>,
        /// In bytes, never 0.
        size: u64,
    },
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: Option<String>,
    /// Base64, for names that are not UTF-8.
    #[serde(default)]
    name_raw: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: Option<String>,
}

const FILE: u8 = 1;
const SEGMENT: u8 = 2;

/// The parts of an archive in order, from its record, compressed as Docker
/// stores it. Files without content are left out.
///
/// # Errors
/// An item is an error if the record is damaged or has another format.
pub(crate) fn parts(record: impl Read) -> impl Iterator<Item = io::Result<Part>> {
    BufReader::new(GzDecoder::new(record)).lines().filter_map(|line| match line {
        Ok(line) => part(&line).transpose(),
        Err(error) => Some(Err(error)),
    })
}

fn part(line: &str) -> io::Result<Option<Part>> {
    let line: Line = serde_json::from_str(line)?;
    let decoded = |text: &str| BASE64.decode(text).map_err(io::Error::other);
    match line.kind {
        SEGMENT => {
            let payload = decoded(&line.payload.unwrap_or_default())?;
            Ok(Some(Part::Bytes(payload.into())))
        }
        FILE if line.size == 0 => Ok(None),
        FILE => {
            let path = match (line.name_raw, line.name) {
                (Some(raw), _) => decoded(&raw)?,
                (None, Some(name)) => name.into_bytes(),
                (None, None) => return Err(io::Error::other("a file without a name")),
            };
            if !is_inside(&path) {
                let path = path.escape_ascii();
                return Err(io::Error::other(format!("{path} is not in its layer")));
            }
            Ok(Some(Part::File { path, size: line.size }))
        }
        other => Err(io::Error::other(format!("unknown entry type {other}"))),
    }
}

/// Whether a path stays below its directory, whatever that is, and stays one of the
/// names in [`summary`].
fn is_inside(path: &[u8]) -> bool {
    !path.contains(&0) && path.split(|byte| *byte == b'/').all(|part| part != b"..")
}

/// The archive's length in bytes, and the paths of the files that it takes
/// contents from, in order, each ended by a zero byte.
///
/// # Errors
/// Fails if the record is damaged or has another format.
pub(crate) fn summary(record: &[u8]) -> io::Result<(u64, Vec<u8>)> {
    let (mut length, mut files) = (0, Vec::new());
    for part in parts(record) {
        match part? {
            Part::Bytes(bytes) => length += bytes.len() as u64,
            Part::File { path, size } => {
                length += size;
                // Never an option of a command, never outside the directory.
                files.extend_from_slice(b"./");
                files.extend_from_slice(&path);
                files.push(0);
            }
        }
    }
    Ok((length, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixtures::gzip;

    /// In the form that Docker 26 wrote.
    const LINES: &str = r#"{"type":2,"payload":"aGVhZA==","position":0}
{"type":1,"name":"bin/busybox","size":7,"payload":"EGqePLeHM+U=","position":1}
{"type":2,"payload":"cGFk","position":2}
{"type":1,"name":"bin/","payload":null,"position":3}
{"type":1,"name_raw":"/w==","size":1,"payload":"EGqePLeHM+U=","position":4}
"#;

    #[test]
    fn an_archive_is_bytes_and_file_contents_in_turn() {
        let file = |path: &[u8], size| Part::File { path: path.to_vec(), size };
        let record = gzip(LINES.as_bytes());
        let found: Vec<Part> = parts(&record[..]).map(Result::unwrap).collect();
        let text = |text: &'static str| Part::Bytes(Bytes::from_static(text.as_bytes()));
        assert_eq!(found, [text("head"), file(b"bin/busybox", 7), text("pad"), file(b"\xff", 1)]);
        let (length, files) = summary(&record).unwrap();
        assert_eq!((length, files), (4 + 7 + 3 + 1, b"./bin/busybox\0./\xff\0".to_vec()));
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let complete = gzip(LINES.as_bytes());
        for damaged in [
            complete[..complete.len() / 2].to_vec(),
            gzip(b"{\"type\":9}\n"),
            gzip(b"nonsense\n"),
            gzip(b"{\"type\":2,\"payload\":\"*\"}\n"),
            gzip(b"{\"type\":1,\"size\":1}\n"),
            gzip(b"{\"type\":1,\"name\":\"../a\",\"size\":1}\n"),
            gzip(b"{\"type\":1,\"name\":\"a/../../b\",\"size\":1}\n"),
            gzip(b"{\"type\":1,\"name\":\"a\\u0000./../b\",\"size\":1}\n"),
            gzip(b"{\"type\":1,\"name_raw\":\"YQAuLi9i\",\"size\":1}\n"),
            b"not gzip".to_vec(),
        ] {
            assert!(summary(&damaged).is_err());
        }
    }
}
