//! Recognises compressed archives by their first bytes.

use std::io::{BufRead, BufReader, Read};

use super::error::ArchiveError;
use super::zstd::Zstd;

/// The first bytes of anything that gzip compressed.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 256 << 10;

type Reader<'a> = Box<dyn Read + 'a>;

/// The tar archive in `input`, and whether it was compressed.
pub(super) fn decompress<'a>(input: impl Read + 'a) -> Result<(Reader<'a>, bool), ArchiveError> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let start = input.fill_buf().map_err(ArchiveError::Damaged)?;
    if start.starts_with(&GZIP) {
        return Ok((Box::new(flate2::bufread::MultiGzDecoder::new(input)), true));
    }
    if start.starts_with(&ZSTD) {
        return Ok((Box::new(Zstd::new(input).map_err(ArchiveError::Damaged)?), true));
    }
    Ok((Box::new(input), false))
}
