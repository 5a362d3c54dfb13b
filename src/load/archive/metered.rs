//! Holds reading to what somebody asked for.
//!
//! Between two entries the tar library reads what it needs to know about the
//! next one, long names for example, and keeps it in memory however long it is.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Bytes that may be read between two resets.
const ROOM: u64 = 1 << 20;

pub struct Metered<R> {
    input: R,
    meter: Meter,
}

/// Resets what may still be read.
#[derive(Clone)]
pub struct Meter(Rc<Cell<u64>>);

impl<R: Read> Metered<R> {
    pub fn new(input: R) -> (Self, Meter) {
        let meter = Meter(Rc::new(Cell::new(ROOM)));
        (Metered { input, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Meter(left) = &self.meter;
        if left.get() == 0 {
            return Err(io::Error::other("what describes an entry is too long"));
        }
        let most = buffer.len().min(left.get() as usize);
        let read = self.input.read(&mut buffer[..most])?;
        left.set(left.get() - read as u64);
        Ok(read)
    }
}

impl Meter {
    pub fn reset(&self) {
        self.0.set(ROOM);
    }

    /// A reader of what goes through the meter; each read is asked for.
    pub fn reset_by<R: Read>(&self, reader: R) -> impl Read {
        Asked { reader, meter: self.clone() }
    }
}

struct Asked<R> {
    reader: R,
    meter: Meter,
}

impl<R: Read> Read for Asked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.reset();
        self.reader.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_is_read_on() {
        let (mut input, meter) = Metered::new(io::repeat(1));
        let mut short = vec![0; ROOM as usize];
        input.read_exact(&mut short).unwrap();
        assert!(input.read(&mut short).is_err());
        meter.reset();
        let mut long = vec![0; 3 * ROOM as usize];
        assert!(input.read_exact(&mut long).is_err());
        assert!(meter.reset_by(&mut input).read_exact(&mut long[..ROOM as usize / 2]).is_ok());
    }
}
