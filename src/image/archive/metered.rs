//! Limits what is read between two entries of an archive.
//!
//! There the tar library reads headers, long names for example, and keeps them
//! in memory however long they are.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Bytes that may be read between two resets.
const LIMIT: u64 = 1 << 20;

/// Reads at most [`LIMIT`] bytes until it is reset.
pub(super) struct Metered<R> {
    input: R,
    meter: Meter,
}

/// Resets the limit.
#[derive(Clone)]
pub(super) struct Meter(Rc<Cell<u64>>);

impl<R: Read> Metered<R> {
    pub(super) fn new(input: R) -> (Self, Meter) {
        let meter = Meter(Rc::new(Cell::new(LIMIT)));
        (Metered { input, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Meter(left) = &self.meter;
        if left.get() == 0 {
            return Err(io::Error::other("header too large"));
        }
        let most = buffer.len().min(left.get() as usize);
        let read = self.input.read(&mut buffer[..most])?;
        left.set(left.get() - read as u64);
        Ok(read)
    }
}

impl Meter {
    /// Allows the next [`LIMIT`] bytes.
    pub(super) fn reset(&self) {
        self.0.set(LIMIT);
    }

    /// Reads an entry, which goes through the meter: each read resets the limit.
    pub(super) fn reset_by<R: Read>(&self, reader: R) -> impl Read {
        EntryReader { reader, meter: self.clone() }
    }
}

struct EntryReader<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for EntryReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.reset();
        self.reader.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_at_the_limit_unless_it_is_reset() {
        let (mut input, meter) = Metered::new(io::repeat(1));
        let mut short = vec![0; LIMIT as usize];
        input.read_exact(&mut short).unwrap();
        assert!(input.read(&mut short).is_err());
        meter.reset();
        let mut long = vec![0; 3 * LIMIT as usize];
        assert!(input.read_exact(&mut long).is_err());
        assert!(meter.reset_by(&mut input).read_exact(&mut long[..LIMIT as usize / 2]).is_ok());
    }
}
