//! zstd: a sequence of frames, each with a checksum. The library computes it but
//! does not compare it.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Reads what is compressed in `input`.
pub(super) struct Zstd<R> {
    input: R,
    frame: Option<FrameDecoder>,
}

impl<R: BufRead> Zstd<R> {
    /// Reads the header of the first frame.
    ///
    /// # Errors
    /// Fails if the input does not begin with a valid zstd frame.
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let frame = next(&mut input)?;
        Ok(Zstd { input, frame })
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            while frame.can_collect() < buffer.len() && !frame.is_finished() {
                let due = BlockDecodingStrategy::UptoBytes(buffer.len() - frame.can_collect());
                frame.decode_blocks(&mut self.input, due).map_err(io::Error::other)?;
            }
            let read = frame.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let expected = frame.get_checksum_from_data();
            if expected.is_some() && expected != frame.get_calculated_checksum() {
                return Err(io::Error::other("checksum mismatch"));
            }
            self.frame = next(&mut self.input)?;
        }
        Ok(0)
    }
}

/// The next frame with content; `None` at the end.
fn next(input: &mut impl BufRead) -> io::Result<Option<FrameDecoder>> {
    while !input.fill_buf()?.is_empty() {
        let mut frame = FrameDecoder::new();
        match frame.init(&mut *input) {
            Ok(()) => return Ok(Some(frame)),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => drop(io::copy(&mut input.take(length.into()), &mut io::sink())?),
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Zstd::new(bytes)?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn frames_follow_each_other_and_have_their_checksums() {
        let frame = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let skipped = [&0x184d_2a50_u32.to_le_bytes()[..], &2_u32.to_le_bytes(), b"xx"].concat();
        let all = [frame(b"one "), skipped, frame(b"two")].concat();
        assert_eq!(read(&all).unwrap(), b"one two");
        let mut wrong = all.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(read(&wrong).unwrap_err().to_string().contains("checksum"));
        assert!(read(&all[..all.len() - 5]).is_err());
    }
}
