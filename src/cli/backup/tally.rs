//! Counts and hashes what goes through.

use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// A writer that knows how much it was given, and its SHA-256.
pub struct Tally<W> {
    to: W,
    bytes: u64,
    hash: Sha256,
}

/// What went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub bytes: u64,
    pub sha256: [u8; 32],
}

impl<W: Write> Tally<W> {
    pub fn new(to: W) -> Self {
        Self { to, bytes: 0, hash: Sha256::new() }
    }

    /// What went through so far.
    pub fn sum(&self) -> Sum {
        Sum { bytes: self.bytes, sha256: self.hash.clone().finalize().into() }
    }

    /// Where it went.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Sum {
    /// The SHA-256 in hexadecimal.
    pub fn hex(&self) -> String {
        self.sha256.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_told() {
        let mut tally = Tally::new(Vec::new());
        tally.write_all(b"a").unwrap();
        tally.write_all(b"bc").unwrap();
        let sum = tally.sum();
        assert_eq!((sum.bytes, tally.into_inner().as_slice()), (3, b"abc".as_slice()));
        assert_eq!(sum.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
